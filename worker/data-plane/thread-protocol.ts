// What the main thread and a data thread tell each other: messages over a port (an eventfd wakes the data thread), counters and new connections through shared memory.
import type { MessagePort } from 'node:worker_threads';
import type { SharedPageTable } from '../../cache/contracts.ts';
import type { Session, SessionKeys } from '../../proto/frames/contracts.ts';
import type { DataPlaneLimits } from './contracts.ts';

export interface DataThreadParts {
  readonly index: number;
  readonly port: MessagePort;
  readonly table: SharedPageTable;
  readonly keys: SessionKeys;
  readonly limits: DataPlaneLimits;
  /** Of all threads, by index: eventfds. */
  readonly wakeDescriptors: readonly number[];
  /** Thread 0 accepts for all; the others get an empty list. */
  readonly listeners: readonly { readonly descriptor: number; readonly isUnix: boolean }[];
  readonly counters: SharedArrayBuffer;
  readonly handOffs: SharedArrayBuffer;
}

export type ToDataThread =
  | { readonly kind: 'reply'; readonly connection: number; readonly requestId: number; readonly status: number; readonly flags: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'serve';
      readonly connection: number;
      readonly requestId: number;
      readonly fileId: Uint8Array;
      readonly offset: number;
      readonly length: number;
      readonly chunkFlags: number;
    }
  | { readonly kind: 'stop-accepting' }
  | { readonly kind: 'close' };

export type FromDataThread = AboutThread | AboutConnection;

export type AboutConnection =
  | { readonly kind: 'opened'; readonly connection: number; readonly session: Session }
  | { readonly kind: 'closed'; readonly connection: number }
  | { readonly kind: 'request'; readonly connection: number; readonly frame: Uint8Array }
  | { readonly kind: 'cancel'; readonly connection: number; readonly requestId: number }
  /** Outcome of `serve`. */
  | { readonly kind: 'served' | 'gone'; readonly connection: number; readonly requestId: number };

export type AboutThread =
  | { readonly kind: 'ready' }
  /** A resident page could not be read from its file. */
  | { readonly kind: 'unreadable'; readonly fileId: Uint8Array; readonly pageIndex: number }
  /** A bug met while serving a connection, which was cut. */
  | { readonly kind: 'fault'; readonly message: string }
  /** Answer to `stop-accepting`, and later: nothing is in flight. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'idle' };

/** Counters of one thread: it alone writes, everyone reads. */
export const Counter = { requests: 0, hits: 1, misses: 2, bytesSent: 3, connectionsCut: 4, opened: 5, closed: 6, inFlight: 7, hitBytes: 8 } as const;
const COUNTERS_STRIDE = 16;

export const createCounters = (threads: number): SharedArrayBuffer => new SharedArrayBuffer(threads * COUNTERS_STRIDE * 8);
export const countersOf = (shared: SharedArrayBuffer, thread: number): Float64Array => new Float64Array(shared, thread * COUNTERS_STRIDE * 8, COUNTERS_STRIDE);
export const threadsOf = (shared: SharedArrayBuffer): number => shared.byteLength / (COUNTERS_STRIDE * 8);

/** Ring of accepted sockets for one thread: written by thread 0, emptied by its thread. */
const HAND_OFF_SLOTS = 1024;
const HAND_OFF_WORDS = HAND_OFF_SLOTS + 32;
const HEAD = HAND_OFF_SLOTS;
const TAIL = HAND_OFF_SLOTS + 16;

export const createHandOffs = (threads: number): SharedArrayBuffer => new SharedArrayBuffer(threads * HAND_OFF_WORDS * 4);

export class HandOffRing {
  readonly #words: Int32Array;

  constructor(shared: SharedArrayBuffer, thread: number) {
    this.#words = new Int32Array(shared, thread * HAND_OFF_WORDS * 4, HAND_OFF_WORDS);
  }

  /** @returns false: the ring is full */
  offer(descriptor: number, isUnix: boolean): boolean {
    const head = Atomics.load(this.#words, HEAD);
    if (((head - Atomics.load(this.#words, TAIL)) | 0) >= HAND_OFF_SLOTS) return false;
    this.#words[head & (HAND_OFF_SLOTS - 1)] = descriptor * 2 + (isUnix ? 1 : 0);
    Atomics.store(this.#words, HEAD, (head + 1) | 0);
    return true;
  }

  take(): { readonly descriptor: number; readonly isUnix: boolean } | undefined {
    const tail = this.#words[TAIL]!;
    if (tail === Atomics.load(this.#words, HEAD)) return undefined;
    const word = this.#words[tail & (HAND_OFF_SLOTS - 1)]!;
    Atomics.store(this.#words, TAIL, (tail + 1) | 0);
    return { descriptor: word >> 1, isUnix: (word & 1) === 1 };
  }
}
