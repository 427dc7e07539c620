// One client of a data thread: hello, requests in, the reply queue out. Reads of cached pages are answered here; everything else goes to the main thread.
// Bounded both ways: too many requests or too many unsent bytes stop the reading.
import { asCacheError, CacheError, type ErrorCode } from '../../common/errors/index.ts';
import type { Session, SessionKeys } from '../../proto/frames/contracts.ts';
import { brokenFrame, encodeErrorBody, frameBytes, helloLength, refusalOf, ServerHello, wireOf } from '../../proto/frames/index.ts';
import { ChunkFlag, Op, RequestFlag } from '../../proto/frames/layout.ts';
import type { DataPlaneLimits } from './contracts.ts';
import { Reply, ReplyKind, type ReplyOwner, ReplyQueue, type ReplyTools } from './reply-queue.ts';
import { Counter, type FromDataThread } from './thread-protocol.ts';

const EAGAIN = -11;
const EINTR = -4;
const TWO_32 = 0x1_0000_0000;
const OPS: ReadonlySet<number> = new Set(Object.values(Op));
const FILE_ID_AT = 24;
const FILE_ID_BYTES = 16;
const NO_BYTES = new Uint8Array(0);
/** Receives in one turn, so that a client that floods leaves time for the others. */
const RECEIVES_PER_TURN = 4;

export interface ConnectionTools extends ReplyTools {
  readonly limits: DataPlaneLimits;
  readonly keys: SessionKeys;
  /** Receives for every connection of the thread; what is left over is copied away. */
  readonly input: { readonly address: number; readonly bytes: Buffer };
  readonly post: (message: FromDataThread, transfer?: readonly ArrayBuffer[]) => void;
  /** Asks for another turn soon. */
  readonly again: (connection: NativeConnection) => void;
  readonly closed: (connection: NativeConnection) => void;
}

export interface ConnectionOptions {
  readonly id: number;
  readonly fd: number;
  readonly isUnix: boolean;
  readonly nowMs: number;
}

export class NativeConnection implements ReplyOwner {
  readonly id: number;
  readonly fd: number;
  isClosed = false;
  /** In the thread's list of those that want another turn. */
  isQueued = false;
  readonly #isUnix: boolean;
  readonly #tools: ConnectionTools;
  readonly #queue: ReplyQueue;
  /** Requests that the main thread has. */
  readonly #parked = new Set<number>();
  readonly #helloBeforeMs: number;
  #nowMs: number;
  #hello: ServerHello | undefined;
  #session: Session | undefined;
  #expiresAtMs = Infinity;
  /** What was received and not yet understood: the beginning of a frame, or whole ones while the connection is full. */
  #pending: Buffer | undefined;
  /** A frame longer than the shared buffer, being received. */
  #long: { readonly bytes: Buffer; at: number } | undefined;
  #isPaused = false;
  /** The socket may have bytes that no event will tell of again. */
  #mayHaveMore = false;

  constructor(tools: ConnectionTools, options: ConnectionOptions) {
    this.id = options.id;
    this.fd = options.fd;
    this.#isUnix = options.isUnix;
    this.#tools = tools;
    this.#hello = new ServerHello(tools.keys);
    this.#nowMs = options.nowMs;
    this.#helloBeforeMs = options.nowMs + tools.limits.helloTimeoutMs;
    this.#queue = new ReplyQueue(options.fd, tools, this);
  }

  get inFlight(): number {
    return this.#parked.size + this.#queue.size;
  }
  get isGreeted(): boolean {
    return this.#session !== undefined;
  }

  readable(nowMs: number): void {
    this.#mayHaveMore = true;
    this.turn(nowMs);
  }

  /** Receives, understands and sends as much as there is room for. */
  turn(nowMs: number): void {
    if (this.isClosed) return;
    this.#nowMs = nowMs;
    try {
      this.#receive();
      if (!this.isClosed) this.#pump();
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Time limits: hello, session, a reader that takes nothing. */
  sweep(nowMs: number, epochMs: number): void {
    if (this.isClosed) return;
    const isLate = this.#session === undefined && nowMs > this.#helloBeforeMs;
    if (isLate || epochMs > this.#expiresAtMs || this.#queue.isOverdue(nowMs)) this.cut();
  }

  /** Ends the connection at once and counts it. */
  cut(): void {
    if (this.isClosed) return;
    this.#tools.counters[Counter.connectionsCut]! += 1;
    this.close();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#count(-this.inFlight);
    this.#queue.clear();
    this.#parked.clear();
    this.#pending = undefined;
    this.#long = undefined;
    this.#tools.descriptors.close(this.fd);
    this.#tools.closed(this);
  }

  /** The main thread's answer to a parked request. */
  reply(requestId: number, answer: { readonly status: number; readonly flags: number; readonly bytes: Uint8Array }): void {
    if (!this.#unpark(requestId)) return;
    this.#enqueue(requestId, answer.status, answer.flags, answer.bytes);
  }

  /** The main thread says that the page is here now. */
  serve(request: { readonly requestId: number; readonly fileId: Uint8Array; readonly offset: number; readonly length: number; readonly chunkFlags: number }): void {
    if (!this.#unpark(request.requestId)) return;
    const reply = this.#newReply(ReplyKind.page, request.requestId);
    reply.fileId.set(request.fileId);
    reply.offset = request.offset;
    reply.length = request.length;
    reply.flags = request.chunkFlags;
    reply.requestFlags = 0;
    reply.isFromMain = true;
    this.#add(reply);
  }

  missed(reply: Reply): void {
    this.#count(-1);
    if (!reply.isFromMain) return this.#miss(reply, reply.frame!);
    this.#parked.add(reply.requestId);
    this.#count(1);
    this.#tools.post({ kind: 'gone', connection: this.id, requestId: reply.requestId });
  }

  finished(reply: Reply): void {
    this.#count(-1);
    if (reply.isFromMain) this.#tools.post({ kind: 'served', connection: this.id, requestId: reply.requestId });
  }

  unreadable(reply: Reply): void {
    this.#tools.post({ kind: 'unreadable', fileId: reply.fileId.slice(), pageIndex: Math.floor(reply.offset / this.#tools.pageSizeBytes) });
  }

  #miss(reply: Reply, frame: Uint8Array): void {
    this.#tools.counters[Counter.misses]! += 1;
    if ((reply.requestFlags & RequestFlag.OnlyIfCached) === 0) this.#park(reply.requestId, frame);
    else this.#enqueue(reply.requestId, 0, ChunkFlag.CacheMiss, NO_BYTES);
  }

  #pump(): void {
    const outcome = this.#queue.pump(this.#nowMs);
    if (outcome === 'broken') return this.cut();
    const canReceive = this.#isPaused ? !this.#isFull() : this.#mayHaveMore;
    if (outcome === 'more' || canReceive) this.#tools.again(this);
  }

  #refuse(error: unknown): void {
    if (!(error instanceof CacheError)) this.#tools.post({ kind: 'fault', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    if (this.#session !== undefined) return this.cut();
    const refusal = refusalOf(asCacheError(error, 'ProtocolMismatch'));
    this.#tools.sockets.send(this.fd, refusal, refusal.length, 0);
    this.close();
  }

  #isFull(): boolean {
    const { limits } = this.#tools;
    return this.inFlight >= limits.requestsPerConnection || this.#queue.unsentBytes >= limits.unsentBytesPerConnection;
  }

  #receive(): void {
    this.#isPaused = this.#isFull();
    if (this.#isPaused) return;
    if (this.#pending !== undefined && this.#long === undefined) this.#understandPending();
    for (let i = 0; i < RECEIVES_PER_TURN && this.#mayHaveMore && !this.#isPaused && !this.isClosed; i++) this.#receiveOnce();
  }

  #understandPending(): void {
    const { input } = this.#tools;
    const pending = this.#pending!;
    input.bytes.set(pending);
    this.#pending = undefined;
    this.#understand(pending.length);
  }

  #receiveOnce(): void {
    const { sockets, input } = this.#tools;
    if (this.#long !== undefined) return this.#receiveLong(this.#long);
    const kept = this.#pending?.length ?? 0;
    const room = input.bytes.length - kept;
    const bytes = sockets.recv(this.fd, input.address + kept, room, 0);
    if (!this.#took(bytes, room)) return;
    if (this.#pending !== undefined) {
      input.bytes.set(this.#pending);
      this.#pending = undefined;
    }
    this.#understand(kept + bytes);
  }

  /** @returns whether bytes came */
  #took(bytes: number, room: number): boolean {
    if (bytes > 0) {
      this.#mayHaveMore = bytes === room;
      return true;
    }
    if (bytes === EAGAIN) this.#mayHaveMore = false;
    else if (bytes !== EINTR) this.close();
    return false;
  }

  #receiveLong(long: { readonly bytes: Buffer; at: number }): void {
    const room = long.bytes.length - long.at;
    const bytes = this.#tools.sockets.recv(this.fd, long.bytes.subarray(long.at), room, 0);
    if (!this.#took(bytes, room)) return;
    long.at += bytes;
    this.#mayHaveMore = true; // the end of this frame says nothing about the next
    if (long.at < long.bytes.length) return;
    this.#long = undefined;
    this.#dispatch(long.bytes, 0, long.bytes.length);
    this.#isPaused = this.#isFull();
  }

  /** Whole frames at the start of the shared buffer, as long as there is room for their answers; the rest is kept. */
  #understand(have: number): void {
    const { bytes } = this.#tools.input;
    let at = 0;
    while (have - at >= 4 && !this.isClosed) {
      const total = this.#hello === undefined ? frameBytes(bytes, at) : 4 + helloLength(bytes.subarray(at));
      if (have - at < total) {
        if (total > bytes.length) return this.#expectLong(at, have, total);
        break;
      }
      if (this.#hello !== undefined) this.#greet(bytes.subarray(at + 4, at + total), this.#hello);
      else this.#dispatch(bytes, at, total);
      at += total;
      this.#isPaused = this.#isFull();
      if (this.#isPaused) break;
    }
    if (at < have && !this.isClosed) this.#pending = Buffer.from(bytes.subarray(at, have));
  }

  #expectLong(at: number, have: number, total: number): void {
    const long = Buffer.allocUnsafeSlow(total);
    this.#tools.input.bytes.copy(long, 0, at, have);
    this.#long = { bytes: long, at: have - at };
  }

  #greet(body: Uint8Array, hello: ServerHello): void {
    const answer = hello.answer(body);
    const sent = this.#tools.sockets.send(this.fd, answer, answer.length, 0);
    if (sent !== answer.length) return this.cut(); // a fresh socket that takes no hundred bytes is no client
    if (hello.session === undefined) return;
    this.#session = hello.session;
    this.#expiresAtMs = hello.expiresAtMs;
    this.#hello = undefined;
    this.#tools.post({ kind: 'opened', connection: this.id, session: hello.session });
  }

  #dispatch(bytes: Buffer, at: number, total: number): void {
    const op = bytes.readUInt16LE(at + 4);
    const requestId = u64(bytes, at + 8);
    u64(bytes, at + 16); // the ring revision: the main thread decodes whole frames and must not meet a broken one
    const offset = u64(bytes, at + 56);
    if (op === Op.Cancel) return this.#cancel(offset);
    if (!OPS.has(op)) throw brokenFrame('A request asks for an unknown operation.');
    if (requestId === 0 || this.#parked.has(requestId) || (this.#queue.size > 0 && this.#queue.has(requestId))) throw brokenFrame('A request id is used twice.');
    this.#tools.counters[Counter.requests]! += 1;
    if (op === Op.Read) this.#read(requestId, { bytes, at, total });
    else if (op === Op.Ping) this.#enqueue(requestId, 0, 0, NO_BYTES);
    else if (op === Op.HandOverFd) this.#handOver(requestId, bytes, at);
    else this.#park(requestId, copyOf(bytes, at, total));
  }

  #read(requestId: number, frame: { readonly bytes: Buffer; readonly at: number; readonly total: number }): void {
    const { bytes, at, total } = frame;
    const { pageSizeBytes } = this.#tools;
    const flags = bytes.readUInt16LE(at + 6);
    const offset = u64(bytes, at + 56);
    const length = bytes.readUInt32LE(at + 64);
    if ((offset % pageSizeBytes) + length > pageSizeBytes) return this.#fail(requestId, 'RangeInvalid', 'A read may not cross a page border.');
    if ((flags & RequestFlag.WantChecksum) !== 0) return this.#park(requestId, copyOf(bytes, at, total));
    const reply = this.#newReply(ReplyKind.page, requestId);
    reply.offset = offset;
    reply.length = length;
    reply.flags = ChunkFlag.FromCache;
    reply.requestFlags = flags;
    for (let i = 0; i < FILE_ID_BYTES; i++) reply.fileId[i] = bytes[at + FILE_ID_AT + i]!;
    if (!this.#queue.hasRoom) {
      reply.frame = copyOf(bytes, at, total);
      this.#add(reply);
    } else if (this.#queue.addPinned(reply, this.#nowMs)) this.#count(1);
    else {
      this.#miss(reply, copyOf(bytes, at, total));
      this.#queue.recycle(reply);
    }
  }

  #handOver(requestId: number, bytes: Buffer, at: number): void {
    if (!this.#isUnix) return this.#enqueue(requestId, 0, ChunkFlag.CacheMiss, NO_BYTES);
    const reply = this.#newReply(ReplyKind.descriptor, requestId);
    reply.flags = ChunkFlag.FromCache;
    reply.length = 0;
    for (let i = 0; i < FILE_ID_BYTES; i++) reply.fileId[i] = bytes[at + FILE_ID_AT + i]!;
    this.#add(reply);
  }

  #cancel(requestId: number): void {
    if (!this.#queue.cancel(requestId) && this.#parked.has(requestId)) this.#tools.post({ kind: 'cancel', connection: this.id, requestId });
  }

  #park(requestId: number, frame: Uint8Array): void {
    this.#parked.add(requestId);
    this.#count(1);
    this.#tools.post({ kind: 'request', connection: this.id, frame }, [frame.buffer as ArrayBuffer]);
  }

  #unpark(requestId: number): boolean {
    if (!this.#parked.delete(requestId)) return false;
    this.#count(-1);
    return true;
  }

  #fail(requestId: number, code: ErrorCode, message: string): void {
    this.#enqueue(requestId, wireOf(code), 0, encodeErrorBody(new CacheError(code, message, { source: 'caller' })));
  }

  // eslint-disable-next-line max-params -- the four fields of a reply
  #enqueue(requestId: number, status: number, flags: number, bytes: Uint8Array): void {
    const reply = this.#newReply(ReplyKind.bytes, requestId);
    reply.status = status;
    reply.flags = flags;
    reply.bytes = bytes;
    reply.length = bytes.length;
    this.#add(reply);
  }

  #newReply(kind: number, requestId: number): Reply {
    const reply = this.#tools.spare.pop() ?? new Reply();
    reply.kind = kind;
    reply.requestId = requestId;
    return reply;
  }

  #add(reply: Reply): void {
    this.#queue.add(reply);
    this.#count(1);
  }

  #count(inFlight: number): void {
    this.#tools.counters[Counter.inFlight]! += inFlight;
  }
}

function u64(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at + 4) * TWO_32 + bytes.readUInt32LE(at);
  if (!Number.isSafeInteger(value)) throw brokenFrame('A frame carries a number beyond 2^53.');
  return value;
}

const copyOf = (bytes: Buffer, at: number, length: number): Uint8Array => Uint8Array.prototype.slice.call(bytes, at, at + length);
