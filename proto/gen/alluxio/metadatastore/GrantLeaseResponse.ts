// Original file: proto/alluxio/metadata-store.proto


export interface GrantLeaseResponse {
  'leaseId'?: (string);
}

export interface GrantLeaseResponse__Output {
  'leaseId': (string);
}
