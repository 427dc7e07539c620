import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { CoordinatorClient as _alluxio_coordinator_CoordinatorClient, CoordinatorDefinition as _alluxio_coordinator_CoordinatorDefinition } from './alluxio/coordinator/Coordinator.ts';
import type { GetVersionRequest as _alluxio_coordinator_GetVersionRequest, GetVersionRequest__Output as _alluxio_coordinator_GetVersionRequest__Output } from './alluxio/coordinator/GetVersionRequest.ts';
import type { GetVersionResponse as _alluxio_coordinator_GetVersionResponse, GetVersionResponse__Output as _alluxio_coordinator_GetVersionResponse__Output } from './alluxio/coordinator/GetVersionResponse.ts';
import type { ListMountsRequest as _alluxio_coordinator_ListMountsRequest, ListMountsRequest__Output as _alluxio_coordinator_ListMountsRequest__Output } from './alluxio/coordinator/ListMountsRequest.ts';
import type { ListMountsResponse as _alluxio_coordinator_ListMountsResponse, ListMountsResponse__Output as _alluxio_coordinator_ListMountsResponse__Output } from './alluxio/coordinator/ListMountsResponse.ts';
import type { ListNodesRequest as _alluxio_coordinator_ListNodesRequest, ListNodesRequest__Output as _alluxio_coordinator_ListNodesRequest__Output } from './alluxio/coordinator/ListNodesRequest.ts';
import type { ListNodesResponse as _alluxio_coordinator_ListNodesResponse, ListNodesResponse__Output as _alluxio_coordinator_ListNodesResponse__Output } from './alluxio/coordinator/ListNodesResponse.ts';
import type { Mount as _alluxio_coordinator_Mount, Mount__Output as _alluxio_coordinator_Mount__Output } from './alluxio/coordinator/Mount.ts';
import type { MountRequest as _alluxio_coordinator_MountRequest, MountRequest__Output as _alluxio_coordinator_MountRequest__Output } from './alluxio/coordinator/MountRequest.ts';
import type { Node as _alluxio_coordinator_Node, Node__Output as _alluxio_coordinator_Node__Output } from './alluxio/coordinator/Node.ts';
import type { RemoveMountRequest as _alluxio_coordinator_RemoveMountRequest, RemoveMountRequest__Output as _alluxio_coordinator_RemoveMountRequest__Output } from './alluxio/coordinator/RemoveMountRequest.ts';
import type { RemoveMountResponse as _alluxio_coordinator_RemoveMountResponse, RemoveMountResponse__Output as _alluxio_coordinator_RemoveMountResponse__Output } from './alluxio/coordinator/RemoveMountResponse.ts';
import type { RemoveNodeRequest as _alluxio_coordinator_RemoveNodeRequest, RemoveNodeRequest__Output as _alluxio_coordinator_RemoveNodeRequest__Output } from './alluxio/coordinator/RemoveNodeRequest.ts';
import type { RemoveNodeResponse as _alluxio_coordinator_RemoveNodeResponse, RemoveNodeResponse__Output as _alluxio_coordinator_RemoveNodeResponse__Output } from './alluxio/coordinator/RemoveNodeResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  alluxio: {
    coordinator: {
      Coordinator: SubtypeConstructor<typeof grpc.Client, _alluxio_coordinator_CoordinatorClient> & { service: _alluxio_coordinator_CoordinatorDefinition }
      GetVersionRequest: MessageTypeDefinition<_alluxio_coordinator_GetVersionRequest, _alluxio_coordinator_GetVersionRequest__Output>
      GetVersionResponse: MessageTypeDefinition<_alluxio_coordinator_GetVersionResponse, _alluxio_coordinator_GetVersionResponse__Output>
      ListMountsRequest: MessageTypeDefinition<_alluxio_coordinator_ListMountsRequest, _alluxio_coordinator_ListMountsRequest__Output>
      ListMountsResponse: MessageTypeDefinition<_alluxio_coordinator_ListMountsResponse, _alluxio_coordinator_ListMountsResponse__Output>
      ListNodesRequest: MessageTypeDefinition<_alluxio_coordinator_ListNodesRequest, _alluxio_coordinator_ListNodesRequest__Output>
      ListNodesResponse: MessageTypeDefinition<_alluxio_coordinator_ListNodesResponse, _alluxio_coordinator_ListNodesResponse__Output>
      Mount: MessageTypeDefinition<_alluxio_coordinator_Mount, _alluxio_coordinator_Mount__Output>
      MountRequest: MessageTypeDefinition<_alluxio_coordinator_MountRequest, _alluxio_coordinator_MountRequest__Output>
      Node: MessageTypeDefinition<_alluxio_coordinator_Node, _alluxio_coordinator_Node__Output>
      RemoveMountRequest: MessageTypeDefinition<_alluxio_coordinator_RemoveMountRequest, _alluxio_coordinator_RemoveMountRequest__Output>
      RemoveMountResponse: MessageTypeDefinition<_alluxio_coordinator_RemoveMountResponse, _alluxio_coordinator_RemoveMountResponse__Output>
      RemoveNodeRequest: MessageTypeDefinition<_alluxio_coordinator_RemoveNodeRequest, _alluxio_coordinator_RemoveNodeRequest__Output>
      RemoveNodeResponse: MessageTypeDefinition<_alluxio_coordinator_RemoveNodeResponse, _alluxio_coordinator_RemoveNodeResponse__Output>
    }
  }
}

