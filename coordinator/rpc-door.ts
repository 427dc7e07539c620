// The coordinator's gRPC door: the operations of REST and, with the embedded metadata store, that store for the workers of local mode.
import { Property } from '../common/config/index.ts';
import { EmbeddedStore, metadataStoreService } from '../common/metadata-store/index.ts';
import { parsePrintableName, printableName } from '../common/namespace/index.ts';
import type { ProcessContext } from '../common/process/index.ts';
import { loadService, type RpcHandlers, type RpcService, rpcService, serveRpc } from '../common/rpc/index.ts';
import { readKeyFile } from '../common/secrets/index.ts';
import { COORDINATOR_SERVICE, type CoordinatorDefinition } from '../proto/services.ts';
import type { Mount } from '../proto/gen/alluxio/coordinator/Mount.ts';
import type { MountRequest__Output } from '../proto/gen/alluxio/coordinator/MountRequest.ts';
import type { CoordinatorApi } from './coordinator-api.ts';
import type { RpcDoor, RpcServices } from './coordinator-process.ts';
import type { MountRequest, MountShown } from './mount-records.ts';
import { shownNodes } from './node-records.ts';
import { mountRequest } from './request-fields.ts';

const GRACE_MS = 500;

const mountMessage = ({ mountPath, ufsUri, options, generation, owner }: MountShown): Mount => ({
  mountPath: printableName(mountPath),
  ufsUri: printableName(ufsUri),
  options: { ...options },
  generation,
  owner,
});

/** @throws InvalidArgument naming the field */
const requestOf = ({ mountPath, ufsUri, options }: MountRequest__Output): MountRequest =>
  mountRequest({ mountPath: parsePrintableName(mountPath), ufsUri: parsePrintableName(ufsUri), options });

export function coordinatorService(api: CoordinatorApi): RpcService {
  const handlers: RpcHandlers<CoordinatorDefinition> = {
    ListMounts: { unary: async (_, { signal }) => ({ mounts: (await api.listMounts({ signal })).map(mountMessage) }) },
    // A change goes on when its caller leaves: half done would be worse.
    AddMount: { unary: async (request) => mountMessage(await api.addMount(requestOf(request))) },
    UpdateMount: { unary: async (request) => mountMessage(await api.updateMount(requestOf(request))) },
    RemoveMount: {
      unary: async ({ mountPath }) => {
        await api.removeMount(parsePrintableName(mountPath));
        return {};
      },
    },
    ListNodes: {
      unary: async () => {
        const view = await api.membership();
        const { clusterName, clusterUid, generation, revision, staleMs } = view;
        const nodes = shownNodes(view).map(({ status, ...node }) => ({ ...node, online: status === 'ONLINE' }));
        return { clusterName, clusterUid, generation, revision, stalenessMs: staleMs, nodes };
      },
    },
    RemoveNode: {
      unary: async ({ uuid }) => {
        await api.removeNode(uuid);
        return {};
      },
    },
    GetVersion: {
      unary: async () => {
        const { version, clusterName } = await api.version();
        return { version, ...(clusterName !== undefined && { clusterName }) };
      },
    },
  };
  return rpcService(loadService<CoordinatorDefinition>(COORDINATOR_SERVICE), handlers);
}

/** @throws AddressInUse, InvalidConfiguration */
export async function openRpcDoor({ config, logger }: ProcessContext, { api, store }: RpcServices): Promise<RpcDoor> {
  const services = [coordinatorService(api)];
  if (store instanceof EmbeddedStore) services.push(metadataStoreService(store, readKeyFile(config.get(Property.dataPlaneKeyFile))));
  const server = await serveRpc({
    host: config.get(Property.coordinatorBindHost),
    port: config.get(Property.coordinatorRpcPort),
    portProperty: Property.coordinatorRpcPort.name,
    services,
    logger,
  });
  return { port: server.port, close: () => server.close(GRACE_MS) };
}
