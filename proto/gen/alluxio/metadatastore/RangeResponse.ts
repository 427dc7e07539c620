// Original file: proto/alluxio/metadata-store.proto

import type { Entry as _alluxio_metadatastore_Entry, Entry__Output as _alluxio_metadatastore_Entry__Output } from '../../alluxio/metadatastore/Entry.ts';
import type { Long } from '@grpc/proto-loader';

export interface RangeResponse {
  'revision'?: (number | string | Long);
  'entries'?: (_alluxio_metadatastore_Entry)[];
}

export interface RangeResponse__Output {
  'revision': (number);
  'entries': (_alluxio_metadatastore_Entry__Output)[];
}
