// Read-ahead of one handle. States: random (the last read was elsewhere: no window, no buffers), starting (one sequential read: still nothing),
// sequential (window of 1, 2, 4 … blocks ahead of the reader, doubled at each block border, bounded by window, memory and requests in flight).
// A read that leaves the sequence drops everything at once, so that random readers fetch nothing in vain. Reads may come a little out of
// order, as the kernel sends them. Not here: who answers a fetch, errors (a fetch that failed is forgotten: the read itself finds out).
import { type Clock, untilAborted } from '../../common/async/index.ts';
import { ChunkFlag } from '../../proto/frames/layout.ts';
import type { ClientCounters } from '../client-counters.ts';
import type { BufferHolder, ReadAheadMemory } from './read-ahead-memory.ts';

/** Reads in sequence before anything is fetched ahead. */
const STREAK_MIN = 2;
/** A rest of a block that is smaller than this share is left to the reads themselves. */
const REST_SHARE_MIN = 1 / 8;

interface Segment {
  readonly blockIndex: number;
  readonly start: number;
  readonly end: number;
  readonly buffer: Buffer;
  readonly stop: AbortController;
  /** false: the fetch failed. */
  ready: Promise<boolean>;
  state: 'fetching' | 'filled' | 'failed';
  /** Copies and waiters now. */
  users: number;
  consumedBytes: number;
  released: boolean;
}

export interface ReadAheadOptions {
  readonly fileLength: number;
  readonly windowBytesMax: number;
  readonly fetchesMax: number;
  readonly memory: ReadAheadMemory;
  readonly counters: ClientCounters;
  readonly clock: Clock;
  /** @returns ChunkFlags of the source */
  readonly fetch: (offset: number, into: Uint8Array, signal: AbortSignal) => Promise<number>;
  /** Lets the owner fill a range that this client will want. */
  readonly hint: (offset: number, length: number) => void;
}

export class ReadAhead implements BufferHolder {
  lastReadMs = 0;
  readonly #options: ReadAheadOptions;
  readonly #blockBytes: number;
  readonly #segments = new Map<number, Segment>();
  #position = 0;
  #streak = 0;
  #lastLength = 0;
  #windowBytes = 0;
  #fetching = 0;
  #lastBlock = -1;
  #hintedTo = 0;
  #isCold = false;
  #closed = false;

  constructor(options: ReadAheadOptions) {
    this.#options = options;
    this.#blockBytes = options.memory.bufferBytes;
  }

  get isSequential(): boolean {
    return this.#streak >= STREAK_MIN;
  }
  /** Bytes it may fetch ahead now. */
  get windowBytes(): number {
    return this.#windowBytes;
  }

  /** Takes note of a read before it is answered. */
  observe(offset: number, length: number): void {
    this.lastReadMs = this.#options.clock.nowMs();
    // The short tail of a file may overtake the long read before it.
    const slack = Math.min(4 * Math.max(length, this.#lastLength), this.#blockBytes);
    this.#lastLength = length;
    const isNear = offset >= this.#position - slack && offset <= this.#position + slack;
    if (!isNear || this.#streak === 0) return this.#restart(offset + length);
    if (offset + length <= this.#position) return; // a late one of the sequence, or the same bytes once more: no progress
    this.#streak++;
    this.#position = offset + length;
  }

  /** Which source answered a read that was not ahead. */
  answeredFrom(flags: number): void {
    this.#isCold = (flags & ChunkFlag.FromUfs) !== 0;
  }

  /**
   * Copies from a buffer, waiting for one that is on its way. The range lies in one block.
   * @returns false: not (or no longer) fetched ahead; read it yourself
   */
  take(offset: number, into: Uint8Array, signal: AbortSignal | undefined): Promise<boolean> | false {
    const segment = this.#segments.get(Math.floor(offset / this.#blockBytes));
    if (segment === undefined || offset < segment.start || offset + into.length > segment.end) return false;
    return this.#copy(segment, offset, into, signal);
  }

  /** Starts what the window allows. Call it when the read's own requests have been sent. */
  advance(): void {
    if (this.#closed || !this.isSequential || this.#options.windowBytesMax === 0) return;
    this.#releasePassed();
    const block = Math.floor(Math.max(0, this.#position - 1) / this.#blockBytes);
    if (this.#windowBytes === 0) this.#windowBytes = Math.min(this.#blockBytes, this.#options.windowBytesMax);
    else if (block > this.#lastBlock) this.#windowBytes = Math.min(this.#windowBytes * 2, this.#options.windowBytesMax);
    this.#lastBlock = Math.max(this.#lastBlock, block);
    const windowEnd = Math.ceil(this.#position / this.#blockBytes) * this.#blockBytes + this.#windowBytes;
    const fetchedTo = this.#fetchTo(Math.min(windowEnd, this.#options.fileLength));
    if (this.#isCold) this.#hintFrom(fetchedTo);
  }

  dropAll(): void {
    for (const segment of this.#segments.values()) this.#drop(segment);
    this.#windowBytes = 0;
  }

  close(): void {
    this.#closed = true;
    this.dropAll();
    this.#options.memory.leave(this);
  }

  #restart(position: number): void {
    if (this.#segments.size > 0) this.dropAll();
    this.#windowBytes = 0;
    this.#hintedTo = 0;
    this.#lastBlock = -1;
    this.#position = position;
    this.#streak = 1;
  }

  #fetchTo(end: number): number {
    const { memory, fetchesMax } = this.#options;
    for (let at = this.#position; at < end; ) {
      const blockIndex = Math.floor(at / this.#blockBytes);
      const blockEnd = Math.min((blockIndex + 1) * this.#blockBytes, this.#options.fileLength);
      const isRest = at % this.#blockBytes !== 0 && blockEnd - at < this.#blockBytes * REST_SHARE_MIN;
      if (!isRest && !this.#segments.has(blockIndex)) {
        const buffer = this.#fetching < fetchesMax ? memory.take(this) : undefined;
        if (buffer === undefined) return at;
        this.#start({ blockIndex, start: at, end: blockEnd, buffer });
      }
      at = blockEnd;
    }
    return end;
  }

  #start(part: Pick<Segment, 'blockIndex' | 'start' | 'end' | 'buffer'>): void {
    const stop = new AbortController();
    const segment: Segment = { ...part, stop, ready: Promise.resolve(false), state: 'fetching', users: 0, consumedBytes: 0, released: false };
    this.#segments.set(part.blockIndex, segment);
    this.#fetching++;
    segment.ready = this.#fill(segment);
  }

  async #fill(segment: Segment): Promise<boolean> {
    const length = segment.end - segment.start;
    try {
      const flags = await this.#options.fetch(segment.start, segment.buffer.subarray(0, length), segment.stop.signal);
      segment.state = 'filled';
      this.#options.counters.readAheadBytes += length;
      this.answeredFrom(flags);
      return true;
    } catch {
      segment.state = 'failed';
      return false;
    } finally {
      this.#fetching--;
      if (segment.state === 'failed' && !segment.released) this.#drop(segment);
      else if (segment.released) this.#giveBack(segment);
      else this.advance();
    }
  }

  async #copy(segment: Segment, offset: number, into: Uint8Array, signal: AbortSignal | undefined): Promise<boolean> {
    segment.users++;
    try {
      if (segment.state === 'fetching' && !(await untilAborted(segment.ready, signal))) return false;
      if (segment.state !== 'filled') return false;
      const from = offset - segment.start;
      into.set(segment.buffer.subarray(from, from + into.length));
      segment.consumedBytes += into.length;
      this.#options.counters.readAheadHits++;
      return true;
    } finally {
      segment.users--;
      if (segment.released) this.#giveBack(segment);
      else if (segment.consumedBytes >= segment.end - segment.start) this.#drop(segment);
    }
  }

  #releasePassed(): void {
    for (const segment of this.#segments.values()) if (segment.end + this.#blockBytes <= this.#position) this.#drop(segment);
  }

  /** Takes the segment off the handle; its buffer goes back when nobody uses it. */
  #drop(segment: Segment): void {
    if (segment.released) return;
    segment.released = true;
    this.#segments.delete(segment.blockIndex);
    if (segment.users === 0) segment.stop.abort();
    this.#giveBack(segment);
  }

  #giveBack(segment: Segment): void {
    if (segment.state === 'fetching' || segment.users > 0 || !segment.released) return;
    const { counters, memory } = this.#options;
    if (segment.state === 'filled') counters.readAheadWastedBytes += Math.max(0, segment.end - segment.start - segment.consumedBytes);
    memory.give(segment.buffer, segment.state === 'filled');
  }

  #hintFrom(fetchedTo: number): void {
    const start = Math.max(fetchedTo, this.#hintedTo);
    const end = Math.min(fetchedTo + this.#windowBytes, this.#options.fileLength);
    if (end - start < Math.min(this.#blockBytes, this.#options.fileLength - start) || end <= start) return;
    this.#hintedTo = end;
    this.#options.hint(start, end - start);
  }
}
