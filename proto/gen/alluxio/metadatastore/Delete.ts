// Original file: proto/alluxio/metadata-store.proto


export interface Delete {
}

export interface Delete__Output {
}
