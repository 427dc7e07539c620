// The worker's gRPC door (29999): who it is and whether it serves.
import type { Logger } from '../common/log/index.ts';
import { loadService, type RpcServer, rpcService, serveRpc } from '../common/rpc/index.ts';
import { WORKER_SERVICE, type WorkerDefinition } from '../proto/services.ts';

export interface RpcDoorOptions {
  readonly host: string;
  readonly port: number;
  readonly portProperty: string;
  readonly logger: Logger;
  readonly info: () => WorkerRpcInfo;
}
export interface WorkerRpcInfo {
  readonly uuid: string;
  readonly instanceId: string;
  readonly clusterName: string;
  readonly clusterUid: string;
  readonly version: string;
  readonly serving: boolean;
  readonly obstacle: string;
  readonly registered: boolean;
  readonly generation: number;
  readonly revision: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
}

/** @throws AddressInUse, InvalidConfiguration */
export async function openRpcDoor({ info, ...options }: RpcDoorOptions): Promise<RpcServer> {
  const definition = loadService<WorkerDefinition>(WORKER_SERVICE);
  return await serveRpc({ ...options, services: [rpcService(definition, { GetInfo: { unary: () => Promise.resolve(info()) } })] });
}
