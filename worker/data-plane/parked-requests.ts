// The requests of one connection that the handler has: their deadlines, cancellation, and that each is answered once. Both forms of the server use it.
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import type { DataReply, DataRequest, RequestHandler, Session } from '../../proto/frames/contracts.ts';
import type { decodeRequest } from '../../proto/frames/index.ts';

export type Frame = ReturnType<typeof decodeRequest>;
const TIMER_MS_MAX = 0x7fff_ffff;
const NO_BYTES = new Uint8Array(0);

/** Where answers go. Each request gets exactly one, unless its connection closes. */
export interface ReplySink {
  finish(requestId: number, bytes: Uint8Array, flags: number): void;
  fail(requestId: number, error: CacheError): void;
  /** gone: the page is not here after all; asked: `gone` or `served` of ParkedRequests tells later. */
  serve(frame: Frame, chunkFlags: number): 'served' | 'gone' | 'asked';
}
export interface ParkedOptions {
  readonly session: Session;
  readonly handler: RequestHandler;
  readonly requestTimeoutMs: number;
  readonly sink: ReplySink;
}

interface Parked {
  readonly frame: Frame;
  readonly stop: AbortController;
  timer: NodeJS.Timeout | undefined;
}

export class ParkedRequests {
  readonly #options: ParkedOptions;
  readonly #parked = new Map<number, Parked>();

  constructor(options: ParkedOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#parked.size;
  }
  has(requestId: number): boolean {
    return this.#parked.has(requestId);
  }

  /** Hands the request to the handler. */
  add(frame: Frame): void {
    const { requestTimeoutMs } = this.#options;
    const stop = new AbortController();
    const timeoutMs = Math.min(frame.timeoutMs === 0 ? requestTimeoutMs : frame.timeoutMs, TIMER_MS_MAX);
    const timer = setTimeout(() => stop.abort(new CacheError('DeadlineExceeded', 'The request took too long.')), timeoutMs);
    const parked: Parked = { frame, stop, timer };
    this.#parked.set(frame.requestId, parked);
    this.#handle(parked);
  }

  cancel(requestId: number): void {
    this.#parked.get(requestId)?.stop.abort(new CacheError('Cancelled', 'The client cancelled the request.'));
  }

  /** A request that was being served from the cache has been. */
  served(requestId: number): void {
    const parked = this.#parked.get(requestId);
    if (parked !== undefined) this.#take(parked);
  }

  /** It could not be: the handler gets it again. */
  gone(requestId: number): void {
    const parked = this.#parked.get(requestId);
    if (parked !== undefined) this.#handle(parked);
  }

  frame(requestId: number): Frame | undefined {
    return this.#parked.get(requestId)?.frame;
  }

  /** Answers a request that came back (`gone`) without the handler. */
  finish(requestId: number, bytes: Uint8Array, flags: number): void {
    const parked = this.#parked.get(requestId);
    if (parked !== undefined && this.#take(parked)) this.#options.sink.finish(requestId, bytes, flags);
  }

  /** The connection is gone: aborts all, answers nobody. */
  close(): void {
    for (const parked of this.#parked.values()) {
      this.#take(parked);
      parked.stop.abort(new CacheError('Cancelled', 'The client closed the connection.'));
    }
  }

  #take(parked: Parked): boolean {
    clearTimeout(parked.timer);
    if (this.#parked.get(parked.frame.requestId) !== parked) return false;
    return this.#parked.delete(parked.frame.requestId);
  }

  #handle(parked: Parked): void {
    const { handler, session, sink } = this.#options;
    const { frame, stop } = parked;
    let isOver = false;
    const answer = (send: () => void): void => {
      if (isOver) return;
      isOver = true;
      if (this.#take(parked)) send();
    };
    const reply: DataReply = {
      end: (bytes = NO_BYTES, flags = 0) => answer(() => sink.finish(frame.requestId, bytes, flags)),
      fail: (error) => answer(() => sink.fail(frame.requestId, error)),
      serveFromCache: (flags) => {
        if (isOver || this.#parked.get(frame.requestId) !== parked) return;
        isOver = true;
        const outcome = sink.serve(frame, flags);
        if (outcome === 'served') this.#take(parked);
        else if (outcome === 'gone') this.#handle(parked);
      },
    };
    // A cancelled request frees its place whether or not the handler ever answers.
    stop.signal.addEventListener('abort', () => reply.fail(asCacheError(stop.signal.reason, 'Cancelled')), { once: true });
    if (stop.signal.aborted) return reply.fail(asCacheError(stop.signal.reason, 'Cancelled'));
    const request: DataRequest = { ...frame, signal: stop.signal, session };
    try {
      handler.handle(request, reply);
    } catch (error) {
      reply.fail(asCacheError(error));
    }
  }
}
