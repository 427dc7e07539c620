// Original file: proto/alluxio/coordinator.proto


export interface ListMountsRequest {
}

export interface ListMountsRequest__Output {
}
