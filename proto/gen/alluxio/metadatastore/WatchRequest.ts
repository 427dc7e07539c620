// Original file: proto/alluxio/metadata-store.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRequest {
  'prefixes'?: (string)[];
  /**
   * 0: begin with a snapshot.
   */
  'fromRevision'?: (number | string | Long);
}

export interface WatchRequest__Output {
  'prefixes': (string)[];
  /**
   * 0: begin with a snapshot.
   */
  'fromRevision': (number);
}
