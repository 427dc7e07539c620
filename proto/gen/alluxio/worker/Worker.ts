// Original file: proto/alluxio/worker.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetInfoRequest as _alluxio_worker_GetInfoRequest, GetInfoRequest__Output as _alluxio_worker_GetInfoRequest__Output } from '../../alluxio/worker/GetInfoRequest.ts';
import type { GetInfoResponse as _alluxio_worker_GetInfoResponse, GetInfoResponse__Output as _alluxio_worker_GetInfoResponse__Output } from '../../alluxio/worker/GetInfoResponse.ts';

export interface WorkerClient extends grpc.Client {
  GetInfo(argument: _alluxio_worker_GetInfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_worker_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  GetInfo(argument: _alluxio_worker_GetInfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_worker_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  GetInfo(argument: _alluxio_worker_GetInfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_worker_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  GetInfo(argument: _alluxio_worker_GetInfoRequest, callback: grpc.requestCallback<_alluxio_worker_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  getInfo(argument: _alluxio_worker_GetInfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_worker_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  getInfo(argument: _alluxio_worker_GetInfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_worker_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  getInfo(argument: _alluxio_worker_GetInfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_worker_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  getInfo(argument: _alluxio_worker_GetInfoRequest, callback: grpc.requestCallback<_alluxio_worker_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface WorkerHandlers extends grpc.UntypedServiceImplementation {
  GetInfo: grpc.handleUnaryCall<_alluxio_worker_GetInfoRequest__Output, _alluxio_worker_GetInfoResponse>;
  
}

export interface WorkerDefinition extends grpc.ServiceDefinition {
  GetInfo: MethodDefinition<_alluxio_worker_GetInfoRequest, _alluxio_worker_GetInfoResponse, _alluxio_worker_GetInfoRequest__Output, _alluxio_worker_GetInfoResponse__Output>
}
