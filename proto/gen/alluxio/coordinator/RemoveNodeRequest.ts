// Original file: proto/alluxio/coordinator.proto


export interface RemoveNodeRequest {
  'uuid'?: (string);
}

export interface RemoveNodeRequest__Output {
  'uuid': (string);
}
