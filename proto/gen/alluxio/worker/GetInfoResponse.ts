// Original file: proto/alluxio/worker.proto

import type { Long } from '@grpc/proto-loader';

export interface GetInfoResponse {
  'uuid'?: (string);
  'instanceId'?: (string);
  'clusterName'?: (string);
  'clusterUid'?: (string);
  'version'?: (string);
  /**
   * Requests are answered; never depends on the metadata store.
   */
  'serving'?: (boolean);
  /**
   * Why it does not serve; '' when it does.
   */
  'obstacle'?: (string);
  /**
   * The record under the lease is certainly there.
   */
  'registered'?: (boolean);
  /**
   * Of the membership view in use; 0 without one.
   */
  'generation'?: (number | string | Long);
  'revision'?: (number | string | Long);
  'capacityBytes'?: (number | string | Long);
  'usedBytes'?: (number | string | Long);
}

export interface GetInfoResponse__Output {
  'uuid': (string);
  'instanceId': (string);
  'clusterName': (string);
  'clusterUid': (string);
  'version': (string);
  /**
   * Requests are answered; never depends on the metadata store.
   */
  'serving': (boolean);
  /**
   * Why it does not serve; '' when it does.
   */
  'obstacle': (string);
  /**
   * The record under the lease is certainly there.
   */
  'registered': (boolean);
  /**
   * Of the membership view in use; 0 without one.
   */
  'generation': (number);
  'revision': (number);
  'capacityBytes': (number);
  'usedBytes': (number);
}
