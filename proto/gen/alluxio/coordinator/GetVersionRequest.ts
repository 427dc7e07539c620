// Original file: proto/alluxio/coordinator.proto


export interface GetVersionRequest {
}

export interface GetVersionRequest__Output {
}
