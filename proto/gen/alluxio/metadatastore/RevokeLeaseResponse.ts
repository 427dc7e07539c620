// Original file: proto/alluxio/metadata-store.proto


export interface RevokeLeaseResponse {
}

export interface RevokeLeaseResponse__Output {
}
