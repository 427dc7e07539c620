// Entry of a serve thread: blocks in read(2) on /dev/fuse, answers what shared memory lets it answer, posts everything else to the main thread. Ends when the mount does.
import { readSync, writeSync } from 'node:fs';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Errno } from '../errno.ts';
import { InodeReader, InodeState, nowTicks } from '../inodes/index.ts';
import { BODY_AT, KernelRequest, Opcode, OPCODE_COUNT, OpenFlag, READ_BYTES_MAX, ReplyBuffer, REQUEST_BUFFER_BYTES, SILENT_OPCODES, WRITING_OPCODES } from '../protocol/index.ts';
import { OWN_XATTR_PREFIX } from '../operations/xattr-names.ts';
import { HandleNumbers } from './handle-numbers.ts';
import { ThreadControl, ThreadCounter, ThreadCounters, type ThreadSettings, type ThreadStart, type ThreadWorkers } from './thread-memory.ts';
import { ThreadReads } from './thread-reads.ts';
import { WorkerConnections } from './worker-connections.ts';

const FORWARD = -1;
/** Answered for good: the kernel does not ask again, or does it by itself. */
const ANSWERED_ENOSYS: ReadonlySet<number> = new Set([
  Opcode.Flush,
  Opcode.Fsync,
  Opcode.Fsyncdir,
  Opcode.Lseek,
  Opcode.Poll,
  Opcode.Bmap,
  Opcode.Statx,
  Opcode.Syncfs,
  Opcode.Ioctl,
]);
const ACCESS_MODE = 3;

class ServeThread {
  readonly #fuseFd: number;
  readonly #port: MessagePort;
  readonly #settings: ThreadSettings;
  readonly #request = new KernelRequest(new ArrayBuffer(REQUEST_BUFFER_BYTES));
  readonly #reply = new ReplyBuffer(READ_BYTES_MAX);
  readonly #inodes: InodeReader;
  readonly #counters: ThreadCounters;
  readonly #control: ThreadControl;
  readonly #handles: HandleNumbers;
  readonly #connections: WorkerConnections;
  readonly #reads: ThreadReads;
  #workersEpoch = 0;

  constructor(start: ThreadStart, port: MessagePort) {
    const { memory, settings, thread } = start;
    this.#fuseFd = start.fuseFd;
    this.#port = port;
    this.#settings = settings;
    this.#inodes = new InodeReader(memory.inodes, thread);
    this.#counters = new ThreadCounters(memory, thread);
    this.#control = new ThreadControl(memory);
    this.#handles = new HandleNumbers(thread);
    this.#connections = new WorkerConnections(settings);
    this.#reads = new ThreadReads({ inodes: this.#inodes, control: this.#control, counters: this.#counters, connections: this.#connections, settings });
  }

  /** Returns when the file system is unmounted. */
  run(): void {
    while (this.#receive()) this.#serve();
    this.#connections.close();
  }

  /** @returns false: unmounted */
  #receive(): boolean {
    for (;;) {
      try {
        if (readSync(this.#fuseFd, this.#request.bytes, 0, REQUEST_BUFFER_BYTES, null) > 0) return true;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENODEV') return false;
        // ENOENT: the request was interrupted before it could be read.
        if (code !== 'ENOENT' && code !== 'EINTR' && code !== 'EAGAIN') throw error;
      }
    }
  }

  #serve(): void {
    if (this.#workersEpoch !== this.#control.workersEpoch) this.#followWorkers();
    const request = this.#request;
    const { opcode } = request;
    this.#reply.reset();
    const errno = this.#answer(opcode);
    if (errno === FORWARD) {
      this.#counters.add(ThreadCounter.Forwarded);
      this.#port.postMessage(Uint8Array.prototype.slice.call(request.bytes, 0, request.length));
      return;
    }
    this.#counters.add((opcode & (OPCODE_COUNT - 1)) + (errno === 0 ? 0 : ThreadCounter.Failed));
    const total = this.#reply.seal(request.uniqueLow, request.uniqueHigh, errno);
    try {
      writeSync(this.#fuseFd, this.#reply.bytes, this.#reply.headerAt, total);
    } catch (error) {
      this.#unwanted(opcode, errno, (error as NodeJS.ErrnoException).code);
    }
  }

  /** ENOENT: its caller was interrupted, nobody waits. An OPEN that nobody got is not released by the kernel. */
  #unwanted(opcode: number, errno: number, code: string | undefined): void {
    this.#counters.add(ThreadCounter.Unwanted);
    if (code === 'ENODEV') return;
    if (opcode !== Opcode.Open || errno !== 0) return;
    const record = this.#inodes.enter(this.#request.nodeId);
    if (record >= 0) this.#inodes.released(record);
    this.#inodes.leave();
  }

  /** @returns 0, an an errno or FORWARD */
  #answer(opcode: number): number {
    switch (opcode) {
      case Opcode.Read:
        return this.#onInode(this.#read);
      case Opcode.Open:
        return this.#onInode(this.#open);
      case Opcode.Release:
        return this.#onInode(this.#release);
      case Opcode.Getattr:
        return this.#onInode(this.#getattr);
      case Opcode.Getxattr:
        return this.#request.xattrName.startsWith(OWN_XATTR_PREFIX) ? FORWARD : Errno.ENODATA;
      default:
        if (SILENT_OPCODES.has(opcode)) return FORWARD;
        if (ANSWERED_ENOSYS.has(opcode)) return Errno.ENOSYS;
        return WRITING_OPCODES.has(opcode) ? Errno.EROFS : FORWARD;
    }
  }

  #onInode(work: (record: number) => number): number {
    const record = this.#inodes.enter(this.#request.nodeId);
    if (record < 0) return FORWARD;
    try {
      return work(record);
    } finally {
      this.#inodes.leave();
    }
  }

  readonly #read = (record: number): number => {
    const { offset, size } = this.#request;
    if (this.#inodes.state(record) !== InodeState.File) return FORWARD;
    const length = Math.min(size, READ_BYTES_MAX, this.#inodes.size(record) - offset);
    if (length <= 0) return 0;
    if (!this.#reads.read(record, { offset, length }, this.#reply.bytes, BODY_AT)) return FORWARD;
    this.#reply.length = length;
    return 0;
  };

  readonly #open = (record: number): number => {
    const inodes = this.#inodes;
    if ((this.#request.openFlags & ACCESS_MODE) !== 0) return Errno.EROFS;
    if (this.#control.isDraining || inodes.state(record) !== InodeState.File || !inodes.isFresh(record, nowTicks())) return FORWARD;
    inodes.opened(record);
    this.#reply.open(this.#handles.next(), OpenFlag.KeepCache | OpenFlag.NoFlush);
    return 0;
  };

  readonly #release = (record: number): number => {
    if (this.#inodes.mainHandles(record) > 0) return FORWARD;
    this.#inodes.released(record);
    return 0;
  };

  /** Attributes belong to the version, so they never change; how long the kernel keeps them follows the name. */
  readonly #getattr = (record: number): number => {
    const inodes = this.#inodes;
    const { uid, gid, attrTimeoutMs } = this.#settings;
    const timeoutMs = attrTimeoutMs ?? inodes.freshMs(record, nowTicks());
    this.#reply.attributes({ nodeId: inodes.nodeId(record), size: inodes.size(record), mtimeMs: inodes.mtimeMs(record), mode: inodes.mode(record), uid, gid }, timeoutMs);
    return 0;
  };

  #followWorkers(): void {
    this.#workersEpoch = this.#control.workersEpoch;
    for (let received = receiveMessageOnPort(this.#port); received !== undefined; received = receiveMessageOnPort(this.#port)) {
      const { workers, localWorker, handOver } = received.message as ThreadWorkers;
      this.#connections.follow(workers);
      this.#reads.localWorker = localWorker;
      this.#reads.handOver = handOver;
    }
  }
}

new ServeThread(workerData as ThreadStart, parentPort!).run();
