// Original file: proto/alluxio/metadata-store.proto

import type { Entry as _alluxio_metadatastore_Entry, Entry__Output as _alluxio_metadatastore_Entry__Output } from '../../alluxio/metadatastore/Entry.ts';
import type { Deletion as _alluxio_metadatastore_Deletion, Deletion__Output as _alluxio_metadatastore_Deletion__Output } from '../../alluxio/metadatastore/Deletion.ts';

export interface Event {
  'put'?: (_alluxio_metadatastore_Entry | null);
  'deletion'?: (_alluxio_metadatastore_Deletion | null);
  'what'?: "put"|"deletion";
}

export interface Event__Output {
  'put'?: (_alluxio_metadatastore_Entry__Output | null);
  'deletion'?: (_alluxio_metadatastore_Deletion__Output | null);
  'what'?: "put"|"deletion";
}
