// Original file: proto/alluxio/coordinator.proto

import type { Mount as _alluxio_coordinator_Mount, Mount__Output as _alluxio_coordinator_Mount__Output } from '../../alluxio/coordinator/Mount.ts';

export interface ListMountsResponse {
  'mounts'?: (_alluxio_coordinator_Mount)[];
}

export interface ListMountsResponse__Output {
  'mounts': (_alluxio_coordinator_Mount__Output)[];
}
