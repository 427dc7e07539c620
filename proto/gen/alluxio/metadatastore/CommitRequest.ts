// Original file: proto/alluxio/metadata-store.proto

import type { Compare as _alluxio_metadatastore_Compare, Compare__Output as _alluxio_metadatastore_Compare__Output } from '../../alluxio/metadatastore/Compare.ts';
import type { Change as _alluxio_metadatastore_Change, Change__Output as _alluxio_metadatastore_Change__Output } from '../../alluxio/metadatastore/Change.ts';

export interface CommitRequest {
  'compares'?: (_alluxio_metadatastore_Compare)[];
  'changes'?: (_alluxio_metadatastore_Change)[];
}

export interface CommitRequest__Output {
  'compares': (_alluxio_metadatastore_Compare__Output)[];
  'changes': (_alluxio_metadatastore_Change__Output)[];
}
