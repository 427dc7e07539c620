// Client end on the event loop: many requests in flight, page bytes received straight into the caller's buffer by `onread`.
// A destination is lent to the kernel while its chunk arrives, so a cancelled read settles only when the socket has let go of it.
import { connect, type Socket } from 'node:net';
import { patientTimer } from '../../common/async/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import { type ChunkHeader, brokenFrame, decodeChunkHeader, decodeError, encodeRequest } from './codec.ts';
import type { CallRequest, DataConnection, DataPlaneEndpoint, ReadReply, ReadRequest } from './contracts.ts';
import { CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES, ChunkFlag, Op, type OpCode } from './layout.ts';
import { ClientHello, type HelloOptions, helloLength } from './session.ts';

const CALL_TIMEOUT_MS = 30_000;
const CALL_REPLY_BYTES_MAX = 64 << 20;
const CANCEL_GRACE_MS = 1000;
const IN_FLIGHT_MAX = 1024;
const CHECKSUM_BYTES = 8;

export interface ConnectDataOptions extends HelloOptions {
  readonly endpoint: DataPlaneEndpoint;
  /** For connecting and the hello together. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Pending {
  /** A read's destination; undefined for calls, whose chunks are collected. */
  readonly into: Uint8Array | undefined;
  readonly parts: Buffer[];
  received: number;
  flags: number;
  checksum: bigint | undefined;
  /** Set when the caller gave up while a chunk was arriving: reject with it afterwards. */
  abandoned: CacheError | undefined;
  settle: (error?: CacheError) => void;
}
interface Await {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const unavailable = (message: string, cause?: unknown): CacheError => new CacheError('WorkerUnavailable', message, { source: 'worker', cause });

class FramedConnection implements DataConnection {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #small = Buffer.alloc(CHUNK_HEADER_BYTES);
  readonly #tail = Buffer.alloc(CHECKSUM_BYTES);
  readonly #ready = Promise.withResolvers<void>();
  #hello: ClientHello | undefined;
  #scratch: Buffer | undefined;
  /** Where the next bytes go; never empty, since an empty view kills the socket. */
  #view: Uint8Array = this.#small.subarray(0, 4);
  #onFull: () => void = () => this.#helloLength();
  #current: Pending | undefined;
  #chunk: ChunkHeader | undefined;
  #lastId = 0;
  receivedBytes = 0;
  closed = false;

  constructor(options: ConnectDataOptions) {
    this.#hello = new ClientHello(options);
    const { host, port, unixPath } = options.endpoint;
    const onread = { buffer: () => this.#view, callback: (bytes: number): boolean => this.#received(bytes) };
    this.#socket = connect(unixPath === '' ? { host, port, noDelay: true, onread } : { path: unixPath, onread });
    this.#socket.once('connect', () => this.#socket.write(this.#hello?.first ?? ''));
    this.#socket.on('error', (error) => this.#fail(unavailable('The connection to the worker broke.', error)));
    this.#socket.on('close', () => this.#fail(unavailable('The worker closed the connection.')));
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  async ready(call: Await): Promise<this> {
    const timer = patientTimer(call.timeoutMs, () => this.#fail(unavailable('The worker did not answer the hello in time.')));
    const stop = (): void => this.#fail(asCacheError(call.signal?.reason, 'Cancelled'));
    call.signal?.addEventListener('abort', stop, { once: true });
    if (call.signal?.aborted === true) stop();
    try {
      await this.#ready.promise;
      return this;
    } finally {
      timer.cancel();
      call.signal?.removeEventListener('abort', stop);
    }
  }

  async read(request: ReadRequest, into: Uint8Array): Promise<ReadReply> {
    if (into.length < request.length) throw new CacheError('InvalidArgument', 'The destination is shorter than the read.');
    const { timeoutMs, signal, op = Op.Read, ...rest } = request;
    const done = await this.#send((requestId) => encodeRequest({ ...rest, op, requestId, timeoutMs }), into.subarray(0, request.length), { timeoutMs, signal });
    return { bytesRead: done.received, flags: done.flags, ...(done.checksum === undefined ? {} : { checksum: done.checksum }) };
  }

  async call(op: OpCode, payload: Uint8Array, options: CallRequest = {}): Promise<{ readonly bytes: Buffer; readonly flags: number }> {
    const { timeoutMs = CALL_TIMEOUT_MS, signal, ...rest } = options;
    const done = await this.#send((requestId) => encodeRequest({ ...rest, op, requestId, timeoutMs, payload }), undefined, { timeoutMs, signal });
    return { bytes: Buffer.concat(done.parts), flags: done.flags };
  }

  close(): void {
    this.#fail(unavailable('The connection was closed.'));
  }

  async #send(encode: (requestId: number) => Buffer, into: Uint8Array | undefined, call: Await): Promise<Pending> {
    if (call.signal?.aborted === true) throw asCacheError(call.signal.reason, 'Cancelled');
    if (this.closed) throw unavailable('The connection is closed.');
    if (this.#pending.size >= IN_FLIGHT_MAX) throw new CacheError('Overloaded', 'Too many requests wait on one connection.');
    const requestId = this.#lastId + 1;
    const frame = encode(requestId);
    this.#lastId = requestId;
    const { promise, resolve, reject } = Promise.withResolvers<Pending>();
    const stop = (): void => this.#abandon(requestId, asCacheError(call.signal?.reason, 'Cancelled'));
    const timer = patientTimer(call.timeoutMs, () => this.#abandon(requestId, new CacheError('DeadlineExceeded', 'The worker did not answer in time.', { source: 'worker' })));
    const pending: Pending = {
      into,
      parts: [],
      received: 0,
      flags: 0,
      checksum: undefined,
      abandoned: undefined,
      settle: (error) => {
        timer.cancel();
        call.signal?.removeEventListener('abort', stop);
        this.#pending.delete(requestId);
        if (error === undefined) resolve(pending);
        else reject(error);
      },
    };
    this.#pending.set(requestId, pending);
    call.signal?.addEventListener('abort', stop, { once: true });
    this.#socket.write(frame);
    return await promise;
  }

  #abandon(requestId: number, error: CacheError): void {
    const pending = this.#pending.get(requestId);
    if (pending === undefined || pending.abandoned !== undefined) return;
    this.#socket.write(encodeRequest({ op: Op.Cancel, requestId: 0, offset: requestId }));
    if (pending !== this.#current) return pending.settle(error);
    pending.abandoned = error;
    // The sender stalled in the middle of a chunk: nothing behind it can arrive either.
    const grace = patientTimer(CANCEL_GRACE_MS, () => this.#fail(unavailable('The worker stopped in the middle of a reply.')));
    const settle = pending.settle;
    pending.settle = (late) => {
      grace.cancel();
      settle(late ?? error);
    };
  }

  #received(bytes: number): boolean {
    if (this.closed) return false;
    this.receivedBytes += bytes;
    try {
      if (bytes < this.#view.length) this.#view = this.#view.subarray(bytes);
      else this.#onFull();
      // From the next read on the abandoned destination is no longer lent out.
      if (this.#current?.abandoned !== undefined) this.#divert(this.#current);
    } catch (error) {
      this.#fail(asCacheError(error, 'ProtocolMismatch'));
    }
    return !this.closed;
  }

  #expect(view: Uint8Array, onFull: () => void): void {
    this.#view = view;
    this.#onFull = onFull;
  }
  #expectHeader(): void {
    this.#expect(this.#small, () => this.#header());
  }

  #helloLength(): void {
    const body = Buffer.alloc(helloLength(this.#small));
    this.#expect(body, () => {
      const answer = this.#hello?.answer(body);
      if (answer === undefined) {
        this.#hello = undefined;
        this.#expectHeader();
        this.#ready.resolve();
        return;
      }
      this.#socket.write(answer);
      this.#expect(this.#small.subarray(0, 4), () => this.#helloLength());
    });
  }

  #header(): void {
    const chunk = decodeChunkHeader(this.#small);
    if (chunk.requestId === 0 || chunk.requestId > this.#lastId) throw brokenFrame('A reply names a request that was never made.');
    const pending = this.#pending.get(chunk.requestId);
    this.#chunk = chunk;
    this.#current = pending;
    const tail = (chunk.flags & ChunkFlag.Checksum) !== 0 && chunk.status === 0 ? CHECKSUM_BYTES : 0;
    const bytes = chunk.length - tail;
    if (bytes < 0) throw brokenFrame('A reply chunk is shorter than its checksum.');
    const finish = (): void => (tail === 0 ? this.#chunkDone() : this.#expect(this.#tail, () => this.#checksumDone()));
    if (bytes === 0) return finish();
    this.#expect(this.#destination(pending, chunk, bytes), finish);
  }

  #destination(pending: Pending | undefined, chunk: ChunkHeader, bytes: number): Uint8Array {
    if (pending === undefined) return this.#discard(bytes);
    if (pending.into === undefined || chunk.status !== 0) {
      pending.received += bytes;
      if (pending.received > CALL_REPLY_BYTES_MAX + CHUNK_BYTES_MAX) throw brokenFrame('A reply is longer than any reply may be.');
      const part = Buffer.allocUnsafe(bytes);
      if (chunk.status !== 0) pending.parts.length = 0;
      pending.parts.push(part);
      return part;
    }
    const at = pending.received;
    if (at + bytes > pending.into.length) throw brokenFrame('A reply is longer than the read.');
    pending.received += bytes;
    return pending.into.subarray(at, at + bytes);
  }

  #discard(bytes: number): Uint8Array {
    this.#scratch ??= Buffer.allocUnsafeSlow(CHUNK_BYTES_MAX);
    return this.#scratch.subarray(0, bytes);
  }

  #divert(pending: Pending): void {
    this.#current = undefined;
    if (this.#view !== this.#tail) this.#view = this.#discard(this.#view.length);
    pending.settle(pending.abandoned);
  }

  #checksumDone(): void {
    if (this.#current !== undefined) this.#current.checksum = this.#tail.readBigUInt64LE(0);
    this.#chunkDone();
  }

  #chunkDone(): void {
    const pending = this.#current;
    const chunk = this.#chunk;
    this.#current = undefined;
    this.#expectHeader();
    if (pending === undefined || chunk === undefined) return;
    if (pending.abandoned !== undefined) return pending.settle(pending.abandoned);
    pending.flags |= chunk.flags;
    if (chunk.status !== 0) pending.settle(decodeError(chunk.status, pending.parts[0] ?? Buffer.alloc(0)));
    else if ((chunk.flags & ChunkFlag.Last) !== 0) pending.settle();
  }

  #fail(error: CacheError): void {
    if (this.closed) return;
    this.closed = true;
    this.#socket.destroy();
    this.#ready.promise.catch(() => undefined);
    this.#ready.reject(error);
    for (const pending of this.#pending.values()) pending.settle(pending.abandoned ?? error);
  }
}

/** Connects and authenticates. @throws WorkerUnavailable, Unauthenticated, ProtocolMismatch, Cancelled */
export async function connectData(options: ConnectDataOptions): Promise<DataConnection> {
  const { timeoutMs = 1000, signal } = options;
  return await new FramedConnection(options).ready({ timeoutMs, signal });
}
