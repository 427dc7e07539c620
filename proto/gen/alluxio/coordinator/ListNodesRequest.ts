// Original file: proto/alluxio/coordinator.proto


export interface ListNodesRequest {
}

export interface ListNodesRequest__Output {
}
