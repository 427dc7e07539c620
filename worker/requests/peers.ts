// The other workers as sources of pages: who owns a path under the current view, connections to owners, pages fetched from them with their checksum
// verified, ranges of pages that are passed on.
// Not here: whether a page is kept.
import { type Clock, linkSignals, systemClock } from '../../common/async/index.ts';
import { asCacheError, CacheError, type ErrorCode } from '../../common/errors/index.ts';
import { pageChecksum } from '../../common/hash/index.ts';
import { pathHash } from '../../common/hash/ring.ts';
import { type ClientSettings, ConnectionPool, type ConnectWorker, Router, type ViewSnapshot, WorkerHealth } from '../../client/index.ts';
import type { DataConnection, ReadRequest } from '../../proto/frames/contracts.ts';
import { ChunkFlag, RequestFlag } from '../../proto/frames/layout.ts';

/** What this worker is to a path: its owner, one of its replicas, or neither. */
export type Role = 'owner' | 'replica' | 'other';

export interface Place {
  readonly role: Role;
  /** Worker to ask before the UFS; undefined when this is the owner, or the owner is offline, suspect or has pages of another size. */
  readonly ownerId: string | undefined;
}

export interface PeersOptions {
  readonly workerId: string;
  readonly hostId: string;
  readonly pageSizeBytes: number;
  /** Workers that hold a page. */
  readonly replicas: number;
  readonly view: () => ViewSnapshot | undefined;
  readonly connect: ConnectWorker;
  readonly settings: ClientSettings;
  readonly clock?: Clock;
}

export interface PeerRange {
  readonly fileId: Uint8Array;
  /** In the file. */
  readonly offset: number;
  /** A whole page, to be kept: its checksum is compared. */
  readonly isWhole: boolean;
  /** Encoded ReadTarget. */
  readonly target: Uint8Array;
}

const WORKER_FAULTS: ReadonlySet<ErrorCode> = new Set(['WorkerUnavailable', 'ProtocolMismatch', 'Unauthenticated']);

export class Peers {
  readonly #options: PeersOptions;
  readonly #health: WorkerHealth;
  readonly #pool: ConnectionPool;
  readonly #router: Router;

  constructor(options: PeersOptions) {
    const { settings, clock = systemClock } = options;
    this.#options = options;
    this.#health = new WorkerHealth({ settings, clock, observer: {}, probe: (workerId) => this.#probe(workerId) });
    this.#pool = new ConnectionPool({ connect: options.connect, settings, clock, onSilent: (workerId) => this.#health.fault(workerId) });
    this.#router = new Router({ snapshot: () => this.#snapshot(), health: this.#health, settings, localHostId: options.hostId });
  }

  /** @throws WorkerUnavailable without a view */
  place(path: string): Place {
    const { workerId, replicas } = this.#options;
    const { high, low } = pathHash(path);
    const ids = this.#snapshot().ring.replicas(high, low, replicas);
    const at = ids.indexOf(workerId);
    if (at === 0) return { role: 'owner', ownerId: undefined };
    return { role: at > 0 ? 'replica' : 'other', ownerId: this.#askable(ids[0]) };
  }

  /**
   * Fetches a page, or a range of one, from its owner; `into` holds it only when this resolves.
   * @throws PageCorrupt (wrong checksum or length), what the peer answers, WorkerUnavailable, DeadlineExceeded, Cancelled
   */
  async read(ownerId: string, range: PeerRange, into: Uint8Array, signal: AbortSignal): Promise<void> {
    const target = this.#router.target(ownerId, 'owner');
    if (target === undefined) throw new CacheError('WorkerUnavailable', 'The owner has left.', { source: 'worker', context: { workerId: ownerId } });
    const { attemptTimeoutMs } = this.#options.settings;
    const bounded = linkSignals([signal], { timeoutMs: attemptTimeoutMs, clock: this.#options.clock ?? systemClock });
    try {
      const pooled = await this.#pool.acquire(target, bounded.signal);
      await readVerified(pooled.connection, this.#request(range, into.length, bounded.signal), into);
      this.#pool.answered(pooled);
    } catch (thrown) {
      const error = asCacheError(thrown, 'WorkerUnavailable', { source: 'worker' });
      if (WORKER_FAULTS.has(error.code) && error.source !== 'ufs') this.#health.fault(ownerId);
      throw error;
    } finally {
      bounded.dispose();
    }
  }

  /** Lets connections of workers that left end with their last request. */
  viewChanged(): void {
    const { members } = this.#snapshot();
    this.#pool.retain((workerId) => members.get(workerId)?.online === true);
  }

  close(): void {
    this.#health.close();
    this.#pool.close();
  }

  #request(range: PeerRange, length: number, signal: AbortSignal): ReadRequest {
    return {
      fileId: range.fileId,
      offset: range.offset,
      length,
      flags: RequestFlag.Forwarded | (range.isWhole ? RequestFlag.WantChecksum : 0),
      ringRevision: this.#snapshot().view.revision,
      payload: range.target,
      timeoutMs: this.#options.settings.attemptTimeoutMs,
      signal,
    };
  }

  #askable(ownerId: string | undefined): string | undefined {
    if (ownerId === undefined || this.#health.isSuspect(ownerId)) return undefined;
    const owner = this.#snapshot().members.get(ownerId);
    return owner?.online === true && owner.record.pageSizeBytes === this.#options.pageSizeBytes ? ownerId : undefined;
  }

  async #probe(workerId: string): Promise<void> {
    const target = this.#router.target(workerId);
    if (target === undefined) throw new CacheError('WorkerUnavailable', 'The worker has left.', { source: 'worker' });
    await this.#pool.probe(target);
  }

  #snapshot(): ViewSnapshot {
    const view = this.#options.view();
    if (view === undefined) throw new CacheError('WorkerUnavailable', 'This worker does not know its cluster yet.', { source: 'worker' });
    return view;
  }
}

async function readVerified(connection: DataConnection, request: ReadRequest, into: Uint8Array): Promise<void> {
  const { bytesRead, flags, checksum } = await connection.read(request, into);
  if ((flags & ChunkFlag.CacheMiss) !== 0) throw new CacheError('WorkerUnavailable', 'The owner does not have the page.', { source: 'ufs' });
  const isExpected = (request.flags & RequestFlag.WantChecksum) === 0 || checksum === pageChecksum(into);
  if (bytesRead === into.length && isExpected) return;
  throw new CacheError('PageCorrupt', 'A page came damaged from another worker.', { source: 'worker', context: { expected: into.length, received: bytesRead } });
}
