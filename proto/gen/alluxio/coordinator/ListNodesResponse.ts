// Original file: proto/alluxio/coordinator.proto

import type { Node as _alluxio_coordinator_Node, Node__Output as _alluxio_coordinator_Node__Output } from '../../alluxio/coordinator/Node.ts';
import type { Long } from '@grpc/proto-loader';

export interface ListNodesResponse {
  'clusterName'?: (string);
  'clusterUid'?: (string);
  'generation'?: (number | string | Long);
  'revision'?: (number | string | Long);
  'nodes'?: (_alluxio_coordinator_Node)[];
  /**
   * How old the answer is while the metadata store is away; 0 when it is current.
   */
  'stalenessMs'?: (number | string | Long);
}

export interface ListNodesResponse__Output {
  'clusterName': (string);
  'clusterUid': (string);
  'generation': (number);
  'revision': (number);
  'nodes': (_alluxio_coordinator_Node__Output)[];
  /**
   * How old the answer is while the metadata store is away; 0 when it is current.
   */
  'stalenessMs': (number);
}
