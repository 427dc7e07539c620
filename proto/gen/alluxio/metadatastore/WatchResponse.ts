// Original file: proto/alluxio/metadata-store.proto

import type { Begun as _alluxio_metadatastore_Begun, Begun__Output as _alluxio_metadatastore_Begun__Output } from '../../alluxio/metadatastore/Begun.ts';
import type { RangeResponse as _alluxio_metadatastore_RangeResponse, RangeResponse__Output as _alluxio_metadatastore_RangeResponse__Output } from '../../alluxio/metadatastore/RangeResponse.ts';
import type { Changes as _alluxio_metadatastore_Changes, Changes__Output as _alluxio_metadatastore_Changes__Output } from '../../alluxio/metadatastore/Changes.ts';

export interface WatchResponse {
  /**
   * The watch is in place.
   */
  'begun'?: (_alluxio_metadatastore_Begun | null);
  'snapshot'?: (_alluxio_metadatastore_RangeResponse | null);
  'changes'?: (_alluxio_metadatastore_Changes | null);
  'what'?: "begun"|"snapshot"|"changes";
}

export interface WatchResponse__Output {
  /**
   * The watch is in place.
   */
  'begun'?: (_alluxio_metadatastore_Begun__Output | null);
  'snapshot'?: (_alluxio_metadatastore_RangeResponse__Output | null);
  'changes'?: (_alluxio_metadatastore_Changes__Output | null);
  'what'?: "begun"|"snapshot"|"changes";
}
