// Original file: proto/alluxio/metadata-store.proto

import type { Long } from '@grpc/proto-loader';

export interface Entry {
  'key'?: (string);
  'value'?: (string);
  'createRevision'?: (number | string | Long);
  'modRevision'?: (number | string | Long);
  'version'?: (number | string | Long);
  /**
   * '' without a lease.
   */
  'leaseId'?: (string);
}

export interface Entry__Output {
  'key': (string);
  'value': (string);
  'createRevision': (number);
  'modRevision': (number);
  'version': (number);
  /**
   * '' without a lease.
   */
  'leaseId': (string);
}
