// Fills of all pages: one at a time per page, bounded concurrency and waiters, admission by the page store, refused pages served unstored.
// Not here: finding the mount, forwarding decisions, sources.
import { abortReason, linkSignals, Semaphore, systemClock, type Clock } from '../../common/async/index.ts';
import { CacheError, isCacheError } from '../../common/errors/index.ts';
import { fileIdHex } from '../../common/hash/index.ts';
import type { CachedFile, PageStore, Reservation } from '../../cache/contracts.ts';
import { PageBuffers } from './page-buffers.ts';
import { PageFill, type FillAnswer, type PageRange, type PageSource } from './page-fill.ts';

/** Why a page was served without being stored. */
export const UNSTORED_CAUSES = ['full', 'no-healthy-directory', 'filtered', 'quota', 'already-filling', 'not-owner', 'too-young', 'unconfirmed', 'disk-error'] as const;
export type UnstoredCause = (typeof UNSTORED_CAUSES)[number];

export interface FillObserver {
  filled(from: 'ufs' | 'peer', bytes: number): void;
  failed(error: CacheError): void;
  unstored(cause: UnstoredCause): void;
  /** A reader joined a fill that was under way. */
  joined(): void;
}

export interface FillRequest {
  readonly file: CachedFile;
  readonly pageIndex: number;
  readonly source: PageSource;
  /** Do not store, for this cause. */
  readonly unstored?: UnstoredCause;
  /**
   * `peer`: the source may wait for another worker's fill. What such a worker asks of us must never wait for it in turn, so fills of the two
   * lanes share neither flights nor buffers. Default `ufs`.
   */
  readonly lane?: FillLane;
}
export type FillLane = 'ufs' | 'peer';

export interface FillServiceOptions {
  readonly store: PageStore;
  readonly concurrency: number;
  readonly waitersMax: number;
  readonly timeoutMs: number;
  /** Memory for pages that are not stored. */
  readonly passThroughBytes: number;
  readonly observer: FillObserver;
  /** Bytes between two writes to the page file: waiters start that early. Default 1 MiB. */
  readonly stepBytes?: number;
  readonly clock?: Clock;
}

const STEP_BYTES = 1 << 20;

export class FillService {
  readonly #options: FillServiceOptions;
  readonly #clock: Clock;
  readonly #stored: PageBuffers;
  readonly #unstored: PageBuffers;
  readonly #fromPeers: PageBuffers;
  readonly #answers: Semaphore;
  readonly #fills = new Map<string, PageFill>();
  readonly #running = new Set<Promise<void>>();
  #rejected = 0;
  #isClosed = false;

  constructor(options: FillServiceOptions) {
    const { store, concurrency, waitersMax, passThroughBytes } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#stored = new PageBuffers(store.pageSizeBytes, concurrency, waitersMax);
    this.#unstored = new PageBuffers(store.pageSizeBytes, Math.max(1, Math.floor(passThroughBytes / store.pageSizeBytes)), waitersMax);
    this.#fromPeers = new PageBuffers(store.pageSizeBytes, Math.max(1, Math.ceil(concurrency / 2)), waitersMax);
    this.#answers = new Semaphore(waitersMax);
  }

  /** Fills in progress and buffers in use: zero when nothing leaks. */
  get load(): { readonly fills: number; readonly buffers: number; readonly waiting: number; readonly waitersMax: number; readonly rejected: number } {
    const buffers = this.#stored.inUse + this.#unstored.inUse + this.#fromPeers.inUse;
    return { fills: this.#fills.size, buffers, waiting: this.#answers.capacity - this.#answers.available, waitersMax: this.#answers.capacity, rejected: this.#rejected };
  }

  /** Joins the page's fill or starts it. @throws the fill's error, Overloaded, Cancelled, DeadlineExceeded */
  async read(request: FillRequest, range: PageRange, signal: AbortSignal): Promise<FillAnswer> {
    if (signal.aborted) throw abortReason(signal);
    const permit = this.#answers.tryAcquire();
    if (permit === undefined) {
      this.#rejected++;
      throw new CacheError('Overloaded', 'Too many requests wait for fills.', { source: 'worker' });
    }
    try {
      return await this.#fillOf(request).wait(range, signal);
    } finally {
      permit();
    }
  }

  /** Starts a fill that nobody waits for, when a stored buffer is free at once; else does nothing. @returns whether it is under way */
  readAhead(request: FillRequest): boolean {
    if (this.#isClosed || this.#stored.inUse >= this.#options.concurrency / 2) return false;
    if (request.unstored !== undefined || this.#fills.has(keyOf(request))) return false;
    const { store } = this.#options;
    if (store.isResident(store.admitFile(request.file), request.pageIndex)) return false;
    this.#fillOf(request).hold();
    return true;
  }

  /** Fails what is under way and waits until every reservation has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const fill of this.#fills.values()) fill.abort(new CacheError('WorkerUnavailable', 'The worker is shutting down.', { source: 'worker' }));
    await Promise.all(this.#running);
  }

  #fillOf(request: FillRequest): PageFill {
    if (this.#isClosed) throw new CacheError('WorkerUnavailable', 'The worker is shutting down.', { source: 'worker' });
    const known = this.#fills.get(keyOf(request));
    if (known !== undefined && !known.isOver) {
      this.#options.observer.joined();
      return known;
    }
    return this.#start(request);
  }

  #start(request: FillRequest): PageFill {
    const { store, observer, stepBytes = STEP_BYTES, timeoutMs } = this.#options;
    const key = keyOf(request);
    const lengthBytes = Math.min(store.pageSizeBytes, request.file.lengthBytes - request.pageIndex * store.pageSizeBytes);
    if (!(lengthBytes > 0)) throw new CacheError('RangeInvalid', 'The page lies beyond the end of the file.', { source: 'caller', context: { pageIndex: request.pageIndex } });
    const reservation = this.#reserve(request);
    const onStoreError = (): void => observer.unstored('disk-error');
    const source = this.#timed(request.source, timeoutMs);
    const buffers = request.lane === 'peer' ? this.#fromPeers : reservation === undefined ? this.#unstored : this.#stored;
    const fill = new PageFill({ lengthBytes, reservation, source, buffers, stepBytes, onStoreError });
    this.#fills.set(key, fill);
    const running = this.#run(key, fill, lengthBytes).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return fill;
  }

  async #run(key: string, fill: PageFill, lengthBytes: number): Promise<void> {
    const outcome = await fill.run();
    if (this.#fills.get(key) === fill) this.#fills.delete(key);
    if (outcome instanceof CacheError) this.#options.observer.failed(outcome);
    else this.#options.observer.filled(outcome, lengthBytes);
  }

  #timed(source: PageSource, timeoutMs: number): PageSource {
    return async (into, onProgress, signal) => {
      const linked = linkSignals([signal], { timeoutMs, clock: this.#clock });
      try {
        return await source(into, onProgress, linked.signal);
      } finally {
        linked.dispose();
      }
    };
  }

  #reserve(request: FillRequest): Reservation | undefined {
    const { observer } = this.#options;
    if (request.unstored !== undefined) {
      observer.unstored(request.unstored);
      return undefined;
    }
    const reserved = this.#tryReserve(request);
    if (typeof reserved !== 'string') return reserved;
    observer.unstored(reserved);
    return undefined;
  }

  /** A page store that cannot take a page is no reason to fail the read. @throws PageCorrupt: two files of one fileId */
  #tryReserve({ file, pageIndex }: FillRequest): Reservation | UnstoredCause {
    const { store } = this.#options;
    try {
      return store.reserve(store.admitFile(file), pageIndex);
    } catch (error) {
      if (isCacheError(error, 'PageCorrupt')) throw error;
      return isCacheError(error, 'CacheFull') ? 'full' : 'disk-error';
    }
  }
}

const keyOf = ({ file, pageIndex, lane = 'ufs' }: FillRequest): string => `${fileIdHex(file.fileId)}:${pageIndex}:${lane}`;
