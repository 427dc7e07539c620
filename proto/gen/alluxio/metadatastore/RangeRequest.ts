// Original file: proto/alluxio/metadata-store.proto


export interface RangeRequest {
  'prefix'?: (string);
}

export interface RangeRequest__Output {
  'prefix': (string);
}
