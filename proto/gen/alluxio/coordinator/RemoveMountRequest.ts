// Original file: proto/alluxio/coordinator.proto


export interface RemoveMountRequest {
  'mountPath'?: (string);
}

export interface RemoveMountRequest__Output {
  'mountPath': (string);
}
