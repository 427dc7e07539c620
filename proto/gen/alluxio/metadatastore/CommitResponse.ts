// Original file: proto/alluxio/metadata-store.proto

import type { Long } from '@grpc/proto-loader';

export interface CommitResponse {
  'committed'?: (boolean);
  'revision'?: (number | string | Long);
}

export interface CommitResponse__Output {
  'committed': (boolean);
  'revision': (number);
}
