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
  /** Brings a range of the page: the whole of one that is to be kept, what was asked for of one that is not. */
  readonly source: (range: PageRange) => PageSource;
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
      const { fill, within } = this.#join(request, range);
      return await fill.wait(within, signal);
    } finally {
      permit();
    }
  }

  /** Starts a fill that nobody waits for, when a stored buffer is free at once and the page store takes the page; else does nothing. @returns whether it is under way */
  readAhead(request: FillRequest): boolean {
    const { store, concurrency } = this.#options;
    if (this.#isClosed || this.#stored.inUse >= concurrency / 2) return false;
    if (request.unstored !== undefined || this.#fills.has(keyOf(request))) return false;
    const known = store.findFile(request.file.fileId);
    if (known !== undefined && store.isResident(known, request.pageIndex)) return false;
    const whole = this.#wholePage(request);
    const reserved = this.#reserve(request);
    if (typeof reserved === 'string') return false;
    this.#start(request, { key: keyOf(request), range: whole, reservation: reserved }).hold();
    return true;
  }

  /** Fails what is under way and waits until every reservation has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const fill of this.#fills.values()) fill.abort(new CacheError('WorkerUnavailable', 'The worker is shutting down.', { source: 'worker' }));
    await Promise.all(this.#running);
  }

  /** The fill that brings the range, and where in it the range lies. */
  #join(request: FillRequest, range: PageRange): { readonly fill: PageFill; readonly within: PageRange } {
    if (this.#isClosed) throw new CacheError('WorkerUnavailable', 'The worker is shutting down.', { source: 'worker' });
    const whole = this.#wholePage(request);
    const key = keyOf(request);
    const known = this.#underWay(key);
    if (known !== undefined) return { fill: known, within: range };
    const reserved = request.unstored ?? this.#reserve(request);
    if (typeof reserved !== 'string') return { fill: this.#start(request, { key, range: whole, reservation: reserved }), within: range };
    this.#options.observer.unstored(reserved);
    return this.#joinUnstored(request, clamped(range, whole.length));
  }

  /** Pages that are not kept are read as they are asked for: a whole page for each small read would multiply what the UFS sends. */
  #joinUnstored(request: FillRequest, range: PageRange): { readonly fill: PageFill; readonly within: PageRange } {
    const key = `${keyOf(request)}:${range.offset}+${range.length}`;
    const fill = this.#underWay(key) ?? this.#start(request, { key, range, reservation: undefined });
    return { fill, within: { offset: 0, length: range.length } };
  }

  #underWay(key: string): PageFill | undefined {
    const known = this.#fills.get(key);
    if (known === undefined || known.isOver) return undefined;
    this.#options.observer.joined();
    return known;
  }

  #wholePage({ file, pageIndex }: FillRequest): PageRange {
    const { pageSizeBytes } = this.#options.store;
    const length = Math.min(pageSizeBytes, file.lengthBytes - pageIndex * pageSizeBytes);
    if (length > 0) return { offset: 0, length };
    throw new CacheError('RangeInvalid', 'The page lies beyond the end of the file.', { source: 'caller', context: { pageIndex } });
  }

  #start(request: FillRequest, plan: { readonly key: string; readonly range: PageRange; readonly reservation: Reservation | undefined }): PageFill {
    const { observer, stepBytes = STEP_BYTES, timeoutMs } = this.#options;
    const { key, range, reservation } = plan;
    const onStoreError = (): void => observer.unstored('disk-error');
    const source = this.#timed(request.source(range), timeoutMs);
    const buffers = request.lane === 'peer' ? this.#fromPeers : reservation === undefined ? this.#unstored : this.#stored;
    const fill = new PageFill({ lengthBytes: range.length, reservation, source, buffers, stepBytes, onStoreError });
    this.#fills.set(key, fill);
    const running = this.#run(key, fill, range.length).finally(() => this.#running.delete(running));
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

  /** A page store that cannot take a page is no reason to fail the read. @throws PageCorrupt: two files of one fileId */
  #reserve({ file, pageIndex }: FillRequest): Reservation | UnstoredCause {
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

function clamped({ offset, length }: PageRange, pageLength: number): PageRange {
  if (offset < pageLength) return { offset, length: Math.min(length, pageLength - offset) };
  throw new CacheError('RangeInvalid', 'The range lies beyond the end of the file.', { source: 'caller', context: { offset } });
}
