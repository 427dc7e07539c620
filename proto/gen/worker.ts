import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { GetInfoRequest as _alluxio_worker_GetInfoRequest, GetInfoRequest__Output as _alluxio_worker_GetInfoRequest__Output } from './alluxio/worker/GetInfoRequest.ts';
import type { GetInfoResponse as _alluxio_worker_GetInfoResponse, GetInfoResponse__Output as _alluxio_worker_GetInfoResponse__Output } from './alluxio/worker/GetInfoResponse.ts';
import type { WorkerClient as _alluxio_worker_WorkerClient, WorkerDefinition as _alluxio_worker_WorkerDefinition } from './alluxio/worker/Worker.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  alluxio: {
    worker: {
      GetInfoRequest: MessageTypeDefinition<_alluxio_worker_GetInfoRequest, _alluxio_worker_GetInfoRequest__Output>
      GetInfoResponse: MessageTypeDefinition<_alluxio_worker_GetInfoResponse, _alluxio_worker_GetInfoResponse__Output>
      Worker: SubtypeConstructor<typeof grpc.Client, _alluxio_worker_WorkerClient> & { service: _alluxio_worker_WorkerDefinition }
    }
  }
}

