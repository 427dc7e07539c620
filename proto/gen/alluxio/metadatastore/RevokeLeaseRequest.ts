// Original file: proto/alluxio/metadata-store.proto


export interface RevokeLeaseRequest {
  'leaseId'?: (string);
}

export interface RevokeLeaseRequest__Output {
  'leaseId': (string);
}
