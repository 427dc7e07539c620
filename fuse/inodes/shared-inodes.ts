// What serve threads know of inodes: fixed records in shared memory, one writer (the main thread), readers that announce the record they use. Owns no meaning of
// names and no look-up counts (InodeTable). A reader may miss a record while the index moves: it then asks the main thread, which is always right.

export const InodeState = { Free: 0, Directory: 1, File: 2 } as const;

/** Words of a record. Numbers beyond 32 bits are float64 at an even word. */
const Word = {
  KeyLow: 0,
  KeyHigh: 1,
  State: 2,
  FreshTick: 3,
  Size: 4,
  Mtime: 6,
  Mode: 8,
  Descriptor: 9,
  LocalTick: 10,
  Opens: 11,
  MainHandles: 12,
  Worker: 13,
  FileId: 14,
} as const;
const RECORD_WORDS = 18;
const TWO_32 = 0x1_0000_0000;

const TICK_MS = 100;
/** Monotonic time that all threads of the process share. */
export function nowTicks(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 10 + Math.floor(nanoseconds / 1e8);
}
export const ticksOf = (ms: number): number => Math.floor(Math.min(Math.max(0, ms), 2 ** 31 * TICK_MS) / TICK_MS);

/** Transferable to threads. */
export interface SharedInodeMemory {
  readonly records: SharedArrayBuffer;
  readonly index: SharedArrayBuffer;
  /** Per thread: the record it uses, plus one. */
  readonly hazards: SharedArrayBuffer;
}

export function allocateInodes(recordsMax: number, threads: number): SharedInodeMemory {
  const indexSize = 2 ** Math.ceil(Math.log2(Math.max(16, recordsMax * 2)));
  return {
    records: new SharedArrayBuffer(recordsMax * RECORD_WORDS * 4),
    index: new SharedArrayBuffer(indexSize * 4),
    hazards: new SharedArrayBuffer(Math.max(1, threads) * 4),
  };
}

class InodeRecords {
  protected readonly words: Int32Array;
  protected readonly floats: Float64Array;
  protected readonly index: Int32Array;
  protected readonly hazards: Int32Array;
  protected readonly mask: number;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedInodeMemory) {
    this.words = new Int32Array(memory.records);
    this.floats = new Float64Array(memory.records);
    this.#bytes = new Uint8Array(memory.records);
    this.index = new Int32Array(memory.index);
    this.hazards = new Int32Array(memory.hazards);
    this.mask = this.index.length - 1;
  }

  protected load(record: number, word: number): number {
    return Atomics.load(this.words, record * RECORD_WORDS + word);
  }
  protected store(record: number, word: number, value: number): void {
    Atomics.store(this.words, record * RECORD_WORDS + word, value);
  }
  protected add(record: number, word: number, by: number): number {
    return Atomics.add(this.words, record * RECORD_WORDS + word, by) + by;
  }
  protected swap(record: number, word: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, record * RECORD_WORDS + word, from, to) === from;
  }
  protected take(record: number, word: number): number {
    return Atomics.exchange(this.words, record * RECORD_WORDS + word, 0);
  }

  state(record: number): number {
    return this.load(record, Word.State);
  }
  nodeId(record: number): number {
    return (this.load(record, Word.KeyLow) >>> 0) + this.load(record, Word.KeyHigh) * TWO_32;
  }
  /** Whether an OPEN may be answered without asking. */
  isFresh(record: number, ticks: number): boolean {
    return this.load(record, Word.FreshTick) >>> 0 > ticks;
  }
  freshMs(record: number, ticks: number): number {
    return Math.max(0, (this.load(record, Word.FreshTick) >>> 0) - ticks) * TICK_MS;
  }
  size(record: number): number {
    return this.floats[(record * RECORD_WORDS + Word.Size) >> 1]!;
  }
  mtimeMs(record: number): number {
    return this.floats[(record * RECORD_WORDS + Word.Mtime) >> 1]!;
  }
  mode(record: number): number {
    return this.load(record, Word.Mode);
  }
  opens(record: number): number {
    return this.load(record, Word.Opens);
  }
  opened(record: number): void {
    this.add(record, Word.Opens, 1);
  }
  released(record: number): void {
    this.add(record, Word.Opens, -1);
  }
  mainHandles(record: number): number {
    return this.load(record, Word.MainHandles);
  }
  /** -1: none. */
  descriptor(record: number): number {
    return this.load(record, Word.Descriptor) - 1;
  }
  /** Index of the worker that small reads may be asked of; -1: none known. */
  worker(record: number): number {
    return this.load(record, Word.Worker) - 1;
  }
  setWorker(record: number, worker: number): void {
    this.store(record, Word.Worker, worker + 1);
  }
  fileId(record: number): Uint8Array {
    const at = (record * RECORD_WORDS + Word.FileId) * 4;
    return this.#bytes.subarray(at, at + 16);
  }
}

/** One per serve thread. */
export class InodeReader extends InodeRecords {
  readonly #thread: number;

  constructor(memory: SharedInodeMemory, thread: number) {
    super(memory);
    this.#thread = thread;
  }

  /** Announces and returns the record of the id, or -1. Call `leave` after use; one at a time. */
  enter(nodeId: number): number {
    const low = (nodeId % TWO_32) | 0;
    const high = Math.floor(nodeId / TWO_32) | 0;
    for (let at = low & this.mask, probes = 0; probes <= this.mask; at = (at + 1) & this.mask, probes++) {
      const record = Atomics.load(this.index, at) - 1;
      if (record < 0) return -1;
      if (this.load(record, Word.KeyLow) !== low) continue;
      Atomics.store(this.hazards, this.#thread, record + 1);
      if (this.load(record, Word.KeyLow) === low && this.load(record, Word.KeyHigh) === high && this.state(record) !== InodeState.Free) return record;
      this.leave();
    }
    return -1;
  }
  leave(): void {
    Atomics.store(this.hazards, this.#thread, 0);
  }

  /** The descriptor belongs to the record from now on. @returns false when another thread was faster: close it */
  offerDescriptor(record: number, fd: number): boolean {
    return this.swap(record, Word.Descriptor, 0, fd + 1);
  }
  /** Whether it is time to ask for a descriptor (again); only one thread is told so. */
  claimLocalTry(record: number, ticks: number, nextTicks: number): boolean {
    const due = this.load(record, Word.LocalTick);
    return due <= ticks && this.swap(record, Word.LocalTick, due, nextTicks);
  }
}

export interface InodeFields {
  readonly nodeId: number;
  readonly isDirectory: boolean;
  readonly size: number;
  readonly mtimeMs: number;
  /** Type and permission bits. */
  readonly mode: number;
  /** 16 bytes; left out for directories. */
  readonly fileId?: Uint8Array;
}

/** The main thread's end. */
export class InodeWriter extends InodeRecords {
  readonly #recordsMax: number;
  readonly #closeDescriptor: (fd: number) => void;
  /** Never used so far. */
  #next = 0;
  readonly #free: number[] = [];
  /** Removed while perhaps in use. */
  #leaving: number[] = [];
  /** Descriptors taken from records that perhaps read from them. */
  #closing: { readonly record: number; readonly fd: number }[] = [];

  constructor(memory: SharedInodeMemory, closeDescriptor: (fd: number) => void) {
    super(memory);
    this.#recordsMax = Math.floor(this.words.length / RECORD_WORDS);
    this.#closeDescriptor = closeDescriptor;
  }

  /** @returns -1 when the memory is full: the main thread then serves the inode alone */
  insert(fields: InodeFields): number {
    const record = this.#takeRecord();
    if (record < 0) return -1;
    const { nodeId, fileId } = fields;
    for (let word = 0; word < RECORD_WORDS; word++) this.store(record, word, 0);
    this.floats[(record * RECORD_WORDS + Word.Size) >> 1] = fields.size;
    this.floats[(record * RECORD_WORDS + Word.Mtime) >> 1] = fields.mtimeMs;
    this.store(record, Word.Mode, fields.mode);
    if (fileId !== undefined) this.fileId(record).set(fileId);
    this.store(record, Word.KeyLow, (nodeId % TWO_32) | 0);
    this.store(record, Word.KeyHigh, Math.floor(nodeId / TWO_32) | 0);
    this.store(record, Word.State, fields.isDirectory ? InodeState.Directory : InodeState.File);
    let at = (nodeId % TWO_32) & this.mask;
    while (this.index[at] !== 0) at = (at + 1) & this.mask;
    Atomics.store(this.index, at, record + 1);
    return record;
  }

  remove(record: number): void {
    this.#unlink(record);
    this.store(record, Word.State, InodeState.Free);
    this.#leaving.push(record);
  }

  setFresh(record: number, untilTicks: number): void {
    this.store(record, Word.FreshTick, untilTicks);
  }
  addMainHandle(record: number, by: 1 | -1): void {
    this.add(record, Word.MainHandles, by);
  }
  /** Takes the descriptor away from readers; it is closed when none uses it any more. @returns whether there was one */
  dropDescriptor(record: number): boolean {
    const fd = this.take(record, Word.Descriptor) - 1;
    if (fd >= 0) this.#closing.push({ record, fd });
    return fd >= 0;
  }

  /** Closes and frees what no thread uses any more. Call now and then, and once the threads have ended. */
  reap(): void {
    this.#closing = this.#closing.filter(({ record, fd }) => {
      if (this.#isUsed(record)) return true;
      this.#closeDescriptor(fd);
      return false;
    });
    this.#leaving = this.#leaving.filter((record) => {
      if (this.#isUsed(record)) return true;
      const fd = this.take(record, Word.Descriptor) - 1;
      if (fd >= 0) this.#closeDescriptor(fd);
      this.#free.push(record);
      return false;
    });
  }

  /** Once no thread runs any more: closes every descriptor. */
  removeAll(): void {
    for (let record = 0; record < this.#next; record++) if (this.state(record) !== InodeState.Free) this.remove(record);
    this.reap();
  }

  #takeRecord(): number {
    if (this.#free.length === 0 && this.#leaving.length > 0) this.reap();
    return this.#free.pop() ?? (this.#next < this.#recordsMax ? this.#next++ : -1);
  }

  #isUsed(record: number): boolean {
    for (let thread = 0; thread < this.hazards.length; thread++) if (Atomics.load(this.hazards, thread) === record + 1) return true;
    return false;
  }

  /** Linear probing without tombstones: later entries of the run move up. */
  #unlink(record: number): void {
    const { index, mask } = this;
    let hole = this.load(record, Word.KeyLow) & mask;
    while (index[hole] !== record + 1) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const home = this.load(index[at]! - 1, Word.KeyLow) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      Atomics.store(index, hole, index[at]!);
      hole = at;
    }
    Atomics.store(index, hole, 0);
  }
}
