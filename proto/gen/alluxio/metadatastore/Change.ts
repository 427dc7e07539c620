// Original file: proto/alluxio/metadata-store.proto

import type { Put as _alluxio_metadatastore_Put, Put__Output as _alluxio_metadatastore_Put__Output } from '../../alluxio/metadatastore/Put.ts';
import type { Delete as _alluxio_metadatastore_Delete, Delete__Output as _alluxio_metadatastore_Delete__Output } from '../../alluxio/metadatastore/Delete.ts';

export interface Change {
  'key'?: (string);
  'put'?: (_alluxio_metadatastore_Put | null);
  'delete'?: (_alluxio_metadatastore_Delete | null);
  'action'?: "put"|"delete";
}

export interface Change__Output {
  'key': (string);
  'put'?: (_alluxio_metadatastore_Put__Output | null);
  'delete'?: (_alluxio_metadatastore_Delete__Output | null);
  'action'?: "put"|"delete";
}
