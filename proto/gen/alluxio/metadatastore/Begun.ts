// Original file: proto/alluxio/metadata-store.proto


export interface Begun {
}

export interface Begun__Output {
}
