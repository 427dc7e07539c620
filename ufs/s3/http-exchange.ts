// HTTP to one origin: a pool of kept connections, one request and its response. A success's body goes piece by piece to a sink, without being collected;
// everything else is collected up to a bound. Each exchange has a deadline and a watchdog for silence; after it has ended nothing touches the sink.
import { abortReason, type Clock, linkSignals, onAbort, type Release, Semaphore, systemClock, type Timer } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import type { DirectController, DirectHandler } from './direct-connection.ts';
import { DirectPool } from './direct-pool.ts';

export type HttpHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface HttpRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}
export interface HttpResponse {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** Empty when a sink took it. */
  readonly body: Buffer;
}

/** Takes the body of a success. What it throws ends the exchange and the connection, and rejects the call. */
export interface BodySink {
  begin(response: Pick<HttpResponse, 'status' | 'headers'>): void;
  write(chunk: Buffer): void;
  /** Instead of `write`: where the next bytes may be put, not more than were announced … */
  space(): Uint8Array;
  /** … and how many were. */
  placed(count: number): void;
}

export interface ExchangeOptions {
  readonly sink?: BodySink | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For the whole exchange. */
  readonly timeoutMs: number;
  /** Without a byte. */
  readonly idleTimeoutMs: number;
}

const COLLECTED_BYTES_MAX = 16 * 2 ** 20;
const WAITERS_MAX = 10_000;
const KEEP_ALIVE_MS = 20_000;

export class HttpOrigin {
  readonly #pool: DirectPool;
  /** So that the watchdog counts only time in which the server has the request. */
  readonly #slots: Semaphore;
  readonly #clock: Clock;

  constructor(origin: string, connectionsMax: number, clock: Clock = systemClock) {
    this.#slots = new Semaphore(connectionsMax, { waitersMax: WAITERS_MAX, name: 'UFS connections' });
    this.#clock = clock;
    this.#pool = new DirectPool({ origin, idleMs: KEEP_ALIVE_MS, clock });
  }

  /** @throws UfsUnavailable (no connection, reset, silence), DeadlineExceeded, Cancelled, Overloaded, what the sink throws */
  async send(request: HttpRequest, options: ExchangeOptions): Promise<HttpResponse> {
    const release = this.#slots.tryAcquire() ?? (await this.#waitForSlot(options));
    try {
      return await new Promise<HttpResponse>((resolve, reject) => {
        const exchange = new Exchange(options, { resolve, reject, clock: this.#clock });
        exchange.start(() => this.#pool.dispatch(request, exchange));
      });
    } finally {
      release();
    }
  }

  async #waitForSlot({ signal, timeoutMs }: ExchangeOptions): Promise<Release> {
    const bounded = linkSignals([signal], { timeoutMs, clock: this.#clock });
    try {
      return await this.#slots.acquire(bounded.signal);
    } finally {
      bounded.dispose();
    }
  }

  /** Ends requests in flight. */
  close(): Promise<void> {
    this.#pool.close();
    return Promise.resolve();
  }
}

interface Ends {
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: CacheError) => void;
  readonly clock: Clock;
}

class Exchange implements DirectHandler {
  readonly #options: ExchangeOptions;
  readonly #ends: Ends;
  readonly #startMs: number;
  #lastByteMs: number;
  #timer: Timer | undefined;
  #stopListening: () => void = () => undefined;
  #controller: DirectController | undefined;
  #hasEnded = false;
  #status = 0;
  #headers: HttpHeaders = {};
  #sink: BodySink | undefined;
  #collected: Buffer[] = [];
  #collectedBytes = 0;

  constructor(options: ExchangeOptions, ends: Ends) {
    this.#options = options;
    this.#ends = ends;
    this.#startMs = this.#lastByteMs = ends.clock.nowMs();
  }

  start(dispatch: () => void): void {
    const { signal } = this.#options;
    this.#stopListening = onAbort(signal, () => this.#fail(abortReason(signal!)));
    if (this.#hasEnded) return;
    this.#watch();
    try {
      dispatch();
    } catch (error) {
      this.#fail(networkError(error));
    }
  }

  onRequestStart(controller: DirectController): void {
    this.#controller = controller;
    if (this.#hasEnded) controller.abort();
  }

  onResponseStart(status: number, headers: HttpHeaders): void {
    this.#lastByteMs = this.#ends.clock.nowMs();
    if (this.#hasEnded || status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (status >= 300 || this.#options.sink === undefined) return;
    this.#sink = this.#options.sink;
    this.#guard(() => this.#sink!.begin({ status, headers }));
  }

  onResponseData(chunk: Buffer): void {
    if (this.#hasEnded) return;
    this.#lastByteMs = this.#ends.clock.nowMs();
    if (this.#sink !== undefined) {
      this.#guard(() => this.#sink!.write(chunk));
      return;
    }
    this.#collectedBytes += chunk.length;
    if (this.#collectedBytes > COLLECTED_BYTES_MAX) this.#fail(new CacheError('UfsUnavailable', 'The store answered more than can be right.', { source: 'ufs' }));
    else this.#collected.push(chunk);
  }

  /** Only for bodies that the sink takes. */
  space(): Uint8Array | undefined {
    return this.#hasEnded ? undefined : this.#sink?.space();
  }

  placed(count: number): void {
    if (this.#hasEnded) return;
    this.#lastByteMs = this.#ends.clock.nowMs();
    this.#guard(() => this.#sink!.placed(count));
  }

  onResponseEnd(): void {
    if (!this.#end()) return;
    const body = this.#collected.length === 1 ? this.#collected[0]! : Buffer.concat(this.#collected);
    this.#ends.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(error: Error): void {
    if (this.#end()) this.#ends.reject(networkError(error));
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error instanceof CacheError ? error : new CacheError('Internal', 'The taker of a body failed.', { cause: error }));
    }
  }

  /** One timer for the deadline and for silence: it looks when the last byte came and goes on from there. */
  #watch(): void {
    const { timeoutMs, idleTimeoutMs } = this.#options;
    const nowMs = this.#ends.clock.nowMs();
    const untilDeadlineMs = this.#startMs + timeoutMs - nowMs;
    const untilSilenceMs = this.#lastByteMs + idleTimeoutMs - nowMs;
    if (untilDeadlineMs <= 0) this.#fail(new CacheError('DeadlineExceeded', 'The store did not answer in time.', { source: 'ufs', context: { timeoutMs: Math.round(timeoutMs) } }));
    else if (untilSilenceMs <= 0) this.#fail(new CacheError('UfsUnavailable', 'The store sent nothing for too long.', { source: 'ufs', context: { idleTimeoutMs } }));
    else this.#timer = this.#ends.clock.schedule(Math.max(1, Math.min(untilDeadlineMs, untilSilenceMs)), () => this.#watch());
  }

  #fail(error: CacheError): void {
    if (!this.#end()) return;
    this.#controller?.abort();
    this.#ends.reject(error);
  }

  /** False when it has ended before. */
  #end(): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    this.#timer?.cancel();
    this.#stopListening();
    return true;
  }
}

function networkError(error: unknown): CacheError {
  if (error instanceof CacheError) return error;
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  return new CacheError('UfsUnavailable', 'The connection to the store failed.', {
    source: 'ufs',
    context: { errno: code, detail: message?.split('\n')[0]?.slice(0, 200), remedy: 'Check alluxio.underfs.s3.endpoint, and that the store can be reached from here.' },
    cause: error,
  });
}
