// The client, put together: membership feed, routing, reads, statuses. `openClient` (index.ts) gives it its doors.
import type { ByteName, FileStatus, MembershipView } from '../common/api/index.ts';
import type { Clock } from '../common/async/index.ts';
import { CacheError } from '../common/errors/index.ts';
import { printableName } from '../common/namespace/index.ts';
import type { DataPlaneEndpoint } from '../proto/frames/contracts.ts';
import type {
  CacheClient,
  ClientCallOptions,
  ClientObserver,
  ClientSession,
  FileHandle,
  ListPage,
  ListPathOptions,
  PathRoute,
  ReadCounters,
  ResidencyReport,
  StatusLookup,
  StatusOptions,
} from './cache-client.ts';
import { ClientCounters } from './client-counters.ts';
import { BLOCK_BYTES_MAX, type ClientSettings } from './client-settings.ts';
import { DirectReader } from './direct/direct-reader.ts';
import { type OpenMountUfs, UfsMounts } from './direct/ufs-mounts.ts';
import { MembershipFeed } from './membership/membership-feed.ts';
import type { ViewSnapshot } from './membership/view-snapshot.ts';
import { PinnedHandle } from './reading/pinned-handle.ts';
import { RangeReader, type RangeReaderOptions } from './reading/range-reader.ts';
import { ReadAheadMemory } from './reading/read-ahead-memory.ts';
import { ReadAhead } from './reading/read-ahead.ts';
import { type ConnectWorker, ConnectionPool } from './routing/connection-pool.ts';
import { Dispatcher } from './routing/dispatcher.ts';
import { RoutedPath, Router } from './routing/router.ts';
import { WorkerHealth } from './routing/worker-health.ts';
import { ResidencyReader } from './status/residency-reader.ts';
import { StatusReader } from './status/status-reader.ts';

/** What reaches outside: fakes stand here in tests. */
export interface ClientDoors {
  readonly connect: ConnectWorker;
  readonly openUfs: OpenMountUfs;
  readonly unseal: ((sealed: string) => Record<string, string>) | undefined;
  readonly encodeTarget: RangeReaderOptions['encodeTarget'];
}

export interface RoutedClientOptions {
  readonly endpoints: readonly DataPlaneEndpoint[];
  readonly session: ClientSession;
  /** '' when unknown: no worker counts as co-located. */
  readonly localHostId: string;
  /** Options of this process for every UFS. */
  readonly ufsOptions: Readonly<Record<string, string>>;
  readonly settings: ClientSettings;
  readonly observer: ClientObserver;
  readonly clock: Clock;
  readonly doors: ClientDoors;
}

interface ReadingParts {
  readonly reader: RangeReader;
  readonly direct: DirectReader;
  readonly memory: ReadAheadMemory;
}

export class RoutedClient implements CacheClient {
  readonly counters: ReadCounters;
  readonly session: ClientSession;
  readonly #options: RoutedClientOptions;
  readonly #counters = new ClientCounters();
  readonly #feed: MembershipFeed;
  readonly #health: WorkerHealth;
  readonly #pool: ConnectionPool;
  readonly #router: Router;
  readonly #mounts: UfsMounts;
  readonly #statuses: StatusReader;
  readonly #residency: ResidencyReader;
  readonly #handles = new Set<PinnedHandle>();
  readonly #listeners = new Set<(view: MembershipView) => void>();
  /** Made when the page size is known. */
  #reading: ReadingParts | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #closing = new AbortController();
  /** Online workers of the last view: uuid → instance. */
  #instances: ReadonlyMap<string, string> = new Map();
  #closed = false;

  private constructor(options: RoutedClientOptions) {
    const { settings, clock, observer, doors, session, localHostId } = options;
    this.#options = options;
    this.session = session;
    this.counters = this.#counters;
    this.#feed = new MembershipFeed({ endpoints: options.endpoints, clusterUid: session.keys.clusterUid, localHostId, connect: doors.connect, settings, clock, observer });
    this.#health = new WorkerHealth({ settings, clock, observer, probe: (workerId) => this.#probe(workerId) });
    this.#pool = new ConnectionPool({ connect: doors.connect, settings, clock, onSilent: (workerId) => this.#health.fault(workerId) });
    const snapshot = (): ViewSnapshot => this.#feed.snapshot;
    this.#router = new Router({ snapshot, health: this.#health, settings, localHostId });
    const { openUfs, unseal } = doors;
    const ufsObserver = { request: (op: string, outcome: 'ok' | 'error' | 'retried', ms: number) => observer.ufsRequest?.(op, outcome, ms), bytes: () => undefined };
    this.#mounts = new UfsMounts({ open: openUfs, unseal, options: options.ufsOptions, observer: ufsObserver, settings, clock });
    const parts = { router: this.#router, pool: this.#pool, health: this.#health, counters: this.#counters, settings, clock };
    this.#dispatcher = new Dispatcher({ ...parts, observer, closing: this.#closing.signal });
    this.#statuses = new StatusReader({ ...parts, dispatcher: this.#dispatcher, mounts: this.#mounts, snapshot });
    this.#residency = new ResidencyReader({ ...parts, snapshot });
    this.#feed.onSnapshot((next) => this.#follow(next));
  }

  /** @throws WorkerUnavailable, Unauthenticated, ProtocolMismatch, InvalidConfiguration when no endpoint gives a view */
  static async open(options: RoutedClientOptions, signal?: AbortSignal): Promise<RoutedClient> {
    const client = new RoutedClient(options);
    try {
      await client.#feed.start(signal);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  get view(): MembershipView {
    return this.#feed.snapshot.view;
  }

  async status(path: ByteName, options?: StatusOptions): Promise<FileStatus | undefined> {
    return (await this.lookup(path, options)).status;
  }

  lookup(path: ByteName, options?: StatusOptions): Promise<StatusLookup> {
    return this.#statuses.lookup(path, options);
  }

  invalidate(path: ByteName): void {
    this.#statuses.invalidate(path);
  }

  list(path: ByteName, options?: ListPathOptions): Promise<ListPage> {
    return this.#statuses.list(path, options);
  }

  async openFile(path: ByteName, options?: StatusOptions): Promise<FileHandle> {
    return this.openVersion(await this.#file(path, options));
  }

  openVersion(status: FileStatus): FileHandle {
    if (this.#closed) throw new CacheError('Cancelled', 'The client is closed.');
    const { settings, clock } = this.#options;
    const { reader, memory } = this.#readingParts();
    const file = reader.pin(status);
    const readAhead = new ReadAhead({
      fileLength: status.length,
      windowBytesMax: settings.readAheadEnabled ? settings.readAheadWindowBytesMax : 0,
      fetchesMax: settings.pagesInFlightMax,
      memory,
      counters: this.#counters,
      clock,
      fetch: (offset, into, signal) => reader.read(file, offset, into, { signal, timeoutMs: undefined, isSequential: true, isSpeculative: true }),
      hint: (offset, length) => reader.hint(file, offset, length),
    });
    const handle = new PinnedHandle({
      file,
      reader,
      readAhead,
      blockBytes: memory.bufferBytes,
      piecesInFlightMax: settings.pagesInFlightMax,
      onChanged: () => this.invalidate(status.path),
      onClose: (closed) => this.#handles.delete(closed),
    });
    this.#handles.add(handle);
    return handle;
  }

  route(path: ByteName): PathRoute {
    return this.#router.route(new RoutedPath(path));
  }

  async residency(path: ByteName, options: ClientCallOptions = {}): Promise<ResidencyReport> {
    return await this.#residency.report(await this.#file(path, options), options);
  }

  onView(listener: (view: MembershipView) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#closing.abort(new CacheError('Cancelled', 'The client is closed.'));
    for (const handle of this.#handles) handle.close();
    this.#listeners.clear();
    this.#health.close();
    this.#pool.close();
    this.#reading?.direct.clear();
    await Promise.all([this.#feed.close(), this.#mounts.close()]);
  }

  async #file(path: ByteName, options?: StatusOptions): Promise<FileStatus> {
    const status = await this.status(path, options);
    const context = { path: printableName(path) };
    if (status === undefined) throw new CacheError('PathNotFound', 'The path does not exist.', { source: 'ufs', context });
    if (status.type === 'directory') throw new CacheError('IsADirectory', 'The path is a directory.', { source: 'caller', context });
    return status;
  }

  #readingParts(): ReadingParts {
    const blockBytes = Math.min(this.#feed.snapshot.pageSizeBytes, BLOCK_BYTES_MAX);
    // Workers with smaller pages joined: new handles keep their borders, open ones go on as they are.
    if (this.#reading?.memory.bufferBytes === blockBytes) return this.#reading;
    this.#reading?.direct.clear();
    const { settings, clock, doors } = this.#options;
    const counters = this.#counters;
    const direct = new DirectReader({ blockBytes, cacheBytesMax: settings.directCacheBytesMax, counters, clock });
    const memory = new ReadAheadMemory({ bufferBytes: blockBytes, bytesMax: settings.readAheadMemoryBytesMax, counters, clock });
    const reader = new RangeReader({ dispatcher: this.#dispatcher, router: this.#router, mounts: this.#mounts, direct, counters, encodeTarget: doors.encodeTarget });
    this.#reading = { reader, direct, memory };
    return this.#reading;
  }

  #follow(snapshot: ViewSnapshot): void {
    const instances = new Map(snapshot.online.map(({ record }) => [record.uuid, record.instanceId]));
    for (const workerId of this.#health.suspects) {
      // A worker that left, or came back as another process, is judged anew.
      if (instances.get(workerId) === undefined || instances.get(workerId) !== this.#instances.get(workerId)) this.#health.answered(workerId);
    }
    this.#instances = instances;
    this.#pool.retain((workerId) => instances.has(workerId));
    this.#mounts.divideBudget(snapshot.view.fuseClients);
    for (const listener of this.#listeners) listener(snapshot.view);
  }

  async #probe(workerId: string): Promise<void> {
    const target = this.#router.target(workerId);
    if (target === undefined || !target.online) throw new CacheError('WorkerUnavailable', 'The worker has left.', { source: 'worker' });
    await this.#pool.probe(target);
  }
}
