// Memory for read-ahead of all handles of a client: one budget, pooled buffers of one size. A handle that has not read for a while gives its
// buffers up when another one needs them. Refuses, never waits: read-ahead is a luxury.
import type { Clock } from '../../common/async/index.ts';
import type { ClientCounters } from '../client-counters.ts';

/** Who holds buffers and may be asked to give them up. */
export interface BufferHolder {
  /** On the client's clock. */
  readonly lastReadMs: number;
  /** Gives back all that is not being copied from. */
  dropAll(): void;
}

const IDLE_MS = 2000;
/** Free buffers kept for the next handle. */
const SPARE_BUFFERS_MAX = 8;

export class ReadAheadMemory {
  readonly bufferBytes: number;
  readonly #bytesMax: number;
  readonly #counters: ClientCounters;
  readonly #clock: Clock;
  readonly #spare: Buffer[] = [];
  readonly #holders = new Set<BufferHolder>();
  #heldBytes = 0;

  constructor(options: { readonly bufferBytes: number; readonly bytesMax: number; readonly counters: ClientCounters; readonly clock: Clock }) {
    this.bufferBytes = options.bufferBytes;
    this.#bytesMax = options.bytesMax;
    this.#counters = options.counters;
    this.#clock = options.clock;
  }

  /** Bytes lent out now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** A buffer of `bufferBytes`, its content undefined; undefined: the budget is used up. */
  take(holder: BufferHolder): Buffer | undefined {
    if (this.#heldBytes + this.bufferBytes > this.#bytesMax) this.#reclaim(holder);
    if (this.#heldBytes + this.bufferBytes > this.#bytesMax) return undefined;
    this.#holders.add(holder);
    this.#account(this.bufferBytes);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.bufferBytes);
  }

  /** @param isClean nobody can write into it any more; else it is left to the garbage collector */
  give(buffer: Buffer, isClean: boolean): void {
    this.#account(-this.bufferBytes);
    if (isClean && this.#spare.length < SPARE_BUFFERS_MAX) this.#spare.push(buffer);
  }

  leave(holder: BufferHolder): void {
    this.#holders.delete(holder);
  }

  #reclaim(taker: BufferHolder): void {
    const idleSinceMs = this.#clock.nowMs() - IDLE_MS;
    for (const holder of this.#holders) if (holder !== taker && holder.lastReadMs <= idleSinceMs) holder.dropAll();
  }

  #account(bytes: number): void {
    this.#heldBytes += bytes;
    this.#counters.bufferedBytes += bytes;
  }
}
