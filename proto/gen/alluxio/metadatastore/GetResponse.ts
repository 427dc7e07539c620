// Original file: proto/alluxio/metadata-store.proto

import type { Entry as _alluxio_metadatastore_Entry, Entry__Output as _alluxio_metadatastore_Entry__Output } from '../../alluxio/metadatastore/Entry.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetResponse {
  'revision'?: (number | string | Long);
  /**
   * Absent: no such key.
   */
  'entry'?: (_alluxio_metadatastore_Entry | null);
}

export interface GetResponse__Output {
  'revision': (number);
  /**
   * Absent: no such key.
   */
  'entry': (_alluxio_metadatastore_Entry__Output | null);
}
