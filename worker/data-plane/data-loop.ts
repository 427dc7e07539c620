// One data thread's loop: epoll over its connections, the main thread's messages, new connections. It never blocks but in epoll_wait, and gives Node's own loop a moment
// now and then (the garbage collector's tasks run there).
import { receiveMessageOnPort } from 'node:worker_threads';
import { attachPageTable } from '../../cache/page-table-reader.ts'; // not the door: a thread needs nothing else of the store, and starts faster
import { CacheError } from '../../common/errors/index.ts';
import {
  descriptorCalls,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  type EpollSet,
  libc,
  pollCalls,
  type PollCalls,
  socketCalls,
  type SocketCalls,
} from '../../common/syscall/index.ts';
import type { SessionKeys } from '../../proto/frames/contracts.ts';
import { ClientHello, ServerHello } from '../../proto/frames/index.ts';
import { type ConnectionTools, NativeConnection } from './native-connection.ts';
import { mayLendPages, SCRATCH_BYTES } from './reply-queue.ts';
import { Counter, countersOf, type DataThreadParts, type FromDataThread, HandOffRing, threadsOf, type ToDataThread } from './thread-protocol.ts';

const EVENTS_MAX = 256;
/** A few hundred requests without payload. */
const INPUT_BYTES = 64 << 10;
const SWEEP_MS_MAX = 250;
const SWEEP_MS_MIN = 5;
/** How long the loop keeps Node's own waiting, at most. */
const YIELD_MS = 1000;
const ACCEPTS_PER_TURN = 64;
const MESSAGES_PER_TURN = 256;
const EAGAIN = -11;

interface Calls {
  readonly sockets: SocketCalls;
  readonly polls: PollCalls;
  readonly epoll: EpollSet;
}

function callsOf(): Calls & { readonly tools: Pick<ConnectionTools, 'sockets' | 'descriptors' | 'scratch' | 'input'> } {
  const epoll = pollCalls?.createEpoll(EVENTS_MAX);
  if (libc === undefined || socketCalls === undefined || descriptorCalls === undefined || pollCalls === undefined || epoll === undefined) {
    throw new CacheError('Internal', 'A data thread was started where there are no libc calls.');
  }
  const tools = { sockets: socketCalls, descriptors: descriptorCalls, scratch: libc.allocate(SCRATCH_BYTES), input: libc.allocate(INPUT_BYTES) };
  return { sockets: socketCalls, polls: pollCalls, epoll, tools };
}

/** The first hello of a thread loads and compiles what hellos need, which takes as long as a client may wait: better now. */
function rehearseHello(keys: SessionKeys): void {
  const client = new ClientHello({ keys, role: 'worker', identity: 'worker/rehearsal' });
  const server = new ServerHello(keys);
  for (let message: Buffer | undefined = client.first; message !== undefined; ) message = client.answer(server.answer(message.subarray(4)).subarray(4));
}

export class DataLoop {
  readonly #parts: DataThreadParts;
  readonly #calls: Calls;
  readonly #tools: ConnectionTools;
  readonly #counters: Float64Array;
  readonly #byDescriptor: (NativeConnection | undefined)[] = [];
  readonly #byId = new Map<number, NativeConnection>();
  readonly #listeners: ReadonlyMap<number, boolean>;
  readonly #incoming: HandOffRing;
  readonly #peers: readonly { readonly counters: Float64Array; readonly ring: HandOffRing; given: number }[];
  readonly #sweepMs: number;
  #again: NativeConnection[] = [];
  #lastId = 0;
  #nextSweepMs = 0;
  #isAccepting: boolean;
  #isDraining = false;
  #isRunning = true;
  #wasWoken = true;
  #mayAccept = true;

  constructor(parts: DataThreadParts) {
    const { tools, ...calls } = callsOf();
    const { index, limits, table, counters, handOffs } = parts;
    this.#parts = parts;
    this.#calls = calls;
    this.#counters = countersOf(counters, index);
    this.#incoming = new HandOffRing(handOffs, index);
    this.#isAccepting = parts.listeners.length > 0;
    this.#listeners = new Map(parts.listeners.map(({ descriptor, isUnix }) => [descriptor, isUnix]));
    this.#peers = Array.from({ length: threadsOf(counters) }, (_, i) => ({ counters: countersOf(counters, i), ring: new HandOffRing(handOffs, i), given: 0 }));
    this.#sweepMs = Math.max(SWEEP_MS_MIN, Math.min(SWEEP_MS_MAX, limits.sendTimeoutMs / 4, limits.helloTimeoutMs / 4));
    this.#tools = {
      ...tools,
      reader: attachPageTable(table, index),
      counters: this.#counters,
      pageSizeBytes: table.pageSizeBytes,
      isZeroCopy: mayLendPages(table.pageSizeBytes, tools.descriptors.kernelPageBytes),
      sendTimeoutMs: limits.sendTimeoutMs,
      spare: [],
      limits,
      keys: parts.keys,
      post: (message, transfer = []) => parts.port.postMessage(message, transfer),
      again: (connection) => this.#queueAgain(connection),
      closed: (connection) => this.#forget(connection),
    };
    calls.epoll.add(parts.wakeDescriptors[index]!, EPOLLIN | EPOLLET);
    for (const { descriptor } of parts.listeners) calls.epoll.add(descriptor, EPOLLIN | EPOLLET);
  }

  start(): void {
    rehearseHello(this.#parts.keys);
    this.#post({ kind: 'ready' });
    this.#run();
  }

  #run(): void {
    const yieldAtMs = performance.now() + YIELD_MS;
    let nowMs = 0;
    do nowMs = this.#turn();
    while (this.#isRunning && nowMs < yieldAtMs);
    if (this.#isRunning) setImmediate(() => this.#run());
    else this.#parts.port.close();
  }

  #turn(): number {
    const { epoll } = this.#calls;
    const count = epoll.wait(this.#again.length > 0 || this.#wasWoken ? 0 : this.#sweepMs);
    const nowMs = performance.now();
    for (let i = 0; i < count; i++) this.#event(epoll.descriptor(i), epoll.events(i), nowMs);
    if (this.#again.length > 0) this.#turnAgain(nowMs);
    // Sockets are taken after the events of this turn, so that no event of a closed one meets a new one with its number.
    if (this.#wasWoken) this.#wake(nowMs);
    if (this.#mayAccept && this.#isAccepting) this.#accept(nowMs);
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs);
    if (this.#isDraining && this.#counters[Counter.inFlight] === 0) {
      this.#isDraining = false;
      this.#post({ kind: 'idle' });
    }
    return nowMs;
  }

  #event(descriptor: number, events: number, nowMs: number): void {
    const connection = this.#byDescriptor[descriptor];
    if (connection !== undefined) {
      if ((events & ~EPOLLOUT) !== 0) connection.readable(nowMs);
      else connection.turn(nowMs);
    } else if (descriptor === this.#parts.wakeDescriptors[this.#parts.index]) this.#wasWoken = true;
    else if (this.#listeners.has(descriptor)) this.#mayAccept = true;
  }

  #queueAgain(connection: NativeConnection): void {
    if (connection.isQueued) return;
    connection.isQueued = true;
    this.#again.push(connection);
  }

  #turnAgain(nowMs: number): void {
    const connections = this.#again;
    this.#again = [];
    for (const connection of connections) {
      connection.isQueued = false;
      connection.turn(nowMs);
    }
  }

  #wake(nowMs: number): void {
    this.#calls.polls.clearEvent(this.#parts.wakeDescriptors[this.#parts.index]!);
    this.#wasWoken = false;
    for (let taken = this.#incoming.take(); taken !== undefined; taken = this.#incoming.take()) this.#adopt(taken.descriptor, taken.isUnix, nowMs);
    for (let i = 0; i < MESSAGES_PER_TURN; i++) {
      const received = receiveMessageOnPort(this.#parts.port) as { readonly message: ToDataThread } | undefined;
      if (received === undefined) return;
      this.#told(received.message, nowMs);
    }
    this.#wasWoken = true;
  }

  #told(message: ToDataThread, nowMs: number): void {
    if (message.kind === 'close') return this.#close();
    if (message.kind === 'stop-accepting') {
      this.#isAccepting = false;
      this.#isDraining = true;
      this.#post({ kind: 'stopped' });
      return;
    }
    const connection = this.#byId.get(message.connection);
    if (connection === undefined) return;
    if (message.kind === 'reply') connection.reply(message.requestId, message);
    else connection.serve(message);
    connection.turn(nowMs);
  }

  #accept(nowMs: number): void {
    this.#mayAccept = false;
    for (const [listener, isUnix] of this.#listeners) {
      for (let i = 0; ; i++) {
        const accepted = i < ACCEPTS_PER_TURN ? this.#calls.sockets.accept(listener) : undefined;
        if (accepted === EAGAIN) break;
        // Too many at once, or no descriptors left: the next sweep goes on.
        if (accepted === undefined || accepted < 0) {
          this.#wasWoken ||= accepted === undefined;
          this.#mayAccept = accepted === undefined;
          break;
        }
        this.#assign(accepted, isUnix, nowMs);
      }
    }
  }

  /** To the thread with the fewest connections. */
  #assign(accepted: number, isUnix: boolean, nowMs: number): void {
    let total = 0;
    let fewest = Infinity;
    let chosen = this.#parts.index;
    for (const [index, { counters, given }] of this.#peers.entries()) {
      const connections = given - counters[Counter.closed]!;
      total += connections;
      if (connections >= fewest) continue;
      fewest = connections;
      chosen = index;
    }
    if (total >= this.#parts.limits.connectionsMax) {
      this.#counters[Counter.connectionsCut]! += 1;
      this.#tools.descriptors.close(accepted);
      return;
    }
    const peer = this.#peers[chosen]!;
    const isGiven = chosen !== this.#parts.index && peer.ring.offer(accepted, isUnix);
    this.#peers[isGiven ? chosen : this.#parts.index]!.given += 1;
    if (isGiven) this.#calls.polls.signalEvent(this.#parts.wakeDescriptors[chosen]!);
    else this.#adopt(accepted, isUnix, nowMs);
  }

  #adopt(fd: number, isUnix: boolean, nowMs: number): void {
    if (!isUnix) this.#calls.sockets.setNoDelay(fd);
    this.#lastId += 1;
    const connection = new NativeConnection(this.#tools, { id: this.#lastId, fd, isUnix, nowMs });
    this.#counters[Counter.opened]! += 1;
    this.#byDescriptor[fd] = connection;
    this.#byId.set(connection.id, connection);
    if (this.#calls.epoll.add(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) connection.close();
  }

  #forget(connection: NativeConnection): void {
    this.#counters[Counter.closed]! += 1;
    this.#byDescriptor[connection.fd] = undefined;
    this.#byId.delete(connection.id);
    if (connection.isGreeted) this.#post({ kind: 'closed', connection: connection.id });
  }

  #sweep(nowMs: number): void {
    this.#nextSweepMs = nowMs + this.#sweepMs;
    this.#mayAccept = true;
    const epochMs = Date.now();
    for (const connection of this.#byId.values()) connection.sweep(nowMs, epochMs);
  }

  #close(): void {
    this.#isRunning = false;
    this.#isAccepting = false;
    for (let taken = this.#incoming.take(); taken !== undefined; taken = this.#incoming.take()) this.#tools.descriptors.close(taken.descriptor);
    for (const connection of this.#byId.values()) connection.close();
    this.#tools.descriptors.close(this.#calls.epoll.fd);
  }

  #post(message: FromDataThread): void {
    this.#parts.port.postMessage(message);
  }
}
