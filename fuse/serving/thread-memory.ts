// What serve threads and the main thread share besides inodes: counters, switches, the workers that small reads are asked of.
import type { DataPlaneEndpoint, SessionKeys } from '../../proto/frames/contracts.ts';
import type { SharedInodeMemory } from '../inodes/index.ts';
import { OPCODE_COUNT } from '../protocol/index.ts';

/** Counted per thread, after the opcodes (answered well, then answered with an errno): each thread writes its own block only. */
export const ThreadCounter = {
  Failed: OPCODE_COUNT,
  LocalReads: 2 * OPCODE_COUNT,
  LocalBytes: 2 * OPCODE_COUNT + 1,
  WorkerReads: 2 * OPCODE_COUNT + 2,
  WorkerBytes: 2 * OPCODE_COUNT + 3,
  /** Asked of a worker that did not have the page, or broke. */
  WorkerMisses: 2 * OPCODE_COUNT + 4,
  DescriptorsReceived: 2 * OPCODE_COUNT + 5,
  DescriptorsRefused: 2 * OPCODE_COUNT + 6,
  /** Left to the main thread. */
  Forwarded: 2 * OPCODE_COUNT + 7,
  /** Replies that the kernel did not take because the request was interrupted. */
  Unwanted: 2 * OPCODE_COUNT + 8,
} as const;
const BLOCK = 2 * OPCODE_COUNT + 16;

/** Words of the control block. */
const Control = { Draining: 0, WorkersEpoch: 1, Descriptors: 2 } as const;

export interface ThreadMemory {
  readonly inodes: SharedInodeMemory;
  readonly counters: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
}

export const allocateThreadMemory = (inodes: SharedInodeMemory, threads: number): ThreadMemory => ({
  inodes,
  counters: new SharedArrayBuffer(threads * BLOCK * 8),
  control: new SharedArrayBuffer(16 * 4),
});

export class ThreadCounters {
  readonly #all: Float64Array;
  readonly #own: Float64Array;

  /** @param thread whose block `add` writes */
  constructor(memory: ThreadMemory, thread = 0) {
    this.#all = new Float64Array(memory.counters);
    this.#own = this.#all.subarray(thread * BLOCK, (thread + 1) * BLOCK);
  }
  add(counter: number, by = 1): void {
    this.#own[counter] = this.#own[counter]! + by;
  }
  /** Over all threads. */
  total(counter: number): number {
    let sum = 0;
    for (let at = counter; at < this.#all.length; at += BLOCK) sum += this.#all[at]!;
    return sum;
  }
}

export class ThreadControl {
  readonly #words: Int32Array;

  constructor(memory: ThreadMemory) {
    this.#words = new Int32Array(memory.control);
  }
  /** Nothing new is opened any more. */
  get isDraining(): boolean {
    return Atomics.load(this.#words, Control.Draining) !== 0;
  }
  drain(): void {
    Atomics.store(this.#words, Control.Draining, 1);
  }
  /** Grows when a new list of workers waits in the threads' ports. */
  get workersEpoch(): number {
    return Atomics.load(this.#words, Control.WorkersEpoch);
  }
  announceWorkers(): void {
    Atomics.add(this.#words, Control.WorkersEpoch, 1);
  }
  /** Descriptors of local files that records hold. */
  get descriptors(): number {
    return Atomics.load(this.#words, Control.Descriptors);
  }
  addDescriptors(by: number): void {
    Atomics.add(this.#words, Control.Descriptors, by);
  }
}

/** A worker as threads reach it; the host is an address, since a blocked thread must not wait for a resolver. */
export interface ThreadWorker {
  readonly endpoint: DataPlaneEndpoint;
  readonly pageSizeBytes: number;
}
/** Posted to each thread, then announced. */
export interface ThreadWorkers {
  /** By the index that inode records hold; undefined: not to be asked. */
  readonly workers: readonly (ThreadWorker | undefined)[];
  /** A worker on this host to ask for descriptors of what another one owns; -1: none. */
  readonly localWorker: number;
  /** Whether descriptors are asked for at all. */
  readonly handOver: boolean;
}

export interface ThreadSettings {
  readonly uid: number;
  readonly gid: number;
  /** undefined: as fresh as the inode. */
  readonly attrTimeoutMs: number | undefined;
  readonly descriptorsMax: number;
  readonly keys: SessionKeys;
  readonly identity: string;
}

export interface ThreadStart {
  readonly fuseFd: number;
  readonly thread: number;
  readonly memory: ThreadMemory;
  readonly settings: ThreadSettings;
}
