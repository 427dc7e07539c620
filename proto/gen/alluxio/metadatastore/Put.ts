// Original file: proto/alluxio/metadata-store.proto


export interface Put {
  'value'?: (string);
  'leaseId'?: (string);
}

export interface Put__Output {
  'value': (string);
  'leaseId': (string);
}
