// HTTP to one origin: a pool of kept connections, one request and its response. A success's body goes piece by piece to a sink, without being collected;
// everything else is collected up to a bound. Each exchange has a deadline and a watchdog for silence; after it has ended nothing touches the sink.
import { Pool, type Dispatcher } from 'undici';
import { abortReason, type Clock, linkSignals, onAbort, type Release, Semaphore, systemClock, type Timer } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';

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
  readonly #pool: Pool;
  /** So that the watchdog counts only time in which the server has the request. */
  readonly #slots: Semaphore;
  readonly #clock: Clock;

  constructor(origin: string, connectionsMax: number, clock: Clock = systemClock) {
    this.#slots = new Semaphore(connectionsMax, { waitersMax: WAITERS_MAX, name: 'UFS connections' });
    this.#clock = clock;
    this.#pool = new Pool(origin, {
      connections: connectionsMax,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: 0 },
    });
  }

  /** @throws UfsUnavailable (no connection, reset, silence), DeadlineExceeded, Cancelled, Overloaded, what the sink throws */
  async send(request: HttpRequest, options: ExchangeOptions): Promise<HttpResponse> {
    const release = this.#slots.tryAcquire() ?? (await this.#waitForSlot(options));
    try {
      return await new Promise<HttpResponse>((resolve, reject) => {
        new Exchange(options, { resolve, reject, clock: this.#clock }).start(this.#pool, request);
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
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

interface Ends {
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: CacheError) => void;
  readonly clock: Clock;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #ends: Ends;
  readonly #startMs: number;
  #lastByteMs: number;
  #timer: Timer | undefined;
  #stopListening: () => void = () => undefined;
  #controller: Dispatcher.DispatchController | undefined;
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

  start(pool: Pool, request: HttpRequest): void {
    const { signal } = this.#options;
    this.#stopListening = onAbort(signal, () => this.#fail(abortReason(signal!)));
    if (this.#hasEnded) return;
    this.#watch();
    try {
      // `reset: false`: connections are kept after HEAD, too.
      pool.dispatch({ method: request.method, path: request.path, headers: request.headers, body: request.body ?? null, reset: false }, this);
    } catch (error) {
      this.#fail(networkError(error));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#hasEnded) controller.abort(new CacheError('Cancelled', 'The exchange has ended.'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: HttpHeaders): void {
    this.#lastByteMs = this.#ends.clock.nowMs();
    if (this.#hasEnded || status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (status >= 300 || this.#options.sink === undefined) return;
    this.#sink = this.#options.sink;
    this.#guard(() => this.#sink!.begin({ status, headers }));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
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

  onResponseEnd(): void {
    if (!this.#end()) return;
    const body = this.#collected.length === 1 ? this.#collected[0]! : Buffer.concat(this.#collected);
    this.#ends.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
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
    this.#controller?.abort(error);
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
