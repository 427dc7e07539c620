// Client end for threads that may block: one request at a time, bytes received straight into the caller's buffer, SO_RCVTIMEO against a stopped worker.
// A reply that did not arrive whole closes the connection, so that no later request can meet its bytes.
import { CacheError } from '../../common/errors/index.ts';
import {
  type DescriptorCalls,
  descriptorCalls,
  inetAddress,
  MSG_WAITALL,
  POLLOUT,
  type PollCalls,
  pollCalls,
  type SocketAddress,
  type SocketCalls,
  socketCalls,
  unixAddress,
} from '../../common/syscall/index.ts';
import { CHUNK_HEADER_BYTES, ChunkFlag, Op, RequestFlag } from './layout.ts';
import { encodeRequest } from './codec.ts';
import type { BlockingDataConnection, DataPlaneEndpoint } from './contracts.ts';
import { ClientHello, type HelloOptions, helloLength } from './session.ts';

const NOT_CACHED = -1;
const BROKEN = -2;
const EAGAIN = -11;
const EINTR = -4;
const EINPROGRESS = -115;
const TIMEOUT_MS = 1000;
const TWO_32 = 0x1_0000_0000;
/** Error bodies are read into here and thrown away: the event loop's client will be told the same. */
const SCRATCH_BYTES = 64 << 10;
const EINTR_MAX = 100;

export interface ConnectBlockingOptions extends HelloOptions {
  readonly endpoint: DataPlaneEndpoint;
  /** For connecting with its hello, and then for each request: a worker that does not answer in time is given up, at the latest after twice as long. Default 1 s. */
  readonly timeoutMs?: number | undefined;
}

interface Calls {
  readonly sockets: SocketCalls;
  readonly polls: PollCalls;
  readonly descriptors: DescriptorCalls;
}

const unavailable = (message: string, errno?: number): CacheError =>
  new CacheError('WorkerUnavailable', message, { source: 'worker', ...(errno === undefined ? {} : { context: { errno } }) });

function addressOf(endpoint: DataPlaneEndpoint): SocketAddress {
  const { host, port, unixPath } = endpoint;
  const address = unixPath === '' ? inetAddress(host, port) : unixAddress(unixPath);
  if (address === undefined) throw unavailable(`The worker's address ${unixPath === '' ? host : unixPath} cannot be resolved.`);
  return address;
}

/** A connected socket in blocking mode with its timeouts set. @throws WorkerUnavailable */
function connectWithin(calls: Calls, address: SocketAddress, timeoutMs: number): number {
  const { sockets, polls, descriptors } = calls;
  const fd = sockets.open(address, { nonBlocking: true });
  if (fd < 0) throw unavailable('No socket for the worker.', fd);
  const started = sockets.connect(fd, address);
  // A full backlog of a unix socket is EAGAIN: nobody would wake us, so it counts as a refusal.
  const isReady = started === 0 || (started === EINPROGRESS && polls.poll(fd, POLLOUT, timeoutMs) > 0);
  const error = started !== 0 && started !== EINPROGRESS ? started : isReady ? sockets.error(fd) : EAGAIN;
  if (error === 0 && descriptors.setNonBlocking(fd, false) >= 0 && sockets.setTimeout(fd, timeoutMs) >= 0) return fd;
  descriptors.close(fd);
  throw unavailable('The worker does not accept a connection.', error);
}

class FramedBlockingConnection implements BlockingDataConnection {
  readonly #calls: Calls;
  readonly #isUnix: boolean;
  readonly #timeoutMs: number;
  readonly #request = encodeRequest({ op: Op.Read, flags: RequestFlag.OnlyIfCached, requestId: 1 });
  readonly #header = Buffer.alloc(CHUNK_HEADER_BYTES);
  #scratch: Buffer | undefined;
  #fd: number;
  #lastId = 0;
  #deadlineMs = 0;

  constructor(calls: Calls, fd: number, options: { readonly isUnix: boolean; readonly timeoutMs: number }) {
    this.#calls = calls;
    this.#fd = fd;
    this.#isUnix = options.isUnix;
    this.#timeoutMs = options.timeoutMs;
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /** @throws Unauthenticated, ProtocolMismatch, WorkerUnavailable */
  greet(hello: ClientHello): void {
    this.#deadlineMs = performance.now() + this.#timeoutMs;
    let message: Buffer | undefined = hello.first;
    const length = Buffer.alloc(4);
    while (message !== undefined) {
      if (!this.#send(message) || !this.#receive(length, 4)) throw unavailable('The worker did not answer the hello in time.');
      const body = Buffer.alloc(helloLength(length));
      if (!this.#receive(body, body.length)) throw unavailable('The worker did not answer the hello in time.');
      message = hello.answer(body);
    }
  }

  // eslint-disable-next-line max-params -- the contract: no object per read
  readCached(fileId: Uint8Array, offset: number, into: Uint8Array, intoOffset: number, length: number): number {
    if (this.#fd < 0 || intoOffset + length > into.length) return BROKEN;
    if (!this.#ask(Op.Read, fileId, { offset, length })) return this.#broken();
    const destination = intoOffset === 0 && length === into.length ? into : into.subarray(intoOffset, intoOffset + length);
    return this.#readReply(destination, length);
  }

  handOver(fileId: Uint8Array): number {
    if (this.#fd < 0 || !this.#isUnix) return -1;
    const descriptor = this.#ask(Op.HandOverFd, fileId, { offset: 0, length: 0 }) ? this.#receiveDescriptor() : undefined;
    if (descriptor === undefined) this.close();
    return descriptor ?? -1;
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#calls.descriptors.close(this.#fd);
    this.#fd = -1;
  }

  #broken(): number {
    this.close();
    return BROKEN;
  }

  /** Chunks up to the last one. A miss, an error and a short reply are answers; what breaks the protocol or comes too late is not. */
  #readReply(into: Uint8Array, length: number): number {
    for (let received = 0; ; ) {
      if (!this.#receive(this.#header, CHUNK_HEADER_BYTES) || !this.#isReply()) return this.#broken();
      const bytes = this.#bodyBytes();
      if (!this.#hasBytes()) return this.#isLast() && this.#discard(bytes) ? NOT_CACHED : this.#broken();
      if (received + bytes > length || !this.#receive(received === 0 ? into : into.subarray(received), bytes)) return this.#broken();
      received += bytes;
      if (this.#isLast()) return received;
      if (performance.now() > this.#deadlineMs) return this.#broken();
    }
  }

  /** @returns the descriptor; -1: the worker has none to give; undefined: the connection broke */
  #receiveDescriptor(): number | undefined {
    const { bytes, descriptor } = this.#calls.sockets.receiveDescriptor(this.#fd, this.#header);
    const isWhole = bytes > 0 && this.#receive(this.#header.subarray(bytes), CHUNK_HEADER_BYTES - bytes);
    const isOver = isWhole && this.#isReply() && this.#isLast() && this.#discard(this.#bodyBytes());
    if (isOver && this.#hasBytes()) return descriptor;
    if (descriptor >= 0) this.#calls.descriptors.close(descriptor);
    return isOver ? -1 : undefined;
  }

  #hasBytes(): boolean {
    return this.#status() === 0 && (this.#flags() & (ChunkFlag.CacheMiss | ChunkFlag.Checksum)) === 0;
  }
  #isReply(): boolean {
    return this.#header.readUInt32LE(0) === this.#lastId % TWO_32 && this.#header.readUInt32LE(4) === Math.floor(this.#lastId / TWO_32);
  }
  #status(): number {
    return this.#header.readUInt16LE(8);
  }
  #flags(): number {
    return this.#header.readUInt16LE(10);
  }
  #isLast(): boolean {
    return (this.#flags() & ChunkFlag.Last) !== 0;
  }
  #bodyBytes(): number {
    return this.#header.readUInt32LE(12);
  }

  #ask(op: number, fileId: Uint8Array, range: { readonly offset: number; readonly length: number }): boolean {
    this.#lastId += 1;
    this.#deadlineMs = performance.now() + this.#timeoutMs;
    const request = this.#request;
    request.writeUInt16LE(op, 4);
    request.writeUInt16LE(op === Op.Read ? RequestFlag.OnlyIfCached : 0, 6);
    request.writeUInt32LE(this.#lastId % TWO_32, 8);
    request.writeUInt32LE(Math.floor(this.#lastId / TWO_32), 12);
    request.set(fileId, 24);
    request.writeUInt32LE(range.offset % TWO_32, 56);
    request.writeUInt32LE(Math.floor(range.offset / TWO_32), 60);
    request.writeUInt32LE(range.length, 64);
    request.writeUInt32LE(this.#timeoutMs, 68);
    return this.#send(request);
  }

  #send(bytes: Buffer): boolean {
    const { sockets } = this.#calls;
    for (let at = 0, attempts = 0; at < bytes.length; ) {
      const sent = sockets.send(this.#fd, at === 0 ? bytes : bytes.subarray(at), bytes.length - at, 0);
      if (sent > 0) at += sent;
      else if (sent !== EINTR || ++attempts > EINTR_MAX) return false;
    }
    return true;
  }

  /** The whole of `length` bytes, or nothing that may be used. Each wait ends by itself after the timeout; a signal may cut one short. */
  #receive(into: Uint8Array, length: number): boolean {
    const { sockets } = this.#calls;
    let at = 0;
    while (at < length) {
      const received = sockets.recv(this.#fd, at === 0 ? into : into.subarray(at), length - at, MSG_WAITALL);
      if (received === 0 || (received < 0 && received !== EINTR)) return false;
      at += Math.max(0, received);
      if (at < length && performance.now() > this.#deadlineMs) return false;
    }
    return true;
  }

  #discard(bytes: number): boolean {
    this.#scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    for (let left = bytes; left > 0; ) {
      const part = Math.min(left, SCRATCH_BYTES);
      if (!this.#receive(this.#scratch, part)) return false;
      left -= part;
    }
    return true;
  }
}

/**
 * Connects and authenticates in the calling thread, which blocks meanwhile. A host name is resolved by libc, which has timeouts of its own: give an address where the thread must not wait.
 * @throws WorkerUnavailable, Unauthenticated, ProtocolMismatch; InvalidConfiguration where there are no libc calls
 */
export function connectDataBlocking(options: ConnectBlockingOptions): BlockingDataConnection {
  const { endpoint, timeoutMs = TIMEOUT_MS } = options;
  if (socketCalls === undefined || pollCalls === undefined || descriptorCalls === undefined) {
    throw new CacheError('InvalidConfiguration', 'Blocking connections need libc calls, which this platform lacks.', { context: { remedy: 'Use the event loop’s client.' } });
  }
  const calls = { sockets: socketCalls, polls: pollCalls, descriptors: descriptorCalls };
  const hello = new ClientHello(options);
  const fd = connectWithin(calls, addressOf(endpoint), timeoutMs);
  const connection = new FramedBlockingConnection(calls, fd, { isUnix: endpoint.unixPath !== '', timeoutMs });
  try {
    connection.greet(hello);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
