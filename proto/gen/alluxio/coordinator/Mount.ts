// Original file: proto/alluxio/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface Mount {
  'mountPath'?: (string);
  'ufsUri'?: (string);
  /**
   * Without secrets.
   */
  'options'?: ({[key: string]: string});
  'generation'?: (number | string | Long);
  'owner'?: (string);
}

export interface Mount__Output {
  'mountPath': (string);
  'ufsUri': (string);
  /**
   * Without secrets.
   */
  'options': ({[key: string]: string});
  'generation': (number);
  'owner': (string);
}
