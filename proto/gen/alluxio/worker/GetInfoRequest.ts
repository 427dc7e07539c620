// Original file: proto/alluxio/worker.proto


export interface GetInfoRequest {
}

export interface GetInfoRequest__Output {
}
