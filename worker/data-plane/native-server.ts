// The data plane on data threads: listening sockets, the threads, and on this side of them the requests that the handler answers.
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { CacheError } from '../../common/errors/index.ts';
import { type DescriptorCalls, descriptorCalls, type PollCalls, pollCalls, socketCalls } from '../../common/syscall/index.ts';
import type { Session } from '../../proto/frames/contracts.ts';
import { decodeRequest, encodeErrorBody, wireOf } from '../../proto/frames/index.ts';
import { CHUNK_BYTES_MAX, ChunkFlag } from '../../proto/frames/layout.ts';
import { type DataPlane, type DataPlaneLimits, type DataPlaneOptions, type DataPlaneStats, DEFAULT_LIMITS } from './contracts.ts';
import { type ListeningSockets, listenNative } from './listening.ts';
import { type Frame, ParkedRequests, type ReplySink } from './parked-requests.ts';
import { type AboutConnection, Counter, countersOf, createCounters, createHandOffs, type DataThreadParts, type FromDataThread, type ToDataThread } from './thread-protocol.ts';

const CLOSE_TIMEOUT_MS = 2000;

/** Whether this machine has what the native form needs. */
export function hasNativeCalls(): boolean {
  if (socketCalls === undefined || descriptorCalls === undefined || pollCalls === undefined) return false;
  const event = pollCalls.createEvent();
  if (event < 0) return false;
  descriptorCalls.close(event);
  return true;
}

interface Calls {
  readonly descriptors: DescriptorCalls;
  readonly polls: PollCalls;
}
interface ThreadEvents {
  readonly onStopped: () => void;
  readonly onIdle: () => void;
}

/** One data thread as the main thread sees it. */
class DataThread {
  readonly #options: DataPlaneOptions;
  readonly #limits: DataPlaneLimits;
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #wake: () => void;
  readonly #connections = new Map<number, ParkedRequests>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #exited: Promise<void>;
  events: ThreadEvents | undefined;
  #isClosing = false;

  constructor(options: DataPlaneOptions, parts: Omit<DataThreadParts, 'port'>, wake: () => void) {
    const { port1, port2 } = new MessageChannel();
    this.#options = options;
    this.#limits = parts.limits;
    this.#port = port1;
    this.#wake = wake;
    const workerData: DataThreadParts = { ...parts, port: port2 };
    this.#worker = new Worker(new URL('./data-thread.ts', import.meta.url), { workerData, transferList: [port2], name: `data-plane-${parts.index}` });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => this.#ended(resolve)));
    this.#worker.on('error', (error) => this.#failed(error));
    this.#port.on('message', (message: FromDataThread) => this.#told(message));
  }

  async ready(): Promise<void> {
    await this.#ready.promise;
  }

  send(message: ToDataThread, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
    this.#wake();
  }

  /** Ends the thread; what is in flight is aborted. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.send({ kind: 'close' });
    const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
    this.#port.close();
  }

  #ended(resolve: () => void): void {
    for (const requests of this.#connections.values()) requests.close();
    this.#connections.clear();
    if (!this.#isClosing) this.#failed(new CacheError('Internal', 'A data thread ended by itself.'));
    resolve();
  }

  #failed(error: Error): void {
    this.#ready.promise.catch(() => undefined);
    this.#ready.reject(error);
    this.#options.onFailure?.(error);
  }

  #told(message: FromDataThread): void {
    if ('connection' in message) return this.#toldOf(message);
    switch (message.kind) {
      case 'ready':
        return this.#ready.resolve();
      case 'stopped':
        return this.events?.onStopped();
      case 'idle':
        return this.events?.onIdle();
      case 'fault':
        return this.#options.onFault?.(new CacheError('Internal', 'A data thread met a bug and cut the connection.', { context: { fault: message.message } }));
      case 'unreadable':
        return this.#options.onUnreadable?.(message.fileId, message.pageIndex);
    }
  }

  #toldOf(message: AboutConnection): void {
    if (message.kind === 'opened') {
      this.#connections.set(message.connection, this.#park(message.connection, message.session));
      return;
    }
    const requests = this.#connections.get(message.connection);
    if (requests === undefined) return;
    switch (message.kind) {
      case 'request':
        return requests.add(decodeRequest(Buffer.from(message.frame.buffer, message.frame.byteOffset, message.frame.byteLength)));
      case 'cancel':
        return requests.cancel(message.requestId);
      case 'served':
        return requests.served(message.requestId);
      case 'gone':
        return this.#gone(requests, message.requestId);
      case 'closed':
        this.#connections.delete(message.connection);
        return requests.close();
    }
  }

  #park(connection: number, session: Session): ParkedRequests {
    const { handler } = this.#options;
    const reply = (requestId: number, answer: { readonly status: number; readonly flags: number; readonly bytes: Uint8Array }): void => {
      const bytes = Uint8Array.prototype.slice.call(answer.bytes); // one copy that the thread gets as it is
      this.send({ kind: 'reply', connection, requestId, status: answer.status, flags: answer.flags, bytes }, [bytes.buffer as ArrayBuffer]);
    };
    const sink: ReplySink = {
      finish: (requestId, bytes, flags) => reply(requestId, { status: 0, flags, bytes }),
      fail: (requestId, error) => reply(requestId, { status: wireOf(error.code), flags: 0, bytes: errorBody(error) }),
      serve: ({ requestId, fileId, offset, length }, chunkFlags) => {
        this.send({ kind: 'serve', connection, requestId, fileId, offset, length, chunkFlags });
        return 'asked';
      },
    };
    return new ParkedRequests({ session, handler, requestTimeoutMs: this.#limits.requestTimeoutMs, sink });
  }

  /** The thread did not find the page. The store may still have it (its file was not open for the threads): then the bytes go from here. */
  #gone(requests: ParkedRequests, requestId: number): void {
    const frame = requests.frame(requestId);
    const bytes = frame === undefined ? undefined : this.#readHere(frame);
    if (bytes === undefined) requests.gone(requestId);
    else requests.finish(requestId, bytes, ChunkFlag.FromCache);
  }

  #readHere(frame: Frame): Uint8Array | undefined {
    const { pages } = this.#options;
    const file = pages.findFile(frame.fileId);
    if (file === undefined) return undefined;
    const into = Buffer.allocUnsafeSlow(frame.length);
    const bytes = pages.read(file, Math.floor(frame.offset / pages.pageSizeBytes), frame.offset % pages.pageSizeBytes, into);
    return bytes === undefined ? undefined : into.subarray(0, bytes);
  }
}

function errorBody(error: CacheError): Uint8Array {
  const body = encodeErrorBody(error);
  return body.length <= CHUNK_BYTES_MAX ? body : encodeErrorBody(new CacheError(error.code, 'The error is too long to send.'));
}

class NativeDataPlane implements DataPlane {
  readonly native = true;
  readonly port: number;
  readonly #calls: Calls;
  readonly #sockets: ListeningSockets;
  readonly #counters: SharedArrayBuffer;
  readonly #wakeDescriptors: readonly number[];
  readonly #threads: readonly DataThread[];
  #closed: Promise<void> | undefined;

  constructor(options: DataPlaneOptions, calls: Calls, sockets: ListeningSockets) {
    const { threads, pages, keys } = options;
    this.#calls = calls;
    this.#sockets = sockets;
    this.port = sockets.port;
    this.#counters = createCounters(threads);
    const handOffs = createHandOffs(threads);
    this.#wakeDescriptors = Array.from({ length: threads }, () => calls.polls.createEvent());
    const shared = {
      table: pages.shared,
      keys: { clusterUid: keys.clusterUid, dataPlaneKey: Uint8Array.from(keys.dataPlaneKey) },
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      wakeDescriptors: this.#wakeDescriptors,
      counters: this.#counters,
      handOffs,
    };
    this.#threads = this.#wakeDescriptors.map(
      (wake, index) => new DataThread(options, { ...shared, index, listeners: index === 0 ? sockets.listeners : [] }, () => calls.polls.signalEvent(wake)),
    );
  }

  async ready(): Promise<this> {
    try {
      await Promise.all(this.#threads.map(async (thread) => thread.ready()));
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  stats(): DataPlaneStats {
    const total = { requests: 0, hits: 0, hitBytes: 0, misses: 0, bytesSent: 0, connectionsCut: 0, connections: 0, inFlight: 0 };
    for (let thread = 0; thread < this.#threads.length; thread++) {
      const counters = countersOf(this.#counters, thread);
      total.requests += counters[Counter.requests]!;
      total.hits += counters[Counter.hits]!;
      total.hitBytes += counters[Counter.hitBytes]!;
      total.misses += counters[Counter.misses]!;
      total.bytesSent += counters[Counter.bytesSent]!;
      total.connectionsCut += counters[Counter.connectionsCut]!;
      total.connections += counters[Counter.opened]! - counters[Counter.closed]!;
      total.inFlight += counters[Counter.inFlight]!;
    }
    return total;
  }

  async drain(timeoutMs: number): Promise<void> {
    if (this.#closed === undefined) {
      const idle = Promise.all(this.#threads.map(async (thread, index) => this.#stopped(thread, index)));
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      await Promise.race([idle, late]);
      clearTimeout(timer);
    }
    await this.close();
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  /** Resolves when the thread takes no new connections and has nothing in flight. */
  async #stopped(thread: DataThread, index: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    thread.events = { onStopped: () => index === 0 && this.#sockets.close(), onIdle: resolve };
    thread.send({ kind: 'stop-accepting' });
    await promise;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#threads.map(async (thread) => thread.close()));
    this.#sockets.close();
    for (const wake of this.#wakeDescriptors) this.#calls.descriptors.close(wake);
  }
}

/** @throws AddressInUse, InvalidConfiguration */
export async function startNativeDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const calls = { sockets: socketCalls!, descriptors: descriptorCalls!, polls: pollCalls! };
  return await new NativeDataPlane(options, calls, listenNative(calls, options)).ready();
}
