// Original file: proto/alluxio/coordinator.proto


export interface RemoveMountResponse {
}

export interface RemoveMountResponse__Output {
}
