// Original file: proto/alluxio/metadata-store.proto


export interface KeepAliveRequest {
  'leaseId'?: (string);
}

export interface KeepAliveRequest__Output {
  'leaseId': (string);
}
