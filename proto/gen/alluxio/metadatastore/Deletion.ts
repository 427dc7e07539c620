// Original file: proto/alluxio/metadata-store.proto

import type { Long } from '@grpc/proto-loader';

export interface Deletion {
  'key'?: (string);
  'modRevision'?: (number | string | Long);
}

export interface Deletion__Output {
  'key': (string);
  'modRevision': (number);
}
