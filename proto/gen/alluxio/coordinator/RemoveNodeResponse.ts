// Original file: proto/alluxio/coordinator.proto


export interface RemoveNodeResponse {
}

export interface RemoveNodeResponse__Output {
}
