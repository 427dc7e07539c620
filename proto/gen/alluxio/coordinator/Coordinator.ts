// Original file: proto/alluxio/coordinator.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetVersionRequest as _alluxio_coordinator_GetVersionRequest, GetVersionRequest__Output as _alluxio_coordinator_GetVersionRequest__Output } from '../../alluxio/coordinator/GetVersionRequest.ts';
import type { GetVersionResponse as _alluxio_coordinator_GetVersionResponse, GetVersionResponse__Output as _alluxio_coordinator_GetVersionResponse__Output } from '../../alluxio/coordinator/GetVersionResponse.ts';
import type { ListMountsRequest as _alluxio_coordinator_ListMountsRequest, ListMountsRequest__Output as _alluxio_coordinator_ListMountsRequest__Output } from '../../alluxio/coordinator/ListMountsRequest.ts';
import type { ListMountsResponse as _alluxio_coordinator_ListMountsResponse, ListMountsResponse__Output as _alluxio_coordinator_ListMountsResponse__Output } from '../../alluxio/coordinator/ListMountsResponse.ts';
import type { ListNodesRequest as _alluxio_coordinator_ListNodesRequest, ListNodesRequest__Output as _alluxio_coordinator_ListNodesRequest__Output } from '../../alluxio/coordinator/ListNodesRequest.ts';
import type { ListNodesResponse as _alluxio_coordinator_ListNodesResponse, ListNodesResponse__Output as _alluxio_coordinator_ListNodesResponse__Output } from '../../alluxio/coordinator/ListNodesResponse.ts';
import type { Mount as _alluxio_coordinator_Mount, Mount__Output as _alluxio_coordinator_Mount__Output } from '../../alluxio/coordinator/Mount.ts';
import type { MountRequest as _alluxio_coordinator_MountRequest, MountRequest__Output as _alluxio_coordinator_MountRequest__Output } from '../../alluxio/coordinator/MountRequest.ts';
import type { RemoveMountRequest as _alluxio_coordinator_RemoveMountRequest, RemoveMountRequest__Output as _alluxio_coordinator_RemoveMountRequest__Output } from '../../alluxio/coordinator/RemoveMountRequest.ts';
import type { RemoveMountResponse as _alluxio_coordinator_RemoveMountResponse, RemoveMountResponse__Output as _alluxio_coordinator_RemoveMountResponse__Output } from '../../alluxio/coordinator/RemoveMountResponse.ts';
import type { RemoveNodeRequest as _alluxio_coordinator_RemoveNodeRequest, RemoveNodeRequest__Output as _alluxio_coordinator_RemoveNodeRequest__Output } from '../../alluxio/coordinator/RemoveNodeRequest.ts';
import type { RemoveNodeResponse as _alluxio_coordinator_RemoveNodeResponse, RemoveNodeResponse__Output as _alluxio_coordinator_RemoveNodeResponse__Output } from '../../alluxio/coordinator/RemoveNodeResponse.ts';

export interface CoordinatorClient extends grpc.Client {
  AddMount(argument: _alluxio_coordinator_MountRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  AddMount(argument: _alluxio_coordinator_MountRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  AddMount(argument: _alluxio_coordinator_MountRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  AddMount(argument: _alluxio_coordinator_MountRequest, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  addMount(argument: _alluxio_coordinator_MountRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  addMount(argument: _alluxio_coordinator_MountRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  addMount(argument: _alluxio_coordinator_MountRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  addMount(argument: _alluxio_coordinator_MountRequest, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  
  GetVersion(argument: _alluxio_coordinator_GetVersionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  GetVersion(argument: _alluxio_coordinator_GetVersionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  GetVersion(argument: _alluxio_coordinator_GetVersionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  GetVersion(argument: _alluxio_coordinator_GetVersionRequest, callback: grpc.requestCallback<_alluxio_coordinator_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  getVersion(argument: _alluxio_coordinator_GetVersionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  getVersion(argument: _alluxio_coordinator_GetVersionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  getVersion(argument: _alluxio_coordinator_GetVersionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  getVersion(argument: _alluxio_coordinator_GetVersionRequest, callback: grpc.requestCallback<_alluxio_coordinator_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  
  ListMounts(argument: _alluxio_coordinator_ListMountsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_ListMountsResponse__Output>): grpc.ClientUnaryCall;
  ListMounts(argument: _alluxio_coordinator_ListMountsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_ListMountsResponse__Output>): grpc.ClientUnaryCall;
  ListMounts(argument: _alluxio_coordinator_ListMountsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_ListMountsResponse__Output>): grpc.ClientUnaryCall;
  ListMounts(argument: _alluxio_coordinator_ListMountsRequest, callback: grpc.requestCallback<_alluxio_coordinator_ListMountsResponse__Output>): grpc.ClientUnaryCall;
  listMounts(argument: _alluxio_coordinator_ListMountsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_ListMountsResponse__Output>): grpc.ClientUnaryCall;
  listMounts(argument: _alluxio_coordinator_ListMountsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_ListMountsResponse__Output>): grpc.ClientUnaryCall;
  listMounts(argument: _alluxio_coordinator_ListMountsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_ListMountsResponse__Output>): grpc.ClientUnaryCall;
  listMounts(argument: _alluxio_coordinator_ListMountsRequest, callback: grpc.requestCallback<_alluxio_coordinator_ListMountsResponse__Output>): grpc.ClientUnaryCall;
  
  ListNodes(argument: _alluxio_coordinator_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _alluxio_coordinator_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _alluxio_coordinator_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _alluxio_coordinator_ListNodesRequest, callback: grpc.requestCallback<_alluxio_coordinator_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _alluxio_coordinator_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _alluxio_coordinator_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _alluxio_coordinator_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _alluxio_coordinator_ListNodesRequest, callback: grpc.requestCallback<_alluxio_coordinator_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  
  RemoveMount(argument: _alluxio_coordinator_RemoveMountRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_RemoveMountResponse__Output>): grpc.ClientUnaryCall;
  RemoveMount(argument: _alluxio_coordinator_RemoveMountRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_RemoveMountResponse__Output>): grpc.ClientUnaryCall;
  RemoveMount(argument: _alluxio_coordinator_RemoveMountRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_RemoveMountResponse__Output>): grpc.ClientUnaryCall;
  RemoveMount(argument: _alluxio_coordinator_RemoveMountRequest, callback: grpc.requestCallback<_alluxio_coordinator_RemoveMountResponse__Output>): grpc.ClientUnaryCall;
  removeMount(argument: _alluxio_coordinator_RemoveMountRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_RemoveMountResponse__Output>): grpc.ClientUnaryCall;
  removeMount(argument: _alluxio_coordinator_RemoveMountRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_RemoveMountResponse__Output>): grpc.ClientUnaryCall;
  removeMount(argument: _alluxio_coordinator_RemoveMountRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_RemoveMountResponse__Output>): grpc.ClientUnaryCall;
  removeMount(argument: _alluxio_coordinator_RemoveMountRequest, callback: grpc.requestCallback<_alluxio_coordinator_RemoveMountResponse__Output>): grpc.ClientUnaryCall;
  
  RemoveNode(argument: _alluxio_coordinator_RemoveNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  RemoveNode(argument: _alluxio_coordinator_RemoveNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  RemoveNode(argument: _alluxio_coordinator_RemoveNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  RemoveNode(argument: _alluxio_coordinator_RemoveNodeRequest, callback: grpc.requestCallback<_alluxio_coordinator_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  removeNode(argument: _alluxio_coordinator_RemoveNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  removeNode(argument: _alluxio_coordinator_RemoveNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  removeNode(argument: _alluxio_coordinator_RemoveNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  removeNode(argument: _alluxio_coordinator_RemoveNodeRequest, callback: grpc.requestCallback<_alluxio_coordinator_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  
  UpdateMount(argument: _alluxio_coordinator_MountRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  UpdateMount(argument: _alluxio_coordinator_MountRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  UpdateMount(argument: _alluxio_coordinator_MountRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  UpdateMount(argument: _alluxio_coordinator_MountRequest, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  updateMount(argument: _alluxio_coordinator_MountRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  updateMount(argument: _alluxio_coordinator_MountRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  updateMount(argument: _alluxio_coordinator_MountRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  updateMount(argument: _alluxio_coordinator_MountRequest, callback: grpc.requestCallback<_alluxio_coordinator_Mount__Output>): grpc.ClientUnaryCall;
  
}

export interface CoordinatorHandlers extends grpc.UntypedServiceImplementation {
  AddMount: grpc.handleUnaryCall<_alluxio_coordinator_MountRequest__Output, _alluxio_coordinator_Mount>;
  
  GetVersion: grpc.handleUnaryCall<_alluxio_coordinator_GetVersionRequest__Output, _alluxio_coordinator_GetVersionResponse>;
  
  ListMounts: grpc.handleUnaryCall<_alluxio_coordinator_ListMountsRequest__Output, _alluxio_coordinator_ListMountsResponse>;
  
  ListNodes: grpc.handleUnaryCall<_alluxio_coordinator_ListNodesRequest__Output, _alluxio_coordinator_ListNodesResponse>;
  
  RemoveMount: grpc.handleUnaryCall<_alluxio_coordinator_RemoveMountRequest__Output, _alluxio_coordinator_RemoveMountResponse>;
  
  RemoveNode: grpc.handleUnaryCall<_alluxio_coordinator_RemoveNodeRequest__Output, _alluxio_coordinator_RemoveNodeResponse>;
  
  UpdateMount: grpc.handleUnaryCall<_alluxio_coordinator_MountRequest__Output, _alluxio_coordinator_Mount>;
  
}

export interface CoordinatorDefinition extends grpc.ServiceDefinition {
  AddMount: MethodDefinition<_alluxio_coordinator_MountRequest, _alluxio_coordinator_Mount, _alluxio_coordinator_MountRequest__Output, _alluxio_coordinator_Mount__Output>
  GetVersion: MethodDefinition<_alluxio_coordinator_GetVersionRequest, _alluxio_coordinator_GetVersionResponse, _alluxio_coordinator_GetVersionRequest__Output, _alluxio_coordinator_GetVersionResponse__Output>
  ListMounts: MethodDefinition<_alluxio_coordinator_ListMountsRequest, _alluxio_coordinator_ListMountsResponse, _alluxio_coordinator_ListMountsRequest__Output, _alluxio_coordinator_ListMountsResponse__Output>
  ListNodes: MethodDefinition<_alluxio_coordinator_ListNodesRequest, _alluxio_coordinator_ListNodesResponse, _alluxio_coordinator_ListNodesRequest__Output, _alluxio_coordinator_ListNodesResponse__Output>
  RemoveMount: MethodDefinition<_alluxio_coordinator_RemoveMountRequest, _alluxio_coordinator_RemoveMountResponse, _alluxio_coordinator_RemoveMountRequest__Output, _alluxio_coordinator_RemoveMountResponse__Output>
  RemoveNode: MethodDefinition<_alluxio_coordinator_RemoveNodeRequest, _alluxio_coordinator_RemoveNodeResponse, _alluxio_coordinator_RemoveNodeRequest__Output, _alluxio_coordinator_RemoveNodeResponse__Output>
  UpdateMount: MethodDefinition<_alluxio_coordinator_MountRequest, _alluxio_coordinator_Mount, _alluxio_coordinator_MountRequest__Output, _alluxio_coordinator_Mount__Output>
}
