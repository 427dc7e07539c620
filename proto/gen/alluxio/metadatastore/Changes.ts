// Original file: proto/alluxio/metadata-store.proto

import type { Event as _alluxio_metadatastore_Event, Event__Output as _alluxio_metadatastore_Event__Output } from '../../alluxio/metadatastore/Event.ts';
import type { Long } from '@grpc/proto-loader';

export interface Changes {
  'revision'?: (number | string | Long);
  'events'?: (_alluxio_metadatastore_Event)[];
}

export interface Changes__Output {
  'revision': (number);
  'events': (_alluxio_metadatastore_Event__Output)[];
}
