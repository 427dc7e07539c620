// Original file: proto/alluxio/metadata-store.proto

import type { Long } from '@grpc/proto-loader';

export interface GrantLeaseRequest {
  'ttlSeconds'?: (number | string | Long);
}

export interface GrantLeaseRequest__Output {
  'ttlSeconds': (number);
}
