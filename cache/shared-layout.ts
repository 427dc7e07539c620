// Layout of the page table in shared memory: the words of a page record and of a file record, the state word, the buckets. Owns no logic of who may change what:
// the main thread's side is page-table.ts and file-table.ts, the other threads' page-table-reader.ts.
import type { SharedPageTable } from './contracts.ts';

/** Words of a page record (32 bytes, half a cache line). */
export const PAGE_WORDS = 8;
export const PAGE_STATE = 0;
/** Next record of the bucket, or of the free list: slot + 1, 0 ends. */
export const PAGE_NEXT = 1;
export const PAGE_FILE = 2;
export const PAGE_INDEX = 3;
export const PAGE_LENGTH = 4;
/** Bytes of a filling page that are in the file. */
export const PAGE_WATERMARK = 5;
export const PAGE_CHECKSUM_LOW = 6;
export const PAGE_CHECKSUM_HIGH = 7;

/** Words of a file record (64 bytes, one cache line). Words 0-3 are the fileId. */
export const FILE_WORDS = 16;
export const FILE_NEXT = 4;
/** FILE_OPEN and the number of descriptor pins. Changed by add and sub of readers, by or and compare-and-swap of the main thread. */
export const FILE_DESCRIPTOR_STATE = 5;
export const FILE_DESCRIPTOR = 6;
export const FILE_DIRECTORY = 7;
export const FILE_PAGES_TOTAL = 8;
export const FILE_PAGES_RESIDENT = 9;
export const FILE_PAGES_VERIFIED = 10;
/** Pages claimed for eviction and not yet gone. */
export const FILE_EVICTING = 11;
export const FILE_FLAGS = 12;
/** Seconds since the epoch of the last hand-out. */
export const FILE_HANDED_OUT_AT = 13;
/** What handing the file out counts against the directory's share, in HAND_OUT_UNIT_BYTES. */
export const FILE_HAND_OUT_UNITS = 14;

export const FILE_OPEN = 1 << 24;
export const FILE_PINS_MASK = FILE_OPEN - 1;
export const FLAG_HANDED_OUT = 1;
/** Written by an earlier process, whose clients may still have it open. */
export const FLAG_PREVIOUS_LIFE = 2;

export const HAND_OUT_UNIT_BYTES = 16 * 1024;

/*
 * State word of a page: state (3 bits) | generation (13) | pins (16). A slot's generation grows when it is freed, so a compare-and-swap prepared on an earlier use fails.
 *   FREE        in no bucket
 *   FILLING     bytes below the watermark are readable
 *   RESIDENT    all bytes are readable
 *   UNVERIFIED  complete according to the index, not yet compared with its checksum in this life: readers miss
 *   DOOMED      claimed to go: no new pins; its bytes stay until the last pin is gone
 */
export const FREE = 0;
export const FILLING = 1;
export const RESIDENT = 2;
export const UNVERIFIED = 3;
export const DOOMED = 4;
export const PINS_MASK = 0xffff;
const GENERATION_MASK = 0x1fff;

export const stateOf = (word: number): number => word >>> 29;
export const pinsOf = (word: number): number => word & PINS_MASK;
export const withState = (word: number, state: number): number => (word & 0x1fffffff) | (state << 29);
/** FREE with the next generation and no pins. */
export const freedWord = (word: number): number => ((((word >>> 16) + 1) & GENERATION_MASK) << 16) | (FREE << 29);

function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
/** fileIds are halves of a SHA-256: one of their words spreads as well as any hash of all. */
export const hashFile = (word0: number): number => mix(word0);
export const hashPage = (word0: number, pageIndex: number): number => mix(word0 ^ Math.imul(pageIndex + 1, 0x9e3779b1));

/**
 * Bucket of a hash when there are `buckets` of them (linear hashing): they grow one by one, each split moving part of one chain, so that memory is touched as records
 * come and no insert is slow. A reader that saw the count before a split may miss a moved record; its miss goes to the main thread, which does not.
 */
export function bucketOf(hash: number, buckets: number): number {
  const half = 1 << (31 - Math.clz32(buckets));
  const bucket = hash & (2 * half - 1);
  return bucket < buckets ? bucket : bucket & (half - 1);
}
export const BUCKETS_MIN = 1024;

/** Records looked at in one chain before a reader gives up: a slot recycled under it can lead it into another chain. */
export const CHAIN_STEPS_MAX = 256;

/** Words of `control`: counts that change and every thread must see. */
export const CONTROL_PAGE_BUCKETS = 0;
export const CONTROL_FILE_BUCKETS = 1;
/** From here two words per directory: handed-out units, and their limit. */
export const CONTROL_DIRECTORIES = 16;

/** One hit ring: three words of head, tail, dropped on cache lines of their own, then the slots. */
export const RING_HEAD = 0;
export const RING_TAIL = 16;
export const RING_DROPPED = 32;
export const RING_SLOTS_AT = 48;
export const RING_SLOTS = 8192;
export const RING_WORDS = RING_SLOTS_AT + RING_SLOTS;

export interface TableSize {
  readonly pageSizeBytes: number;
  readonly pagesMax: number;
  readonly filesMax: number;
  readonly directories: number;
  readonly hitRings: number;
}

const shared = (words: number): SharedArrayBuffer => new SharedArrayBuffer(words * 4);

/** Buffers sized for the maximum: the kernel commits them as they are touched. */
export function createSharedTable(size: TableSize): SharedPageTable {
  return {
    pageSizeBytes: size.pageSizeBytes,
    buffers: {
      pages: shared(size.pagesMax * PAGE_WORDS),
      pageBuckets: shared(Math.max(size.pagesMax, BUCKETS_MIN)),
      files: shared(size.filesMax * FILE_WORDS),
      fileBuckets: shared(Math.max(size.filesMax, BUCKETS_MIN)),
      control: shared(CONTROL_DIRECTORIES + 2 * size.directories),
      hits: shared(Math.max(1, size.hitRings) * RING_WORDS),
    },
    numbers: { pagesMax: size.pagesMax, filesMax: size.filesMax, directories: size.directories },
    hitRings: size.hitRings,
  };
}

/** Typed views of one thread. */
export interface TableViews {
  readonly pages: Int32Array;
  readonly pageBuckets: Int32Array;
  readonly files: Int32Array;
  readonly fileBuckets: Int32Array;
  readonly control: Int32Array;
  readonly hits: Int32Array;
}
export function viewsOf(table: SharedPageTable): TableViews {
  const view = (name: string): Int32Array => new Int32Array(table.buffers[name]!);
  return { pages: view('pages'), pageBuckets: view('pageBuckets'), files: view('files'), fileBuckets: view('fileBuckets'), control: view('control'), hits: view('hits') };
}

/** Little-endian word of a fileId at any alignment. */
export const fileIdWord = (fileId: Uint8Array, word: number): number => {
  const at = word * 4;
  return fileId[at]! | (fileId[at + 1]! << 8) | (fileId[at + 2]! << 16) | (fileId[at + 3]! << 24);
};
