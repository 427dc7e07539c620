// Original file: proto/alluxio/metadata-store.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Equal, or the transaction is not applied. 0 stands for a missing key.
 */
export interface Compare {
  'key'?: (string);
  'version'?: (number | string | Long);
  'createRevision'?: (number | string | Long);
  'modRevision'?: (number | string | Long);
  'target'?: "version"|"createRevision"|"modRevision";
}

/**
 * Equal, or the transaction is not applied. 0 stands for a missing key.
 */
export interface Compare__Output {
  'key': (string);
  'version'?: (number);
  'createRevision'?: (number);
  'modRevision'?: (number);
  'target'?: "version"|"createRevision"|"modRevision";
}
