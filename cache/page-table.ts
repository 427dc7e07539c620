// Page records: the main thread's side of the shared page table. Owns allocation, look-up and the state word's transitions; which page goes when is decided elsewhere.
import type { PageSlot } from './contracts.ts';
import type { FileIndex, FileTable } from './file-table.ts';
import {
  bucketOf,
  BUCKETS_MIN,
  CONTROL_PAGE_BUCKETS,
  DOOMED,
  FILE_PAGES_RESIDENT,
  FILE_PAGES_VERIFIED,
  FILLING,
  FREE,
  freedWord,
  hashPage,
  PAGE_CHECKSUM_HIGH,
  PAGE_CHECKSUM_LOW,
  PAGE_FILE,
  PAGE_INDEX,
  PAGE_LENGTH,
  PAGE_NEXT,
  PAGE_STATE,
  PAGE_WATERMARK,
  PAGE_WORDS,
  PINS_MASK,
  pinsOf,
  RESIDENT,
  stateOf,
  type TableViews,
  UNVERIFIED,
  withState,
} from './shared-layout.ts';

export class PageTable {
  readonly #views: TableViews;
  readonly #files: FileTable;
  readonly pagesMax: number;
  /** The file's list of pages: slot + 1. */
  readonly #nextOfFile: Int32Array;
  readonly #previousOfFile: Int32Array;
  #free = 0;
  #highWater = 0;
  #records = 0;
  #complete = 0;

  constructor(views: TableViews, files: FileTable, pagesMax: number) {
    this.#views = views;
    this.#files = files;
    this.pagesMax = pagesMax;
    this.#nextOfFile = new Int32Array(pagesMax);
    this.#previousOfFile = new Int32Array(pagesMax);
    Atomics.store(views.control, CONTROL_PAGE_BUCKETS, BUCKETS_MIN);
  }

  /** Resident and unverified pages. */
  get complete(): number {
    return this.#complete;
  }
  get isFull(): boolean {
    return this.#free === 0 && this.#highWater === this.pagesMax;
  }

  /** Buckets for so many more records at once; only while the table is empty (they need no splitting then). */
  expect(records: number): void {
    if (this.#records > 0) return;
    const { pageBuckets, control } = this.#views;
    Atomics.store(control, CONTROL_PAGE_BUCKETS, Math.max(BUCKETS_MIN, Math.min(records, pageBuckets.length)));
  }

  find(file: FileIndex, pageIndex: number): PageSlot | undefined {
    const { pages, pageBuckets } = this.#views;
    for (let link = pageBuckets[this.#bucket(file, pageIndex)]!; link !== 0; link = pages[(link - 1) * PAGE_WORDS + PAGE_NEXT]!) {
      const at = (link - 1) * PAGE_WORDS;
      if (pages[at + PAGE_INDEX] === pageIndex && pages[at + PAGE_FILE] === file) return link - 1;
    }
    return undefined;
  }

  /** A FILLING record without bytes. The caller has looked that there is none of this key, and that the table is not full. */
  add(file: FileIndex, pageIndex: number): PageSlot {
    const { pages, pageBuckets } = this.#views;
    this.#growBuckets();
    const slot = this.#takeRecord();
    const at = slot * PAGE_WORDS;
    pages[at + PAGE_FILE] = file;
    pages[at + PAGE_INDEX] = pageIndex;
    pages[at + PAGE_LENGTH] = this.#files.pageLength(file, pageIndex);
    pages[at + PAGE_WATERMARK] = 0;
    this.#linkToFile(slot, file);
    const bucket = this.#bucket(file, pageIndex);
    pages[at + PAGE_NEXT] = pageBuckets[bucket]!;
    Atomics.store(pages, at + PAGE_STATE, withState(pages[at + PAGE_STATE]!, FILLING));
    Atomics.store(pageBuckets, bucket, slot + 1);
    this.#records++;
    return slot;
  }

  /** FILLING → RESIDENT, or UNVERIFIED when it comes from the index of an earlier life. */
  finish(slot: PageSlot, checksum: { readonly high: number; readonly low: number }, state: typeof RESIDENT | typeof UNVERIFIED): void {
    const { pages } = this.#views;
    pages[slot * PAGE_WORDS + PAGE_CHECKSUM_HIGH] = checksum.high;
    pages[slot * PAGE_WORDS + PAGE_CHECKSUM_LOW] = checksum.low;
    this.#complete++;
    const file = this.fileOf(slot);
    this.#files.bytesResident[file]! += this.lengthOf(slot);
    this.#files.count(file, FILE_PAGES_RESIDENT, 1);
    this.#transition(slot, state);
    if (state === RESIDENT) this.#files.count(file, FILE_PAGES_VERIFIED, 1);
  }

  /** UNVERIFIED → RESIDENT. */
  verified(slot: PageSlot): void {
    this.#transition(slot, RESIDENT);
    this.#files.count(this.fileOf(slot), FILE_PAGES_VERIFIED, 1);
  }

  /** → DOOMED if nobody has it pinned. @returns the state it had, undefined when it is pinned or not complete */
  claim(slot: PageSlot): typeof RESIDENT | typeof UNVERIFIED | undefined {
    const { pages } = this.#views;
    const at = slot * PAGE_WORDS + PAGE_STATE;
    const word = Atomics.load(pages, at);
    const state = stateOf(word);
    if ((state !== RESIDENT && state !== UNVERIFIED) || pinsOf(word) !== 0) return undefined;
    if (Atomics.compareExchange(pages, at, word, withState(word, DOOMED)) !== word) return undefined;
    this.#leaveFile(slot, state);
    return state;
  }

  /** Takes a claim back. */
  unclaim(slot: PageSlot, state: typeof RESIDENT | typeof UNVERIFIED): void {
    this.#complete++;
    const file = this.fileOf(slot);
    this.#files.bytesResident[file]! += this.lengthOf(slot);
    this.#transition(slot, state);
    this.#files.count(file, FILE_PAGES_RESIDENT, 1);
    if (state === RESIDENT) this.#files.count(file, FILE_PAGES_VERIFIED, 1);
  }

  /** → DOOMED whatever its pins: no new ones; what has it pinned reads on. */
  doom(slot: PageSlot): void {
    const state = this.stateOf(slot);
    this.#transition(slot, DOOMED);
    if (state === RESIDENT || state === UNVERIFIED) this.#leaveFile(slot, state);
  }

  /** Gives a DOOMED record without pins back. Its bytes are the caller's business. */
  remove(slot: PageSlot): void {
    const { pages, pageBuckets } = this.#views;
    const at = slot * PAGE_WORDS;
    const bucket = this.#bucket(this.fileOf(slot), this.indexOf(slot));
    const next = pages[at + PAGE_NEXT]!;
    if (pageBuckets[bucket] === slot + 1) Atomics.store(pageBuckets, bucket, next);
    else {
      let link = pageBuckets[bucket]!;
      while (pages[(link - 1) * PAGE_WORDS + PAGE_NEXT] !== slot + 1) link = pages[(link - 1) * PAGE_WORDS + PAGE_NEXT]!;
      Atomics.store(pages, (link - 1) * PAGE_WORDS + PAGE_NEXT, next);
    }
    this.#unlinkFromFile(slot);
    Atomics.store(pages, at + PAGE_STATE, freedWord(pages[at + PAGE_STATE]!));
    pages[at + PAGE_NEXT] = this.#free;
    this.#free = slot + 1;
    this.#records--;
  }

  /** Main thread's own pin of a complete page (verification). false: it cannot take one more. */
  pin(slot: PageSlot): boolean {
    const at = slot * PAGE_WORDS + PAGE_STATE;
    for (;;) {
      const word = Atomics.load(this.#views.pages, at);
      if (pinsOf(word) === PINS_MASK) return false;
      if (Atomics.compareExchange(this.#views.pages, at, word, word + 1) === word) return true;
    }
  }
  unpin(slot: PageSlot): void {
    Atomics.sub(this.#views.pages, slot * PAGE_WORDS + PAGE_STATE, 1);
  }

  stateOf(slot: PageSlot): number {
    return stateOf(Atomics.load(this.#views.pages, slot * PAGE_WORDS + PAGE_STATE));
  }
  isComplete(slot: PageSlot): boolean {
    const state = this.stateOf(slot);
    return state === RESIDENT || state === UNVERIFIED;
  }
  isUsed(slot: PageSlot): boolean {
    return slot < this.#highWater && this.stateOf(slot) !== FREE;
  }
  pinsOf(slot: PageSlot): number {
    return pinsOf(Atomics.load(this.#views.pages, slot * PAGE_WORDS + PAGE_STATE));
  }
  fileOf(slot: PageSlot): FileIndex {
    return this.#views.pages[slot * PAGE_WORDS + PAGE_FILE]!;
  }
  indexOf(slot: PageSlot): number {
    return this.#views.pages[slot * PAGE_WORDS + PAGE_INDEX]!;
  }
  lengthOf(slot: PageSlot): number {
    return this.#views.pages[slot * PAGE_WORDS + PAGE_LENGTH]!;
  }
  watermarkOf(slot: PageSlot): number {
    return this.#views.pages[slot * PAGE_WORDS + PAGE_WATERMARK]!;
  }
  setWatermark(slot: PageSlot, bytes: number): void {
    Atomics.store(this.#views.pages, slot * PAGE_WORDS + PAGE_WATERMARK, bytes);
  }
  checksumHigh(slot: PageSlot): number {
    return this.#views.pages[slot * PAGE_WORDS + PAGE_CHECKSUM_HIGH]!;
  }
  checksumLow(slot: PageSlot): number {
    return this.#views.pages[slot * PAGE_WORDS + PAGE_CHECKSUM_LOW]!;
  }
  checksum(slot: PageSlot): bigint {
    return (BigInt(this.checksumHigh(slot) >>> 0) << 32n) | BigInt(this.checksumLow(slot) >>> 0);
  }

  /** Slots of a file in whatever state. Collect them before changing any. */
  *ofFile(file: FileIndex): IterableIterator<PageSlot> {
    for (let link = this.#files.firstPage[file]!; link !== 0; link = this.#nextOfFile[link - 1]!) yield link - 1;
  }

  #leaveFile(slot: PageSlot, state: typeof RESIDENT | typeof UNVERIFIED): void {
    const file = this.fileOf(slot);
    if (state === RESIDENT) this.#files.count(file, FILE_PAGES_VERIFIED, -1);
    this.#files.count(file, FILE_PAGES_RESIDENT, -1);
    this.#files.bytesResident[file]! -= this.lengthOf(slot);
    this.#complete--;
  }

  #transition(slot: PageSlot, state: number): void {
    const at = slot * PAGE_WORDS + PAGE_STATE;
    for (;;) {
      const word = Atomics.load(this.#views.pages, at);
      if (Atomics.compareExchange(this.#views.pages, at, word, withState(word, state)) === word) return;
    }
  }

  #linkToFile(slot: PageSlot, file: FileIndex): void {
    const first = this.#files.firstPage[file]!;
    this.#nextOfFile[slot] = first;
    this.#previousOfFile[slot] = 0;
    if (first !== 0) this.#previousOfFile[first - 1] = slot + 1;
    this.#files.firstPage[file] = slot + 1;
  }
  #unlinkFromFile(slot: PageSlot): void {
    const next = this.#nextOfFile[slot]!;
    const previous = this.#previousOfFile[slot]!;
    if (previous === 0) this.#files.firstPage[this.fileOf(slot)] = next;
    else this.#nextOfFile[previous - 1] = next;
    if (next !== 0) this.#previousOfFile[next - 1] = previous;
  }

  #takeRecord(): PageSlot {
    if (this.#free === 0) return this.#highWater++;
    const slot = this.#free - 1;
    this.#free = this.#views.pages[slot * PAGE_WORDS + PAGE_NEXT]!;
    return slot;
  }

  #bucket(file: FileIndex, pageIndex: number): number {
    return bucketOf(hashPage(this.#files.firstWord(file), pageIndex), this.#views.control[CONTROL_PAGE_BUCKETS]!);
  }

  /** One split per insert while records outnumber buckets. */
  #growBuckets(): void {
    const { pages, pageBuckets, control } = this.#views;
    const buckets = control[CONTROL_PAGE_BUCKETS]!;
    if (this.#records < buckets || buckets >= pageBuckets.length) return;
    const from = buckets - (1 << (31 - Math.clz32(buckets)));
    let link = pageBuckets[from]!;
    Atomics.store(control, CONTROL_PAGE_BUCKETS, buckets + 1);
    Atomics.store(pageBuckets, from, 0);
    while (link !== 0) {
      const at = (link - 1) * PAGE_WORDS;
      const next = pages[at + PAGE_NEXT]!;
      const bucket = this.#bucket(pages[at + PAGE_FILE]!, pages[at + PAGE_INDEX]!);
      Atomics.store(pages, at + PAGE_NEXT, pageBuckets[bucket]!);
      Atomics.store(pageBuckets, bucket, link);
      link = next;
    }
  }
}
