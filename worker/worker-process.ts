// The worker as a process: builds its parts in the order in which they depend on each other, serves before it registers, leaves before it stops.
// Not here: the frame (configuration, signals, exit codes), what the parts do.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { MembershipView, WorkerRecord } from '../common/api/index.ts';
import { backoffDelayMs, sleep } from '../common/async/index.ts';
import { Property } from '../common/config/index.ts';
import { asCacheError, CacheError, isCacheError } from '../common/errors/index.ts';
import { type HttpServer, serveHttp } from '../common/http/index.ts';
import { ClusterLink, metadataStoreOpener, type OpenMetadataStore } from '../common/metadata-store/index.ts';
import type { ProcessContext, RunningProcess } from '../common/process/index.ts';
import type { RpcServer } from '../common/rpc/index.ts';
import { isKeyFileExposed, readKeyFile, SealingKey } from '../common/secrets/index.ts';
import { openPageStore, type PageStore } from '../cache/index.ts';
import { openUfs } from '../ufs/index.ts';
import { workerRoutes } from './http-routes.ts';
import { readKnownCluster, writeKnownCluster } from './identity/known-cluster.ts';
import { hostIdOf, loadIdentity, vnodesOf } from './identity/worker-identity.ts';
import { Registration } from './membership/registration.ts';
import { observeParts, type WorkerObservers, workerObservers } from './metrics.ts';
import { openRpcDoor, type WorkerRpcInfo } from './rpc-door.ts';
import { WorkerNode } from './worker-node.ts';
import { type WorkerSettings, workerSettings } from './worker-settings.ts';

interface Keys {
  readonly dataPlane: Uint8Array;
  readonly sealing: SealingKey;
}
interface Identity {
  readonly workerId: string;
  readonly clusterUid: string;
}

const CLIENT_COUNT_INTERVAL_MS = 2000;
const RPC_GRACE_MS = 200;
/** What is told before the parts are there. */
const NOBODY: Identity = { workerId: '', clusterUid: '' };
const NO_VIEW = { generation: 0, revision: 0 };
const NO_USAGE = { capacityBytes: 0, usedBytes: 0 };

class WorkerProcess {
  readonly #context: ProcessContext;
  readonly #settings: WorkerSettings;
  readonly #keys: Keys;
  readonly #observers: WorkerObservers;
  readonly #link: ClusterLink;
  readonly #instanceId = randomUUID();
  readonly #startedAtMs = Date.now();
  #obstacle: string | undefined = 'The worker is starting.';
  #identity: Identity | undefined;
  #http: HttpServer | undefined;
  #rpc: RpcServer | undefined;
  #store: PageStore | undefined;
  #node: WorkerNode | undefined;
  #registration: Registration | undefined;
  #clientCount: NodeJS.Timeout | undefined;

  constructor(context: ProcessContext, openStore: OpenMetadataStore) {
    const { config, metrics } = context;
    this.#context = context;
    this.#settings = workerSettings(config);
    this.#keys = this.#readKeys();
    this.#observers = workerObservers(metrics);
    this.#link = new ClusterLink({
      store: openStore(config, this.#observers.metadataStore),
      clusterName: config.get(Property.clusterName),
      staticRing: !config.get(Property.ringDynamic),
    });
  }

  /** @throws what keeps the worker from serving; the caller then closes */
  async start(): Promise<RunningProcess> {
    await this.#openHttp();
    this.#identity = await this.#identify();
    this.#store = await this.#openStore(this.#identity);
    this.#node = await this.#openNode(this.#identity, this.#store);
    this.#rpc = await this.#openRpc();
    this.#registration = this.#register(this.#identity, this.#store);
    this.#observe(this.#node, this.#store);
    this.#link.follow((view) => this.#applyView(view));
    this.#registration.start();
    this.#clientCount = setInterval(() => this.#registration?.setFuseClients(this.#node?.polls.fuseClients ?? 0), CLIENT_COUNT_INTERVAL_MS).unref();
    this.#obstacle = undefined;
    return { ports: this.#ports(), details: { uuid: this.#identity.workerId }, stop: (timeoutMs) => this.stop(timeoutMs) };
  }

  /** Leaves the ring, then finishes what is in flight, then closes. */
  async stop(timeoutMs: number): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    this.#obstacle = 'The worker is leaving.';
    await this.#registration?.leave();
    await this.#node?.drain(Math.max(0, untilMs - performance.now()));
    await this.close();
  }

  /** Takes down whatever was built, in reverse; a part that fails to close does not keep the others. */
  async close(): Promise<void> {
    clearInterval(this.#clientCount);
    const { logger } = this.#context;
    const parts: readonly (readonly [string, (() => Promise<void> | undefined) | undefined])[] = [
      ['registration', () => this.#registration?.leave()],
      ['node', () => this.#node?.close()],
      ['page store', () => this.#store?.close()],
      ['metadata store', () => this.#link.close()],
      ['rpc', () => this.#rpc?.close(RPC_GRACE_MS)],
      ['http', () => this.#http?.close()],
    ];
    for (const [part, close] of parts) {
      try {
        await close?.();
      } catch (error) {
        logger.failure('A part of the worker did not close', error, { part });
      }
    }
  }

  #readKeys(): Keys {
    const { config, logger } = this.#context;
    const files = [config.get(Property.dataPlaneKeyFile), config.get(Property.sealingKeyFile)] as const;
    const keys = { dataPlane: readKeyFile(files[0]), sealing: SealingKey.fromFile(files[1]) };
    for (const file of files) if (isKeyFileExposed(file)) logger.warn('A key file can be read by everybody: chmod 600', { file });
    return keys;
  }

  /** First, so that health tells what the worker waits for. */
  async #openHttp(): Promise<void> {
    const { config, logger, metrics } = this.#context;
    this.#http = await serveHttp({
      host: config.get(Property.workerBindHost),
      port: config.get(Property.workerWebPort),
      portProperty: Property.workerWebPort.name,
      logger,
      routes: workerRoutes({ metrics, obstacle: () => this.#obstacle, info: () => this.#info() }),
    });
  }

  async #openRpc(): Promise<RpcServer> {
    const { config, logger } = this.#context;
    return await openRpcDoor({
      host: config.get(Property.workerBindHost),
      port: config.get(Property.workerRpcPort),
      portProperty: Property.workerRpcPort.name,
      logger,
      info: () => this.#rpcInfo(),
    });
  }

  /** Cluster and own uuid. Without the metadata store: those of the life before; a worker that never had one waits. */
  async #identify(): Promise<Identity> {
    const { config } = this.#context;
    const file = config.get(Property.workerIdentityFile);
    const clusterName = config.get(Property.clusterName);
    const clusterUid = await this.#clusterUid(readKnownCluster(file, clusterName)?.clusterUid);
    const workerId = await loadIdentity({ file, clusterUid });
    writeKnownCluster(file, { clusterName, clusterUid });
    return { workerId, clusterUid };
  }

  async #clusterUid(known: string | undefined): Promise<string> {
    const { logger, signal } = this.#context;
    for (let failures = 1; ; failures++) {
      try {
        return await this.#link.clusterUid(signal);
      } catch (error) {
        if (!isCacheError(error, 'MetadataStoreUnavailable')) throw error;
        if (known !== undefined) {
          logger.warn('The metadata store does not answer: the worker serves what it holds and registers later', { error });
          return known;
        }
        if (failures === 1) logger.warn('The metadata store does not answer: the worker waits for it, since it does not know its cluster yet', { error });
        this.#obstacle = 'The metadata store does not answer, and this worker does not know its cluster yet.';
        await sleep(backoffDelayMs(failures, { baseMs: 100, maxMs: 2000 }), signal);
      }
    }
  }

  async #openStore({ workerId, clusterUid }: Identity): Promise<PageStore> {
    const { directories, pageSizeBytes, evictor, marginShare, dataThreads } = this.#settings;
    const { logger } = this.#context;
    return await openPageStore({
      directories,
      pageSizeBytes,
      evictor,
      marginShare,
      clusterUid,
      workerUuid: workerId,
      hitRings: dataThreads,
      onEvent: (event) => {
        this.#observers.storeEvent(event);
        if (event.kind === 'directory-health') logger.warn('A page-store directory changed its health', { directory: event.path, health: event.health });
        if (event.kind === 'index-damaged') logger.warn('A file of the page-store index was damaged: what it told after that is fetched again', { path: event.path });
        if (event.kind === 'corrupt') logger.warn('A page had a wrong checksum: it was dropped and is fetched again', { bytes: event.bytes });
      },
    });
  }

  async #openNode({ workerId, clusterUid }: Identity, store: PageStore): Promise<WorkerNode> {
    const { config, logger } = this.#context;
    const node = new WorkerNode({
      workerId,
      hostId: hostIdOf(config.get(Property.workerHostId)),
      settings: this.#settings,
      store,
      keys: { clusterUid, dataPlaneKey: this.#keys.dataPlane },
      listen: { host: config.get(Property.workerBindHost), port: config.get(Property.workerDataPort), unixPath: this.#socketPath(workerId) },
      openUfs,
      ufsOptions: config.ufsOptions(),
      unseal: (sealed) => this.#keys.sealing.open(sealed),
      observers: this.#observers,
      logger,
      onFailure: (error) => this.#context.fail(error),
    });
    await node.start();
    return node;
  }

  #socketPath(workerId: string): string {
    const { config } = this.#context;
    const directory = config.get(Property.workerDomainSocket);
    return directory === '' ? '' : join(directory, config.get(Property.clusterName), `${workerId}.sock`);
  }

  #register(identity: Identity, store: PageStore): Registration {
    const { config, logger } = this.#context;
    const { workerId } = identity;
    const { capacityBytes } = store.usage();
    const weight = { provider: config.get(Property.ringProvider), vnodes: config.get(Property.ringVnodes), capacityBytes };
    return new Registration({
      store: this.#link.store,
      keys: this.#link.workerKeys(workerId),
      record: this.#record(identity, capacityBytes),
      vnodes: (registered) => vnodesOf(weight, registered),
      leaseTtlSeconds: Math.ceil(config.get(Property.membershipLeaseTtl) / 1000),
      logger,
    });
  }

  #record({ workerId, clusterUid }: Identity, capacityBytes: number): Omit<WorkerRecord, 'vnodes' | 'fuseClients'> {
    const { config, version } = this.#context;
    const ports = this.#ports();
    return {
      Identity: { version: 1, identifier: workerId.replaceAll('-', '') },
      WorkerNetAddress: {
        Host: config.get(Property.workerHostname) ?? hostname(),
        ContainerHost: '',
        RpcPort: ports.rpc,
        DataPort: ports.data,
        SecureRpcPort: 0,
        NettyDataPort: ports.data,
        WebPort: ports.web,
        DomainSocketPath: this.#socketPath(workerId),
        HttpServerPort: 0,
      },
      uuid: workerId,
      instanceId: this.#instanceId,
      clusterUid,
      capacityBytes,
      pageSizeBytes: this.#settings.pageSizeBytes,
      hostId: hostIdOf(config.get(Property.workerHostId)),
      build: version,
      startedAtMs: this.#startedAtMs,
    };
  }

  #ports(): { readonly rpc: number; readonly data: number; readonly web: number } {
    return { rpc: this.#rpc?.port ?? 0, data: this.#node?.dataPlane.port ?? 0, web: this.#http?.port ?? 0 };
  }

  #observe(node: WorkerNode, store: PageStore): void {
    const registration = this.#registration;
    observeParts(this.#context.metrics, {
      store,
      dataPlane: node.dataPlane,
      fills: node.fills,
      metadata: node.metadata,
      metadataLanes: node.metadataLanes,
      polls: node.polls,
      mainHits: this.#observers.mainHits,
      membership: {
        get isRegistered() {
          return registration?.isRegistered ?? false;
        },
        get registrations() {
          return registration?.registrations ?? 0;
        },
        get workersOnline() {
          return node.view?.members.filter(({ online }) => online).length ?? 0;
        },
      },
    });
  }

  #applyView(view: MembershipView): void {
    const expected = this.#identity?.clusterUid;
    if (view.clusterUid !== expected) {
      this.#context.fail(
        new CacheError('InvalidConfiguration', 'This worker belongs to another cluster than its metadata store.', {
          source: 'metadata-store',
          context: {
            clusterUid: view.clusterUid,
            expected,
            remedy: 'Correct the address of the metadata store, or give the worker a new identity file and empty page-store directories.',
          },
        }),
      );
      return;
    }
    try {
      this.#node?.applyView(view);
      this.#registration?.observe(view);
    } catch (error) {
      // The last good view stays in use.
      this.#context.logger.failure('A membership view could not be used', asCacheError(error), { revision: view.revision });
    }
  }

  #rpcInfo(): WorkerRpcInfo {
    const { version, config } = this.#context;
    const { workerId, clusterUid } = this.#identity ?? NOBODY;
    const { generation, revision } = this.#node?.view ?? NO_VIEW;
    const { capacityBytes, usedBytes } = this.#store?.usage() ?? NO_USAGE;
    return {
      uuid: workerId,
      instanceId: this.#instanceId,
      clusterName: config.get(Property.clusterName),
      clusterUid,
      version,
      serving: this.#obstacle === undefined,
      obstacle: this.#obstacle ?? '',
      registered: this.#registration?.isRegistered ?? false,
      generation,
      revision,
      capacityBytes,
      usedBytes,
    };
  }

  #info(): Readonly<Record<string, unknown>> {
    const { config } = this.#context;
    const view = this.#node?.view;
    const fault = this.#registration?.lastError;
    return {
      role: 'worker',
      ...this.#rpcInfo(),
      hostId: hostIdOf(config.get(Property.workerHostId)),
      startedAtMs: this.#startedAtMs,
      ports: this.#ports(),
      dataPlane: this.#node === undefined ? undefined : this.#node.dataPlane.native ? 'native' : 'portable',
      registrationError: fault === undefined ? undefined : { code: fault.code, message: fault.message },
      view: view === undefined ? undefined : { generation: view.generation, revision: view.revision, online: view.members.filter(({ online }) => online).length },
      pageStore: this.#store?.usage(),
    };
  }
}

/** Builds and starts the worker; nothing is left behind when it throws. */
export async function startWorker(context: ProcessContext, opener?: OpenMetadataStore): Promise<RunningProcess> {
  const worker = new WorkerProcess(context, opener ?? (await metadataStoreOpener(context.config)));
  try {
    return await worker.start();
  } catch (error) {
    await worker.close();
    throw error;
  }
}
