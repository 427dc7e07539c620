// One client of the portable server: hello, requests in, chunks out. Bounded both ways: too many requests or too many unsent bytes stop the reading.
import type { Socket } from 'node:net';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import type { DataReply, DataRequest, SessionKeys } from '../../proto/frames/contracts.ts';
import { decodeRequest, encodeChunk, encodeErrorBody, frameBytes, helloLength, refusalOf, ServerHello, wireOf } from '../../proto/frames/index.ts';
import { CHUNK_BYTES_MAX, ChunkFlag, Op, RequestFlag } from '../../proto/frames/layout.ts';
import type { DataPlaneCounters, DataPlaneLimits, PageReading } from './contracts.ts';
import type { RequestHandler } from '../../proto/frames/contracts.ts';

const CHECKSUM_BYTES = 8;
const NO_BYTES = new Uint8Array(0);

type Frame = ReturnType<typeof decodeRequest>;

export interface ConnectionParts {
  readonly socket: Socket;
  readonly keys: SessionKeys;
  readonly pages: PageReading;
  readonly handler: RequestHandler;
  readonly limits: DataPlaneLimits;
  readonly counters: DataPlaneCounters;
  readonly onIdle: () => void;
}

export class PortableConnection {
  readonly #parts: ConnectionParts;
  readonly #hello: ServerHello;
  readonly #inFlight = new Map<number, AbortController>();
  readonly #helloTimer: NodeJS.Timeout;
  #expiryTimer: NodeJS.Timeout | undefined;
  #sendTimer: NodeJS.Timeout | undefined;
  #input: Buffer = Buffer.alloc(0);

  constructor(parts: ConnectionParts) {
    const { socket, limits } = parts;
    this.#parts = parts;
    this.#hello = new ServerHello(parts.keys);
    this.#helloTimer = setTimeout(() => this.cut(), limits.helloTimeoutMs);
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('drain', () => this.#drained());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed());
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Ends the connection at once and counts it. */
  cut(): void {
    if (this.#parts.socket.destroyed) return;
    this.#parts.counters.connectionsCut += 1;
    this.#parts.socket.destroy();
  }

  #closed(): void {
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#expiryTimer);
    clearTimeout(this.#sendTimer);
    for (const request of this.#inFlight.values()) request.abort(new CacheError('Cancelled', 'The client closed the connection.'));
    this.#inFlight.clear();
    this.#parts.onIdle();
  }

  #received(bytes: Buffer): void {
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
    this.#advance();
  }

  #isFull(): boolean {
    const { limits, socket } = this.#parts;
    return this.#inFlight.size >= limits.requestsPerConnection || socket.writableLength >= limits.unsentBytesPerConnection;
  }

  /** Takes whole frames as long as there is room for their answers. */
  #advance(): void {
    const { socket } = this.#parts;
    try {
      while (!socket.destroyed && !this.#isFull() && this.#takeOne());
    } catch (error) {
      if (this.#hello.session === undefined) socket.end(refusalOf(asCacheError(error, 'ProtocolMismatch')));
      else this.cut();
      this.#input = Buffer.alloc(0);
      return;
    }
    if (this.#isFull()) socket.pause();
    else if (socket.isPaused()) socket.resume();
  }

  #takeOne(): boolean {
    const input = this.#input;
    if (input.length < 4) return false;
    const isHello = this.#hello.session === undefined;
    const total = isHello ? 4 + helloLength(input) : frameBytes(input, 0);
    if (input.length < total) return false;
    this.#input = input.subarray(total);
    if (isHello) this.#greet(input.subarray(4, total));
    else this.#dispatch(decodeRequest(input.subarray(0, total)));
    return true;
  }

  #greet(body: Buffer): void {
    this.#parts.socket.write(this.#hello.answer(body));
    if (this.#hello.session === undefined) return;
    clearTimeout(this.#helloTimer);
    const leftMs = Math.min(this.#hello.expiresAtMs - Date.now(), 0x7fffffff);
    this.#expiryTimer = setTimeout(() => this.cut(), leftMs).unref();
  }

  #dispatch(frame: Frame): void {
    if (frame.op === Op.Cancel) {
      this.#inFlight.get(frame.offset)?.abort(new CacheError('Cancelled', 'The client cancelled the request.'));
      return;
    }
    if (frame.requestId === 0 || this.#inFlight.has(frame.requestId)) throw new CacheError('ProtocolMismatch', 'A request id is used twice.');
    this.#parts.counters.requests += 1;
    const stop = new AbortController();
    this.#inFlight.set(frame.requestId, stop);
    if (frame.op === Op.Ping) return this.#finish(frame.requestId, NO_BYTES, 0);
    if (frame.op === Op.Read && this.#answersRead(frame)) return;
    if (frame.op === Op.HandOverFd) return this.#finish(frame.requestId, NO_BYTES, ChunkFlag.CacheMiss); // no descriptors without sendmsg
    this.#handle(frame, stop);
  }

  /** True when the request is over: hit, refused, or a miss that may not be filled. */
  #answersRead(frame: Frame): boolean {
    const pageSize = this.#parts.pages.pageSizeBytes;
    if ((frame.offset % pageSize) + frame.length > pageSize) {
      this.#fail(frame.requestId, new CacheError('RangeInvalid', 'A read may not cross a page border.', { source: 'caller' }));
      return true;
    }
    if ((frame.flags & RequestFlag.WantChecksum) === 0 && this.#serve(frame, ChunkFlag.FromCache)) return true;
    if ((frame.flags & RequestFlag.WantChecksum) === 0) this.#parts.counters.misses += 1;
    if ((frame.flags & RequestFlag.OnlyIfCached) === 0 || (frame.flags & RequestFlag.WantChecksum) !== 0) return false;
    this.#finish(frame.requestId, NO_BYTES, ChunkFlag.CacheMiss);
    return true;
  }

  #serve(frame: Frame, flags: number): boolean {
    const { pages } = this.#parts;
    const file = pages.findFile(frame.fileId);
    if (file === undefined) return false;
    const into = Buffer.allocUnsafe(frame.length);
    const pageIndex = Math.floor(frame.offset / pages.pageSizeBytes);
    const bytes = pages.read(file, pageIndex, frame.offset % pages.pageSizeBytes, into);
    if (bytes === undefined) return false;
    if ((flags & ChunkFlag.FromCache) !== 0) {
      this.#parts.counters.hits += 1;
      this.#parts.counters.hitBytes += bytes;
    }
    this.#finish(frame.requestId, into.subarray(0, bytes), flags);
    return true;
  }

  #handle(frame: Frame, stop: AbortController): void {
    const session = this.#hello.session;
    if (session === undefined) return;
    const timeoutMs = frame.timeoutMs === 0 ? this.#parts.limits.requestTimeoutMs : frame.timeoutMs;
    const timer = setTimeout(() => stop.abort(new CacheError('DeadlineExceeded', 'The request took too long.')), Math.min(timeoutMs, 0x7fffffff));
    let isOver = false;
    const once = (answer: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      if (this.#inFlight.get(frame.requestId) === stop) answer();
    };
    const request: DataRequest = { ...frame, signal: stop.signal, session };
    const reply: DataReply = {
      end: (bytes = NO_BYTES, flags = 0) => once(() => this.#finish(frame.requestId, bytes, flags)),
      fail: (error) => once(() => this.#fail(frame.requestId, error)),
      serveFromCache: (flags) => once(() => this.#serve(frame, flags) || this.#handle(frame, stop)),
    };
    // A cancelled request frees its place here whether or not the handler ever answers.
    stop.signal.addEventListener('abort', () => reply.fail(asCacheError(stop.signal.reason, 'Cancelled')), { once: true });
    if (stop.signal.aborted) return reply.fail(asCacheError(stop.signal.reason, 'Cancelled'));
    try {
      this.#parts.handler.handle(request, reply);
    } catch (error) {
      reply.fail(asCacheError(error));
    }
  }

  #fail(requestId: number, error: CacheError): void {
    const body = encodeErrorBody(error);
    const bytes = body.length <= CHUNK_BYTES_MAX ? body : encodeErrorBody(new CacheError(error.code, 'The error is too long to send.'));
    this.#write(encodeChunk({ requestId, status: wireOf(error.code), flags: ChunkFlag.Last }, bytes));
    this.#release(requestId);
  }

  /** Sends the whole answer: flags of origin on the first chunk, the checksum in a chunk of its own. */
  #finish(requestId: number, bytes: Uint8Array, flags: number): void {
    const { Checksum, Last } = ChunkFlag;
    const split = bytes.length - ((flags & Checksum) === 0 ? 0 : CHECKSUM_BYTES);
    let first = flags & ~(Last | Checksum);
    for (let at = 0; at < split || (at === 0 && split === bytes.length); at += CHUNK_BYTES_MAX) {
      const end = Math.min(at + CHUNK_BYTES_MAX, split);
      this.#write(encodeChunk({ requestId, status: 0, flags: first | (end === bytes.length ? Last : 0) }, bytes.subarray(at, end)));
      first = 0;
    }
    if (split < bytes.length) this.#write(encodeChunk({ requestId, status: 0, flags: first | Last | Checksum }, bytes.subarray(split)));
    this.#release(requestId);
  }

  #write(chunk: Buffer): void {
    const { socket, counters, limits } = this.#parts;
    if (socket.destroyed) return;
    counters.bytesSent += chunk.length;
    if (!socket.write(chunk)) this.#sendTimer ??= setTimeout(() => this.cut(), limits.sendTimeoutMs);
  }

  #drained(): void {
    clearTimeout(this.#sendTimer);
    this.#sendTimer = undefined;
    this.#advance();
  }

  #release(requestId: number): void {
    this.#inFlight.delete(requestId);
    this.#parts.onIdle();
    if (this.#parts.socket.isPaused()) queueMicrotask(() => this.#advance());
  }
}
