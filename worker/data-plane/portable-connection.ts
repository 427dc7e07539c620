// One client of the portable server: hello, requests in, chunks out. Bounded both ways: too many requests or too many unsent bytes stop the reading.
import type { Socket } from 'node:net';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import type { RequestHandler, SessionKeys } from '../../proto/frames/contracts.ts';
import { decodeRequest, encodeChunk, encodeErrorBody, frameBytes, helloLength, refusalOf, ServerHello, wireOf } from '../../proto/frames/index.ts';
import { CHUNK_BYTES_MAX, ChunkFlag, Op, RequestFlag } from '../../proto/frames/layout.ts';
import type { DataPlaneCounters, DataPlaneLimits, PageReading } from './contracts.ts';
import { type Frame, ParkedRequests, type ReplySink } from './parked-requests.ts';

const CHECKSUM_BYTES = 8;
const NO_BYTES = new Uint8Array(0);

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
  #parked: ParkedRequests | undefined;
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
    return this.#parked?.size ?? 0;
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
    this.#parked?.close();
    this.#parts.onIdle();
  }

  #received(bytes: Buffer): void {
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
    this.#advance();
  }

  #isFull(): boolean {
    const { limits, socket } = this.#parts;
    return this.inFlight >= limits.requestsPerConnection || socket.writableLength >= limits.unsentBytesPerConnection;
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
    const { handler, limits } = this.#parts;
    const sink: ReplySink = {
      finish: (requestId, bytes, flags) => this.#finish(requestId, bytes, flags),
      fail: (requestId, error) => this.#fail(requestId, error),
      serve: (read, flags) => (this.#serve(read, flags) ? 'served' : 'gone'),
    };
    this.#parked = new ParkedRequests({ session: this.#hello.session, handler, requestTimeoutMs: limits.requestTimeoutMs, sink });
    const leftMs = Math.min(this.#hello.expiresAtMs - Date.now(), 0x7fffffff);
    this.#expiryTimer = setTimeout(() => this.cut(), leftMs).unref();
  }

  #dispatch(frame: Frame): void {
    if (frame.op === Op.Cancel) return this.#parked?.cancel(frame.offset);
    if (frame.requestId === 0 || this.#parked?.has(frame.requestId) === true) throw new CacheError('ProtocolMismatch', 'A request id is used twice.');
    this.#parts.counters.requests += 1;
    if (frame.op === Op.Ping) return this.#finish(frame.requestId, NO_BYTES, 0);
    if (frame.op === Op.Read && this.#answersRead(frame)) return;
    if (frame.op === Op.HandOverFd) return this.#finish(frame.requestId, NO_BYTES, ChunkFlag.CacheMiss); // no descriptors without sendmsg
    this.#parked?.add(frame);
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

  #fail(requestId: number, error: CacheError): void {
    const body = encodeErrorBody(error);
    const bytes = body.length <= CHUNK_BYTES_MAX ? body : encodeErrorBody(new CacheError(error.code, 'The error is too long to send.'));
    this.#write(encodeChunk({ requestId, status: wireOf(error.code), flags: ChunkFlag.Last }, bytes));
    this.#release();
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
    this.#release();
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

  #release(): void {
    this.#parts.onIdle();
    if (this.#parts.socket.isPaused()) queueMicrotask(() => this.#advance());
  }
}
