// Original file: proto/alluxio/coordinator.proto

import type { Long } from '@grpc/proto-loader';

export interface Node {
  'uuid'?: (string);
  'online'?: (boolean);
  'host'?: (string);
  'rpcPort'?: (number);
  'dataPort'?: (number);
  'webPort'?: (number);
  'hostId'?: (string);
  'vnodes'?: (number);
  'capacityBytes'?: (number | string | Long);
  'build'?: (string);
  'startedAtMs'?: (number | string | Long);
}

export interface Node__Output {
  'uuid': (string);
  'online': (boolean);
  'host': (string);
  'rpcPort': (number);
  'dataPort': (number);
  'webPort': (number);
  'hostId': (string);
  'vnodes': (number);
  'capacityBytes': (number);
  'build': (string);
  'startedAtMs': (number);
}
