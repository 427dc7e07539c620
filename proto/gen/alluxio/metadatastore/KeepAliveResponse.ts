// Original file: proto/alluxio/metadata-store.proto

import type { Long } from '@grpc/proto-loader';

export interface KeepAliveResponse {
  /**
   * 0: there is no such lease.
   */
  'ttlSeconds'?: (number | string | Long);
}

export interface KeepAliveResponse__Output {
  /**
   * 0: there is no such lease.
   */
  'ttlSeconds': (number);
}
