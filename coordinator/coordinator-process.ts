// The coordinator as a process: the metadata store, the cluster's view, and the doors. Stateless over the store: any number may run, none is on a read.
import { backoffDelayMs, sleep, untilAborted } from '../common/async/index.ts';
import { Property } from '../common/config/index.ts';
import { isCacheError } from '../common/errors/index.ts';
import { healthRoutes, type HttpServer, metricsRoutes, serveHttp } from '../common/http/index.ts';
import { ClusterLink, type MetadataStore } from '../common/metadata-store/index.ts';
import type { ProcessContext, RunningProcess } from '../common/process/index.ts';
import { SealingKey } from '../common/secrets/index.ts';
import { checkUfs } from '../ufs/index.ts';
import { type ClusterView, CoordinatorApi } from './coordinator-api.ts';
import { coordinatorMetrics } from './metrics.ts';
import { MountRecords } from './mount-records.ts';
import { NodeRecords } from './node-records.ts';
import { restRoutes } from './rest-routes.ts';

/** Its gRPC side: the same operations and, in local mode, the embedded store for workers. */
export interface RpcDoor {
  readonly port: number;
  close(): Promise<void>;
}
/** What the gRPC door serves. */
export interface RpcServices {
  readonly api: CoordinatorApi;
  readonly store: MetadataStore;
}
export interface CoordinatorDoors {
  readonly openStore: (context: ProcessContext) => MetadataStore;
  readonly openRpc: (context: ProcessContext, services: RpcServices) => Promise<RpcDoor>;
}

class CoordinatorProcess {
  readonly #context: ProcessContext;
  readonly #doors: CoordinatorDoors;
  readonly #link: ClusterLink;
  readonly #api: CoordinatorApi;
  #http: HttpServer | undefined;
  #rpc: RpcDoor | undefined;

  constructor(context: ProcessContext, doors: CoordinatorDoors) {
    const { config, metrics, version } = context;
    const sealingKey = SealingKey.fromFile(config.get(Property.sealingKeyFile));
    const clusterName = config.get(Property.clusterName);
    const store = doors.openStore(context);
    this.#context = context;
    this.#doors = doors;
    this.#link = new ClusterLink({
      store,
      clusterName,
      staticRing: !config.get(Property.ringDynamic),
      onBroken: (key) => context.logger.warn('A record of the metadata store is broken and left out', { key }),
    });
    const cluster = (): ClusterView => ({ view: this.#link.view, isConnected: this.#link.isConnected, ageMs: this.#link.silentMs });
    const probe = (request: { readonly ufsUri: string; readonly options: Record<string, string>; readonly signal?: AbortSignal }): Promise<void> =>
      checkUfs({ ...request, processOptions: config.ufsOptions() });
    this.#api = new CoordinatorApi({
      config,
      version,
      mounts: new MountRecords({ store, clusterName, sealingKey, probe }),
      nodes: new NodeRecords(store, clusterName),
      cluster,
      observer: coordinatorMetrics(metrics, cluster),
    });
  }

  /** Resolves once the cluster was seen; the doors are open before, and tell what is missing. */
  async start(): Promise<RunningProcess> {
    const { config, logger, metrics } = this.#context;
    this.#rpc = await this.#doors.openRpc(this.#context, { api: this.#api, store: this.#link.store });
    this.#http = await serveHttp({
      host: config.get(Property.coordinatorBindHost),
      port: config.get(Property.coordinatorWebPort),
      portProperty: 'alluxio.coordinator.web.port',
      routes: [
        ...restRoutes(this.#api),
        ...metricsRoutes(metrics),
        ...healthRoutes({ ready: () => (this.#link.view === undefined ? 'The metadata store was not reached yet.' : undefined) }),
      ],
      logger,
    });
    await this.#awaitCluster();
    await untilAborted(new Promise<void>((resolve) => this.#link.follow(() => resolve())), this.#context.signal);
    return { ports: { rpc: this.#rpc.port, web: this.#http.port }, stop: () => this.close() };
  }

  async close(): Promise<void> {
    await this.#http?.close();
    await this.#rpc?.close();
    await this.#link.close();
  }

  /** Without the store nothing is known of the cluster: waits for it, however long, and says so. */
  async #awaitCluster(): Promise<string> {
    const { logger, signal } = this.#context;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#link.clusterUid(signal);
      } catch (error) {
        if (!isCacheError(error, 'MetadataStoreUnavailable')) throw error;
        if (attempt === 1 || attempt % 10 === 0) logger.failure('The metadata store does not answer; trying again', error, { attempt });
        await sleep(backoffDelayMs(attempt, { maxMs: 3000 }), signal);
      }
    }
  }
}

/** @throws InvalidConfiguration, AddressInUse, what opening the store throws; nothing stays open then */
export async function startCoordinator(context: ProcessContext, doors: CoordinatorDoors): Promise<RunningProcess> {
  const coordinator = new CoordinatorProcess(context, doors);
  try {
    return await coordinator.start();
  } catch (error) {
    await coordinator.close();
    throw error;
  }
}
