// A worker without its place in the cluster: data plane, fills, metadata and peers around one page store, for whichever membership view it is given.
// Not here: identity, registration, HTTP, the process.
import type { MembershipView } from '../common/api/index.ts';
import { type Clock, Semaphore, systemClock, TokenBucket } from '../common/async/index.ts';
import { CacheError } from '../common/errors/index.ts';
import type { Logger } from '../common/log/index.ts';
import { type ConnectWorker, ViewSnapshot } from '../client/index.ts';
import type { PageStore } from '../cache/contracts.ts';
import type { SessionKeys } from '../proto/frames/contracts.ts';
import { connectData } from '../proto/frames/index.ts';
import { type DataPlane, openDataPlane } from './data-plane/index.ts';
import { FillService } from './fills/fill-service.ts';
import { MetadataService } from './metadata/metadata-service.ts';
import type { WorkerObservers } from './metrics.ts';
import { type OpenUfs, WorkerMounts } from './mounts/worker-mounts.ts';
import { MembershipPolls } from './requests/membership-polls.ts';
import { MetadataRequests } from './requests/metadata-requests.ts';
import { PageReads } from './requests/page-reads.ts';
import { Peers } from './requests/peers.ts';
import { WorkerRequests } from './requests/worker-requests.ts';
import type { WorkerSettings } from './worker-settings.ts';

export interface WorkerNodeOptions {
  readonly workerId: string;
  readonly hostId: string;
  readonly settings: WorkerSettings;
  readonly store: PageStore;
  readonly keys: SessionKeys;
  readonly listen: { readonly host: string; readonly port: number; /** '' for none. */ readonly unixPath: string };
  readonly openUfs: OpenUfs;
  /** Options of this process for every mount. */
  readonly ufsOptions: Readonly<Record<string, string>>;
  readonly unseal: (sealed: string) => Record<string, string>;
  readonly observers: WorkerObservers;
  readonly logger: Logger;
  /** The node cannot go on serving. */
  readonly onFailure?: (error: Error) => void;
  readonly clock?: Clock;
  /** For tests: another way to other workers. */
  readonly connect?: ConnectWorker;
}

const METADATA_LANES = 256;
const METADATA_WAITERS_MAX = 16_384;
const POLLS_MAX = 20_000;
const PROBE_BYTES = 256 << 10;

export class WorkerNode {
  readonly mounts: WorkerMounts;
  readonly fills: FillService;
  readonly metadata: MetadataService;
  readonly polls: MembershipPolls;
  /** Metadata requests in progress. */
  readonly metadataLanes = new Semaphore(METADATA_LANES, { waitersMax: METADATA_WAITERS_MAX, name: 'metadata requests' });
  readonly #options: WorkerNodeOptions;
  readonly #peers: Peers;
  readonly #requests: WorkerRequests;
  readonly #probe = new Uint8Array(PROBE_BYTES);
  #dataPlane: DataPlane | undefined;
  #snapshot: ViewSnapshot | undefined;

  constructor(options: WorkerNodeOptions) {
    const { settings, store, observers, clock = systemClock } = options;
    this.#options = options;
    this.mounts = this.#makeMounts();
    this.metadata = new MetadataService({ mounts: this.mounts, cacheBytes: settings.statusCacheBytes, timeoutMs: settings.ufsCallTimeoutMs, clock });
    this.fills = new FillService({
      store,
      concurrency: settings.fillConcurrency,
      waitersMax: settings.fillWaitersMax,
      timeoutMs: settings.fillTimeoutMs,
      passThroughBytes: settings.passThroughBytes,
      observer: observers.fills,
      clock,
    });
    this.#peers = this.#makePeers();
    this.polls = new MembershipPolls({ pollsMax: POLLS_MAX, clock });
    this.#requests = this.#makeRequests();
  }

  /** undefined before the first view. */
  get view(): MembershipView | undefined {
    return this.#snapshot?.view;
  }
  /** @throws Internal before `start` */
  get dataPlane(): DataPlane {
    if (this.#dataPlane === undefined) throw new CacheError('Internal', 'The data plane is not open.');
    return this.#dataPlane;
  }

  /** Serves from now on: what it holds at once, the rest when a view tells it mounts and peers. @throws AddressInUse, InvalidConfiguration */
  async start(): Promise<void> {
    const { listen, store, keys, settings, logger, onFailure } = this.#options;
    this.#dataPlane = await openDataPlane({
      ...listen,
      pages: store,
      handler: this.#requests,
      keys,
      limits: settings.dataLimits,
      threads: settings.dataThreads,
      ...(settings.dataPortable && { portable: true }),
      ...(onFailure !== undefined && { onFailure }),
      onFault: (error) => logger.error('A data connection was cut', { error }),
      onUnreadable: (fileId, pageIndex) => this.#dropUnreadable(fileId, pageIndex),
    });
  }

  /** Follows a newer view. */
  applyView(view: MembershipView): void {
    this.#snapshot = new ViewSnapshot(view, this.#snapshot);
    this.mounts.update(view.mounts);
    this.#peers.viewChanged();
    this.polls.publish(view);
  }

  /** Lets waiting clients go elsewhere and finishes requests in flight, within the time. */
  async drain(timeoutMs: number): Promise<void> {
    this.polls.close();
    await this.#dataPlane?.drain(timeoutMs);
  }

  /** Ends everything but the page store, which is the caller's. */
  async close(): Promise<void> {
    this.polls.close();
    await this.#dataPlane?.close();
    await this.fills.close();
    this.#peers.close();
    await this.mounts.close();
  }

  /** Reading it here makes the page store notice and drop it: in small steps, so that a reader that comes again and again costs no page of memory, and nothing once it is gone. */
  #dropUnreadable(fileId: Uint8Array, pageIndex: number): void {
    const { store } = this.#options;
    const file = store.findFile(fileId);
    if (file === undefined || !store.isResident(file, pageIndex)) return;
    for (let offset = 0; offset < store.pageSizeBytes; offset += this.#probe.length) {
      const bytes = store.read(file, pageIndex, offset, this.#probe);
      if (bytes === undefined || bytes < this.#probe.length) return;
    }
  }

  #makeMounts(): WorkerMounts {
    const { openUfs, unseal, ufsOptions, observers, logger, clock = systemClock } = this.#options;
    const onFailure = (mountPath: string, error: CacheError): void => logger.warn('A mount cannot be opened', { mountPath, error });
    return new WorkerMounts({ open: openUfs, unseal, options: ufsOptions, observer: observers.ufs, onFailure, clock });
  }

  #makePeers(): Peers {
    const { workerId, hostId, settings, keys, store, clock = systemClock } = this.#options;
    const connect: ConnectWorker = (endpoint, call) => connectData({ endpoint, keys, role: 'worker', identity: `worker/${workerId}`, ...call });
    return new Peers({
      workerId,
      hostId,
      pageSizeBytes: store.pageSizeBytes,
      replicas: settings.replicas,
      view: () => this.#snapshot,
      connect: this.#options.connect ?? connect,
      settings: settings.peers,
      clock,
    });
  }

  #makeRequests(): WorkerRequests {
    const { workerId, settings, store, observers, clock = systemClock } = this.#options;
    const { ufsBytesPerSecond, storesReads, pageSizeBytes } = settings;
    const ufsRate = ufsBytesPerSecond === undefined ? undefined : new TokenBucket({ tokensPerSecond: ufsBytesPerSecond, burst: Math.max(ufsBytesPerSecond, pageSizeBytes), clock });
    const reads = new PageReads({
      store,
      fills: this.fills,
      mounts: this.mounts,
      metadata: this.metadata,
      peers: this.#peers,
      ufsRate,
      storesReads,
      observer: observers.reads,
      clock,
    });
    return new WorkerRequests({
      reads,
      metadata: new MetadataRequests({ workerId, metadata: this.metadata, store, reads }),
      polls: this.polls,
      metadataLanes: this.metadataLanes,
      obstacle: () => (this.#snapshot === undefined ? new CacheError('WorkerUnavailable', 'This worker does not know its cluster yet.', { source: 'worker' }) : undefined),
      observer: observers.requests,
    });
  }
}
