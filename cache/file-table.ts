// File records: the main thread's side of the shared file table, and what only the main thread knows of a file (identity, charge, write descriptor, order of use).
// Owns the records and their descriptors' pins; opens and closes no file itself.
import { CacheError } from '../common/errors/index.ts';
import { encodeName } from '../common/namespace/index.ts';
import type { CachedFile, FileResidency, FileSlot } from './contracts.ts';
import { type FileIdentity, IdentityArena } from './identity-arena.ts';
import {
  bucketOf,
  BUCKETS_MIN,
  CONTROL_DIRECTORIES,
  CONTROL_FILE_BUCKETS,
  FILE_DESCRIPTOR,
  FILE_DESCRIPTOR_STATE,
  FILE_DIRECTORY,
  FILE_EVICTING,
  FILE_FLAGS,
  FILE_HAND_OUT_UNITS,
  FILE_HANDED_OUT_AT,
  FILE_NEXT,
  FILE_OPEN,
  FILE_PAGES_RESIDENT,
  FILE_PAGES_TOTAL,
  FILE_PAGES_VERIFIED,
  FILE_WORDS,
  fileIdWord,
  FLAG_HANDED_OUT,
  HAND_OUT_UNIT_BYTES,
  hashFile,
  type TableViews,
} from './shared-layout.ts';

/** Index of a record; a FileSlot is this plus the record's generation, so that a slot kept across a removal is recognised as stale. */
export type FileIndex = number;
const GENERATION_STEP = 2 ** 26;
const NO_DIRECTORY = -1;
/** Far beyond any directory's share. */
const HAND_OUT_UNITS_MAX = 2 ** 30;

/** Bytes of an identity as they come from the index log. */
export interface RestoredFile {
  readonly fileId: Uint8Array;
  readonly lengthBytes: number;
  readonly uri: Uint8Array;
  readonly version: Uint8Array;
}

export class FileTable {
  readonly #views: TableViews;
  readonly #pageSizeBytes: number;
  readonly filesMax: number;
  readonly #identities = new IdentityArena();
  readonly #identityAt: Uint32Array;
  readonly #generation: Uint32Array;
  readonly #length: Float64Array;
  /** Bytes of blocks charged to the directory for this file, its fills' reservations excepted. */
  readonly chargedBytes: Float64Array;
  /** Bytes allocated for fills that have not ended. */
  readonly reservedBytes: Float64Array;
  /** First page of the file's list: slot + 1. */
  readonly firstPage: Int32Array;
  readonly bytesResident: Float64Array;
  /** 1: the directory's index knows the file. */
  readonly isRecorded: Uint8Array;
  /** Fills in progress. */
  readonly fills: Uint16Array;
  readonly writeDescriptor: Int32Array;
  #free = 0;
  #highWater = 0;
  #size = 0;

  constructor(views: TableViews, filesMax: number, pageSizeBytes: number) {
    this.#views = views;
    this.filesMax = filesMax;
    this.#pageSizeBytes = pageSizeBytes;
    this.#identityAt = new Uint32Array(filesMax);
    this.#generation = new Uint32Array(filesMax);
    this.#length = new Float64Array(filesMax);
    this.chargedBytes = new Float64Array(filesMax);
    this.reservedBytes = new Float64Array(filesMax);
    this.bytesResident = new Float64Array(filesMax);
    this.firstPage = new Int32Array(filesMax);
    this.isRecorded = new Uint8Array(filesMax);
    this.fills = new Uint16Array(filesMax);
    this.writeDescriptor = new Int32Array(filesMax);
    Atomics.store(views.control, CONTROL_FILE_BUCKETS, BUCKETS_MIN);
  }

  get size(): number {
    return this.#size;
  }
  /** Records ever used: indexes below it may be alive. */
  get highWater(): number {
    return this.#highWater;
  }
  get isFull(): boolean {
    return this.#free === 0 && this.#highWater === this.filesMax;
  }

  slotOf(file: FileIndex): FileSlot {
    return this.#generation[file]! * GENERATION_STEP + file;
  }
  /** undefined: the record has gone since the slot was given out. */
  indexOf(slot: FileSlot): FileIndex | undefined {
    const file = slot % GENERATION_STEP;
    return this.isAlive(file) && this.slotOf(file) === slot ? file : undefined;
  }
  isAlive(file: FileIndex): boolean {
    return this.#identityAt[file] !== 0;
  }

  /** Buckets for so many more records at once; only while the table is empty (they need no splitting then). */
  expect(records: number): void {
    if (this.#size > 0) return;
    const { fileBuckets, control } = this.#views;
    Atomics.store(control, CONTROL_FILE_BUCKETS, Math.max(BUCKETS_MIN, Math.min(records, fileBuckets.length)));
  }

  find(fileId: Uint8Array): FileIndex | undefined {
    const { files, fileBuckets } = this.#views;
    for (let link = fileBuckets[this.#bucket(fileIdWord(fileId, 0))]!; link !== 0; link = files[(link - 1) * FILE_WORDS + FILE_NEXT]!) {
      if (this.hasId(link - 1, fileId)) return link - 1;
    }
    return undefined;
  }
  hasId(file: FileIndex, fileId: Uint8Array): boolean {
    const { files } = this.#views;
    const at = file * FILE_WORDS;
    return files[at] === fileIdWord(fileId, 0) && files[at + 1] === fileIdWord(fileId, 1) && files[at + 2] === fileIdWord(fileId, 2) && files[at + 3] === fileIdWord(fileId, 3);
  }

  add(file: CachedFile): FileIndex {
    return this.restore({ fileId: file.fileId, lengthBytes: file.lengthBytes, uri: encodeName(file.ufsUri), version: encodeName(file.version) });
  }

  restore(file: RestoredFile): FileIndex {
    const { files, fileBuckets } = this.#views;
    this.#growBuckets();
    const index = this.#takeRecord();
    const at = index * FILE_WORDS;
    for (let word = 0; word < 4; word++) files[at + word] = fileIdWord(file.fileId, word);
    for (const word of [FILE_PAGES_RESIDENT, FILE_PAGES_VERIFIED, FILE_EVICTING, FILE_FLAGS, FILE_HANDED_OUT_AT, FILE_HAND_OUT_UNITS]) files[at + word] = 0;
    files[at + FILE_DIRECTORY] = NO_DIRECTORY;
    files[at + FILE_PAGES_TOTAL] = Math.ceil(file.lengthBytes / this.#pageSizeBytes);
    files[at + FILE_HAND_OUT_UNITS] = Math.min(HAND_OUT_UNITS_MAX, Math.ceil(file.lengthBytes / HAND_OUT_UNIT_BYTES));
    this.#length[index] = file.lengthBytes;
    this.#identityAt[index] = this.#addIdentity(file);
    const bucket = this.#bucket(files[at]!);
    files[at + FILE_NEXT] = fileBuckets[bucket]!;
    Atomics.store(fileBuckets, bucket, index + 1);
    this.#size++;
    return index;
  }

  /** Of a file without pages and with its descriptor closed. */
  remove(file: FileIndex): void {
    const { files, fileBuckets } = this.#views;
    const bucket = this.#bucket(files[file * FILE_WORDS]!);
    const next = files[file * FILE_WORDS + FILE_NEXT]!;
    if (fileBuckets[bucket] === file + 1) Atomics.store(fileBuckets, bucket, next);
    else {
      let link = fileBuckets[bucket]!;
      while (files[(link - 1) * FILE_WORDS + FILE_NEXT] !== file + 1) link = files[(link - 1) * FILE_WORDS + FILE_NEXT]!;
      Atomics.store(files, (link - 1) * FILE_WORDS + FILE_NEXT, next);
    }
    for (let word = 0; word < 4; word++) files[file * FILE_WORDS + word] = 0;
    this.#identities.remove(this.#identityAt[file]!);
    this.#identityAt[file] = 0;
    this.#generation[file] = (this.#generation[file]! + 1) % 2 ** 26;
    this.chargedBytes[file] = 0;
    this.isRecorded[file] = 0;
    files[file * FILE_WORDS + FILE_NEXT] = this.#free;
    this.#free = file + 1;
    this.#size--;
  }

  fileId(file: FileIndex): Buffer {
    const { files } = this.#views;
    const id = Buffer.alloc(16);
    for (let word = 0; word < 4; word++) id.writeInt32LE(files[file * FILE_WORDS + word]!, word * 4);
    return id;
  }
  /** Number of the folder that the page file lies in. */
  folder(file: FileIndex): number {
    return this.firstWord(file) & 0xff;
  }
  firstWord(file: FileIndex): number {
    return this.#views.files[file * FILE_WORDS]!;
  }
  identity(file: FileIndex): FileIdentity {
    return this.#identities.identity(this.#identityAt[file]!);
  }
  identityBytes(file: FileIndex): { readonly uri: Uint8Array; readonly version: Uint8Array } {
    const at = this.#identityAt[file]!;
    return { uri: this.#identities.uriBytes(at), version: this.#identities.versionBytes(at) };
  }
  /** @throws PageCorrupt when the record is of another object than `file` says */
  checkIdentity(index: FileIndex, file: CachedFile): void {
    if (this.#length[index] === file.lengthBytes && this.#identities.isSame(this.#identityAt[index]!, file)) return;
    const known = this.identity(index);
    throw new CacheError('PageCorrupt', 'Two objects have the same file id: the cached one and the one asked for differ in URI, version or length.', {
      context: {
        ufsUri: file.ufsUri,
        version: file.version,
        lengthBytes: file.lengthBytes,
        knownUfsUri: known.ufsUri,
        knownVersion: known.version,
        knownLengthBytes: this.lengthBytes(index),
      },
    });
  }

  lengthBytes(file: FileIndex): number {
    return this.#length[file]!;
  }
  pagesTotal(file: FileIndex): number {
    return this.#views.files[file * FILE_WORDS + FILE_PAGES_TOTAL]!;
  }
  pagesResident(file: FileIndex): number {
    return this.#views.files[file * FILE_WORDS + FILE_PAGES_RESIDENT]!;
  }
  pageLength(file: FileIndex, pageIndex: number): number {
    return Math.min(this.#pageSizeBytes, this.lengthBytes(file) - pageIndex * this.#pageSizeBytes);
  }
  residency(file: FileIndex): FileResidency {
    return { pagesResident: this.pagesResident(file), pagesTotal: this.pagesTotal(file), bytesResident: this.bytesResident[file]! };
  }

  directory(file: FileIndex): number | undefined {
    const directory = this.#views.files[file * FILE_WORDS + FILE_DIRECTORY]!;
    return directory === NO_DIRECTORY ? undefined : directory;
  }
  setDirectory(file: FileIndex, directory: number | undefined): void {
    this.#views.files[file * FILE_WORDS + FILE_DIRECTORY] = directory ?? NO_DIRECTORY;
  }

  /** Adds to one of the record's counts that readers look at. */
  count(file: FileIndex, word: typeof FILE_PAGES_RESIDENT | typeof FILE_PAGES_VERIFIED | typeof FILE_EVICTING, by: number): void {
    Atomics.add(this.#views.files, file * FILE_WORDS + word, by);
  }

  hasFlag(file: FileIndex, flag: number): boolean {
    return (Atomics.load(this.#views.files, file * FILE_WORDS + FILE_FLAGS) & flag) !== 0;
  }
  setFlag(file: FileIndex, flag: number): void {
    Atomics.or(this.#views.files, file * FILE_WORDS + FILE_FLAGS, flag);
  }
  /** Clears all flags and gives the handed-out share back. Only while the descriptor is closed: then no hand-out is under way. */
  clearFlags(file: FileIndex): void {
    const { files, control } = this.#views;
    const before = Atomics.exchange(files, file * FILE_WORDS + FILE_FLAGS, 0);
    const directory = this.directory(file);
    if ((before & FLAG_HANDED_OUT) !== 0 && directory !== undefined) Atomics.sub(control, CONTROL_DIRECTORIES + 2 * directory, files[file * FILE_WORDS + FILE_HAND_OUT_UNITS]!);
  }
  handedOutAtSeconds(file: FileIndex): number {
    return Atomics.load(this.#views.files, file * FILE_WORDS + FILE_HANDED_OUT_AT);
  }

  /** The open read-only descriptor, if any. */
  descriptor(file: FileIndex): number | undefined {
    const at = file * FILE_WORDS;
    return (Atomics.load(this.#views.files, at + FILE_DESCRIPTOR_STATE) & FILE_OPEN) === 0 ? undefined : this.#views.files[at + FILE_DESCRIPTOR]!;
  }
  /** Makes an open descriptor visible to the readers. */
  publishDescriptor(file: FileIndex, descriptor: number): void {
    const at = file * FILE_WORDS;
    this.#views.files[at + FILE_DESCRIPTOR] = descriptor;
    Atomics.or(this.#views.files, at + FILE_DESCRIPTOR_STATE, FILE_OPEN);
  }
  /** Takes the descriptor away from the readers; the caller closes it. undefined: it is not open, or a reader is using it. */
  withdrawDescriptor(file: FileIndex): number | undefined {
    const at = file * FILE_WORDS + FILE_DESCRIPTOR_STATE;
    if (Atomics.compareExchange(this.#views.files, at, FILE_OPEN, 0) !== FILE_OPEN) return undefined;
    return this.#views.files[file * FILE_WORDS + FILE_DESCRIPTOR]!;
  }
  /** The main thread reading across turns: as a reader's pin. Only while the descriptor is open. */
  pinDescriptor(file: FileIndex): void {
    Atomics.add(this.#views.files, file * FILE_WORDS + FILE_DESCRIPTOR_STATE, 1);
  }
  unpinDescriptor(file: FileIndex): void {
    Atomics.sub(this.#views.files, file * FILE_WORDS + FILE_DESCRIPTOR_STATE, 1);
  }

  *indexes(): IterableIterator<FileIndex> {
    for (let file = 0; file < this.#highWater; file++) if (this.isAlive(file)) yield file;
  }

  #addIdentity(file: RestoredFile): number {
    if (this.#identities.isWasteful) {
      const live = [...this.indexes()].filter((index) => this.#identityAt[index] !== 0);
      const moved = this.#identities.compact(live.map((index) => this.#identityAt[index]!));
      live.forEach((index, i) => (this.#identityAt[index] = moved[i]!));
    }
    return this.#identities.add(file.uri, file.version);
  }

  #takeRecord(): FileIndex {
    if (this.#free === 0) return this.#highWater++;
    const file = this.#free - 1;
    this.#free = this.#views.files[file * FILE_WORDS + FILE_NEXT]!;
    return file;
  }

  #bucket(word0: number): number {
    return bucketOf(hashFile(word0), this.#views.control[CONTROL_FILE_BUCKETS]!);
  }

  /** One split per insert while records outnumber buckets. */
  #growBuckets(): void {
    const { files, fileBuckets, control } = this.#views;
    const buckets = control[CONTROL_FILE_BUCKETS]!;
    if (this.#size < buckets || buckets >= fileBuckets.length) return;
    const from = buckets - (1 << (31 - Math.clz32(buckets)));
    const chain: FileIndex[] = [];
    for (let link = fileBuckets[from]!; link !== 0; link = files[(link - 1) * FILE_WORDS + FILE_NEXT]!) chain.push(link - 1);
    Atomics.store(control, CONTROL_FILE_BUCKETS, buckets + 1);
    Atomics.store(fileBuckets, from, 0);
    for (const file of chain) {
      const bucket = this.#bucket(files[file * FILE_WORDS]!);
      files[file * FILE_WORDS + FILE_NEXT] = fileBuckets[bucket]!;
      Atomics.store(fileBuckets, bucket, file + 1);
    }
  }
}
