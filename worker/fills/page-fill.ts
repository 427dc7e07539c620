// One fill of one page: brings its bytes into a pooled buffer, writes them to the reservation in steps and answers waiters as their ranges arrive.
// The worker owns it: a waiter that leaves stops nothing, the last one does before one half. Not here: which pages are filled, and from where.
import { abortReason, onAbort } from '../../common/async/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import type { Reservation } from '../../cache/contracts.ts';
import type { PageBuffer, PageBuffers } from './page-buffers.ts';

/** Fills `into` (the page, no more) and tells how far it is; only verified bytes may be told. @returns where they came from */
export type PageSource = (into: Uint8Array, onProgress: (bytesReceived: number, from: PageOrigin) => void, signal: AbortSignal) => Promise<PageOrigin>;
export type PageOrigin = 'ufs' | 'peer';

/** `cached`: the range lies in the page file, try the page table again. `bytes`: a copy, for pages that are not stored. */
export type FillAnswer = { readonly kind: 'cached'; readonly from: PageOrigin } | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly from: PageOrigin };

export interface PageRange {
  /** In the page. */
  readonly offset: number;
  readonly length: number;
}

interface Waiter {
  readonly range: PageRange;
  readonly settle: (answer: FillAnswer | CacheError) => void;
}

export interface PageFillOptions {
  readonly lengthBytes: number;
  /** Absent: the page is served and not stored. */
  readonly reservation: Reservation | undefined;
  readonly source: PageSource;
  readonly buffers: PageBuffers;
  readonly stepBytes: number;
  /** A disk error while storing: the fill goes on unstored. */
  readonly onStoreError: (error: CacheError) => void;
}

export class PageFill {
  readonly #options: PageFillOptions;
  readonly #controller = new AbortController();
  readonly #waiters = new Set<Waiter>();
  #reservation: Reservation | undefined;
  #buffer: PageBuffer | undefined;
  #from: PageOrigin = 'ufs';
  #received = 0;
  #written = 0;
  #isHeld = false;
  #hasEnded = false;

  constructor(options: PageFillOptions) {
    this.#options = options;
    this.#reservation = options.reservation;
  }

  /** It has ended or is being given up: a newcomer must start another one. */
  get isOver(): boolean {
    return this.#hasEnded || this.#controller.signal.aborted;
  }
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Goes on without waiters (read-ahead). */
  hold(): void {
    this.#isHeld = true;
  }

  /** @throws the fill's error; Cancelled or DeadlineExceeded of this waiter alone */
  wait(range: PageRange, signal: AbortSignal): Promise<FillAnswer> {
    const ready = this.#answer(range);
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        range,
        settle: (answer) => {
          this.#waiters.delete(waiter);
          stop();
          if (answer instanceof CacheError) reject(answer);
          else resolve(answer);
        },
      };
      let stop = (): void => undefined;
      this.#waiters.add(waiter);
      stop = onAbort(signal, () => {
        this.#waiters.delete(waiter);
        this.#left();
        reject(abortReason(signal));
      });
    });
  }

  abort(error: CacheError): void {
    this.#controller.abort(error);
  }

  /** Runs the fill to its end; never throws. @returns where the bytes came from, or the error */
  async run(): Promise<PageOrigin | CacheError> {
    const { signal } = this.#controller;
    try {
      this.#buffer = await this.#options.buffers.acquire(signal);
      const page = this.#page();
      const from = await this.#options.source(page, (received, origin) => this.#progress(received, origin), signal);
      this.#received = page.length;
      this.#from = from;
      this.#commit(page);
      // A stored page can be joined to the last: its answer is the page file. An unstored one has no bytes once its buffer is back.
      this.#hasEnded = this.#reservation === undefined;
      this.#serve();
      return from;
    } catch (error) {
      this.#hasEnded = true;
      this.#dropReservation();
      const failure = signal.aborted ? abortReason(signal) : asCacheError(error, 'Internal');
      for (const waiter of this.#waiters) waiter.settle(failure);
      return failure;
    } finally {
      this.#buffer?.release();
      this.#buffer = undefined;
    }
  }

  #page(): Uint8Array {
    return this.#buffer!.bytes.subarray(0, this.#options.lengthBytes);
  }

  #left(): void {
    if (this.#waiters.size > 0 || this.#isHeld || this.#received * 2 >= this.#options.lengthBytes) return;
    this.#controller.abort(new CacheError('Cancelled', 'Nobody waits for the page any more.'));
  }

  #progress(received: number, from: PageOrigin): void {
    this.#from = from;
    this.#received = Math.max(this.#received, received);
    if (this.#reservation !== undefined && this.#received - this.#written < this.#options.stepBytes) return;
    this.#store(this.#page());
    this.#serve();
  }

  #store(page: Uint8Array): void {
    if (this.#reservation === undefined || this.#received === this.#written) return;
    try {
      this.#reservation.write(this.#written, page.subarray(this.#written, this.#received));
      this.#written = this.#received;
    } catch (error) {
      this.#giveUpStoring(error);
    }
  }

  #commit(page: Uint8Array): void {
    this.#store(page);
    if (this.#reservation === undefined) return;
    try {
      this.#reservation.commit(page);
    } catch (error) {
      this.#giveUpStoring(error);
    }
  }

  #giveUpStoring(error: unknown): void {
    this.#dropReservation();
    this.#options.onStoreError(asCacheError(error, 'Internal'));
  }

  #dropReservation(): void {
    const reservation = this.#reservation;
    this.#reservation = undefined;
    reservation?.abort();
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const answer = this.#answer(waiter.range);
      if (answer !== undefined) waiter.settle(answer);
    }
  }

  #answer({ offset, length }: PageRange): FillAnswer | undefined {
    const end = Math.min(offset + length, this.#options.lengthBytes);
    if (this.#reservation !== undefined) return end <= this.#written && this.#written > 0 ? { kind: 'cached', from: this.#from } : undefined;
    if (this.#buffer === undefined || end > this.#received || this.#received === 0) return undefined;
    return { kind: 'bytes', bytes: Buffer.from(this.#page().subarray(Math.min(offset, end), end)), from: this.#from };
  }
}
