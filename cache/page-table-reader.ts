// The page table as threads that only read see it: pin, look, unpin. Lock-free; owns nothing but its own hit ring.
import type { PageSlot, PageTableReader, SharedPageTable } from './contracts.ts';
import {
  bucketOf,
  CHAIN_STEPS_MAX,
  CONTROL_DIRECTORIES,
  CONTROL_FILE_BUCKETS,
  CONTROL_PAGE_BUCKETS,
  FILE_DESCRIPTOR,
  FILE_DESCRIPTOR_STATE,
  FILE_DIRECTORY,
  FILE_EVICTING,
  FILE_FLAGS,
  FILE_HAND_OUT_UNITS,
  FILE_HANDED_OUT_AT,
  FILE_NEXT,
  FILE_OPEN,
  FILE_PAGES_TOTAL,
  FILE_PAGES_VERIFIED,
  FILE_WORDS,
  fileIdWord,
  FILLING,
  FLAG_HANDED_OUT,
  hashFile,
  hashPage,
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
  RING_DROPPED,
  RING_HEAD,
  RING_SLOTS,
  RING_SLOTS_AT,
  RING_TAIL,
  RING_WORDS,
  stateOf,
  type TableViews,
  viewsOf,
} from './shared-layout.ts';

const PIN_ATTEMPTS = 64;

class SharedTableReader implements PageTableReader {
  readonly #views: TableViews;
  readonly #ringAt: number;
  // The fileId asked for, as words: fields instead of arguments, so that no call allocates.
  #id0 = 0;
  #id1 = 0;
  #id2 = 0;
  #id3 = 0;

  constructor(table: SharedPageTable, hitRing: number) {
    this.#views = viewsOf(table);
    this.#ringAt = hitRing * RING_WORDS;
  }

  acquire(fileId: Uint8Array, pageIndex: number, offset: number, length: number): PageSlot {
    this.#take(fileId);
    const { pages, pageBuckets, control } = this.#views;
    const bucket = bucketOf(hashPage(this.#id0, pageIndex), Atomics.load(control, CONTROL_PAGE_BUCKETS));
    let link = Atomics.load(pageBuckets, bucket);
    for (let steps = 0; link !== 0 && steps < CHAIN_STEPS_MAX; steps++) {
      const slot = link - 1;
      const at = slot * PAGE_WORDS;
      if (this.#isKey(at, pageIndex)) return this.#pin(slot, pageIndex) && this.#keepWhenReadable(slot, offset + length) ? slot : -1;
      link = Atomics.load(pages, at + PAGE_NEXT);
    }
    return -1;
  }

  descriptor(slot: PageSlot): number {
    const { pages, files } = this.#views;
    return files[pages[slot * PAGE_WORDS + PAGE_FILE]! * FILE_WORDS + FILE_DESCRIPTOR]!;
  }

  lengthBytes(slot: PageSlot): number {
    return this.#views.pages[slot * PAGE_WORDS + PAGE_LENGTH]!;
  }

  release(slot: PageSlot): void {
    const { pages, files } = this.#views;
    Atomics.sub(files, pages[slot * PAGE_WORDS + PAGE_FILE]! * FILE_WORDS + FILE_DESCRIPTOR_STATE, 1);
    Atomics.sub(pages, slot * PAGE_WORDS + PAGE_STATE, 1);
    this.#report(slot);
  }

  handOut(fileId: Uint8Array): number {
    this.#take(fileId);
    const { files, fileBuckets, control } = this.#views;
    let link = Atomics.load(fileBuckets, bucketOf(hashFile(this.#id0), Atomics.load(control, CONTROL_FILE_BUCKETS)));
    for (let steps = 0; link !== 0 && steps < CHAIN_STEPS_MAX; steps++) {
      const at = (link - 1) * FILE_WORDS;
      if (this.#isFile(at)) return this.#handOutFile(at);
      link = Atomics.load(files, at + FILE_NEXT);
    }
    return -1;
  }

  /** The descriptor pin keeps the record and its descriptor while the flag is set and checked. */
  #handOutFile(at: number): number {
    const { files } = this.#views;
    const before = Atomics.add(files, at + FILE_DESCRIPTOR_STATE, 1);
    const descriptor = (before & FILE_OPEN) !== 0 && this.#isFile(at) && this.#isComplete(at) && this.#flagHandedOut(at) ? files[at + FILE_DESCRIPTOR]! : -1;
    Atomics.sub(files, at + FILE_DESCRIPTOR_STATE, 1);
    return descriptor;
  }

  /**
   * Dekker with the evictor: here the flag is set, then claims are looked for; there the claim is made, then the flag is looked for. At least one of the two sees
   * the other, so a page is never punched out of a file that leaves. A flag that stays without a hand-out only makes the evictor ask more before it punches.
   */
  #flagHandedOut(at: number): boolean {
    const { files, control } = this.#views;
    Atomics.store(files, at + FILE_HANDED_OUT_AT, Math.floor(Date.now() / 1000));
    if ((Atomics.load(files, at + FILE_FLAGS) & FLAG_HANDED_OUT) === 0) {
      const shareAt = CONTROL_DIRECTORIES + 2 * files[at + FILE_DIRECTORY]!;
      const units = files[at + FILE_HAND_OUT_UNITS]!;
      const isOverShare = Atomics.add(control, shareAt, units) + units > Atomics.load(control, shareAt + 1);
      const wasSet = !isOverShare && (Atomics.or(files, at + FILE_FLAGS, FLAG_HANDED_OUT) & FLAG_HANDED_OUT) !== 0;
      if (isOverShare || wasSet) Atomics.sub(control, shareAt, units);
      if (isOverShare) return false;
    }
    return Atomics.load(files, at + FILE_EVICTING) === 0 && this.#isComplete(at);
  }

  #isComplete(at: number): boolean {
    const { files } = this.#views;
    const total = files[at + FILE_PAGES_TOTAL]!;
    return total > 0 && Atomics.load(files, at + FILE_PAGES_VERIFIED) === total;
  }

  #take(fileId: Uint8Array): void {
    this.#id0 = fileIdWord(fileId, 0);
    this.#id1 = fileIdWord(fileId, 1);
    this.#id2 = fileIdWord(fileId, 2);
    this.#id3 = fileIdWord(fileId, 3);
  }

  #isFile(at: number): boolean {
    const { files } = this.#views;
    return files[at] === this.#id0 && files[at + 1] === this.#id1 && files[at + 2] === this.#id2 && files[at + 3] === this.#id3;
  }

  #isKey(at: number, pageIndex: number): boolean {
    const { pages } = this.#views;
    return pages[at + PAGE_INDEX] === pageIndex && this.#isFile(pages[at + PAGE_FILE]! * FILE_WORDS);
  }

  /** Adds a pin while the page is readable at all, then looks at the key again: before the pin the slot may have become another page's. */
  #pin(slot: PageSlot, pageIndex: number): boolean {
    const { pages } = this.#views;
    const at = slot * PAGE_WORDS;
    for (let attempt = 0; attempt < PIN_ATTEMPTS; attempt++) {
      const word = Atomics.load(pages, at + PAGE_STATE);
      const state = stateOf(word);
      if ((state !== RESIDENT && state !== FILLING) || pinsOf(word) === PINS_MASK) return false;
      if (Atomics.compareExchange(pages, at + PAGE_STATE, word, word + 1) !== word) continue;
      if (this.#isKey(at, pageIndex)) return true;
      Atomics.sub(pages, at + PAGE_STATE, 1);
      return false;
    }
    return false;
  }

  /** Of a pinned page: are the bytes below `end` there, and is its file open? Else the pin ends. */
  #keepWhenReadable(slot: PageSlot, end: number): boolean {
    const { pages, files } = this.#views;
    const at = slot * PAGE_WORDS;
    const state = stateOf(Atomics.load(pages, at + PAGE_STATE));
    // DOOMED since the pin was taken: an aborted fill's bytes may be missing.
    const readable = state === RESIDENT ? pages[at + PAGE_LENGTH]! : state === FILLING ? Atomics.load(pages, at + PAGE_WATERMARK) : -1;
    if (end <= readable) {
      const fileAt = pages[at + PAGE_FILE]! * FILE_WORDS + FILE_DESCRIPTOR_STATE;
      if ((Atomics.add(files, fileAt, 1) & FILE_OPEN) !== 0) return true;
      Atomics.sub(files, fileAt, 1);
    }
    Atomics.sub(pages, at + PAGE_STATE, 1);
    return false;
  }

  #report(slot: PageSlot): void {
    const { hits } = this.#views;
    const ring = this.#ringAt;
    const head = hits[ring + RING_HEAD]!;
    if (((head - Atomics.load(hits, ring + RING_TAIL)) | 0) >= RING_SLOTS) {
      hits[ring + RING_DROPPED]!++;
      return;
    }
    hits[ring + RING_SLOTS_AT + (head & (RING_SLOTS - 1))] = slot;
    Atomics.store(hits, ring + RING_HEAD, (head + 1) | 0);
  }
}

/**
 * Attaches a thread to the table of the worker's main thread.
 * @param hitRing 0 … shared.hitRings - 1; no two threads share one
 */
export const attachPageTable = (shared: SharedPageTable, hitRing: number): PageTableReader => new SharedTableReader(shared, hitRing);
