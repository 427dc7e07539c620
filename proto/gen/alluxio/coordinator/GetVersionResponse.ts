// Original file: proto/alluxio/coordinator.proto


export interface GetVersionResponse {
  'version'?: (string);
  'clusterName'?: (string);
}

export interface GetVersionResponse__Output {
  'version': (string);
  'clusterName': (string);
}
