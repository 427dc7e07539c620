// Bytes of the index: the versioned file header and the records of log and snapshot. Owns no file.
//
//   header  64 bytes: magic 8 | format version u32 | page size u32 | 0 u32 | checksum u32 | zeros
//   record  kind u8 | 0 u8 | words of the whole record u16 | sequence u32 | checksum u32 | body, padded to 8 bytes
//     FILE       fileId 16 | length f64 | uri bytes u16 | version bytes u16 | uri | version
//     PAGES      fileId 16 | count u32 | entries of 16 bytes: page index u32 | 0 u32 | xxh64 low u32 | xxh64 high u32
//     PAGE_GONE  fileId 16 | page index u32
//     FILE_GONE  fileId 16
//     END        files u32 | pages u32 | zeros 8, of a snapshot: without it the snapshot is not whole
// All little-endian. Sequences only grow within a file; a log that goes on after a crash jumps ahead, so that what lay behind the torn record never comes back to life.
export const INDEX_FORMAT_VERSION = 1;

export const FILE = 1;
export const PAGES = 2;
export const PAGE_GONE = 3;
export const FILE_GONE = 4;
export const END = 5;

export const HEADER_BYTES = 64;
export const RECORD_HEAD_BYTES = 12;
const BODY_AT = RECORD_HEAD_BYTES;
const FILE_ID_BYTES = 16;
const FILE_FIXED_BYTES = BODY_AT + FILE_ID_BYTES + 8 + 4;
const PAGE_ENTRY_BYTES = 16;
const PAGES_FIXED_BYTES = BODY_AT + FILE_ID_BYTES + 4; // 4: count, keeps entries 8-aligned
/** A record's length is a u16 count of words. */
export const RECORD_BYTES_MAX = 0xffff * 4;
export const PAGES_PER_RECORD_MAX = 4096;

const MAGIC = { log: 'ALXTSLOG', snapshot: 'ALXTSSNP' } as const;
export type IndexFileKind = keyof typeof MAGIC;

/** 32-bit checksum over whole words (murmur3's mixing). Torn and flipped records are what it is for; page bytes have xxh64. */
export function wordsChecksum(words: Uint32Array, from: number, to: number, seed: number): number {
  let hash = seed | 0;
  for (let i = from; i < to; i++) {
    let k = Math.imul(words[i]!, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    hash ^= k;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash ^= (to - from) * 4;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function encodeHeader(kind: IndexFileKind, pageSizeBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC[kind], 0, 'latin1');
  header.writeUInt32LE(INDEX_FORMAT_VERSION, 8);
  header.writeUInt32LE(pageSizeBytes, 12);
  header.writeUInt32LE(headerChecksum(header), 20);
  return header;
}
const headerChecksum = (header: Buffer): number =>
  wordsChecksum(
    Uint32Array.from({ length: 5 }, (_, i) => header.readUInt32LE(i * 4)),
    0,
    5,
    0,
  );

/** undefined: not a header of this kind, or damaged. */
export function decodeHeader(kind: IndexFileKind, header: Buffer): { readonly formatVersion: number; readonly pageSizeBytes: number } | undefined {
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, 8) !== MAGIC[kind]) return undefined;
  if (header.readUInt32LE(20) !== headerChecksum(header)) return undefined;
  return { formatVersion: header.readUInt32LE(8), pageSizeBytes: header.readUInt32LE(12) };
}

const pad8 = (bytes: number): number => (bytes + 7) & ~7;

export const fileRecordBytes = (uriBytes: number, versionBytes: number): number => pad8(FILE_FIXED_BYTES + uriBytes + versionBytes);
export const pagesRecordBytes = (pages: number): number => PAGES_FIXED_BYTES + pages * PAGE_ENTRY_BYTES;
export const GONE_RECORD_BYTES = pad8(BODY_AT + FILE_ID_BYTES + 4);

export interface SnapshotCounts {
  readonly files: number;
  readonly pages: number;
}

/** The counts in the last record of a snapshot; undefined when it is not whole. @param bytes its last GONE_RECORD_BYTES, 4-aligned memory */
export function decodeCounts(bytes: Buffer): SnapshotCounts | undefined {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, GONE_RECORD_BYTES / 4);
  if (bytes[0] !== END || words[0]! >>> 16 !== GONE_RECORD_BYTES / 4 || words[2] !== recordChecksum(words, 0, words.length)) return undefined;
  return { files: words[BODY_AT / 4]!, pages: words[BODY_AT / 4 + 1]! };
}

/** A buffer that records are appended to. Its words start at an aligned address. */
export class RecordBuffer {
  readonly bytes: Buffer;
  readonly #words: Uint32Array;
  length = 0;
  records = 0;
  /** Of all that was appended, `reset` or not. */
  filesTotal = 0;
  pagesTotal = 0;
  /** Of the next record. */
  sequence: number;

  constructor(capacityBytes: number, firstSequence: number) {
    const memory = new ArrayBuffer(capacityBytes);
    this.bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    this.sequence = firstSequence;
  }

  fits(bytes: number): boolean {
    return this.length + bytes <= this.bytes.length;
  }

  reset(): void {
    this.length = 0;
    this.records = 0;
  }

  file(fileId: Uint8Array, lengthBytes: number, uri: Uint8Array, version: Uint8Array): void {
    this.filesTotal++;
    const at = this.#begin(FILE, fileRecordBytes(uri.length, version.length), fileId);
    this.bytes.writeDoubleLE(lengthBytes, at + BODY_AT + FILE_ID_BYTES);
    this.bytes.writeUInt16LE(uri.length, at + BODY_AT + FILE_ID_BYTES + 8);
    this.bytes.writeUInt16LE(version.length, at + BODY_AT + FILE_ID_BYTES + 10);
    this.bytes.set(uri, at + FILE_FIXED_BYTES);
    this.bytes.set(version, at + FILE_FIXED_BYTES + uri.length);
    this.#end(at);
  }

  /** @param entries page index, checksum low, checksum high of each page, as they stand in a Uint32Array */
  pages(fileId: Uint8Array, entries: Uint32Array, count: number): void {
    this.pagesTotal += count;
    const at = this.#begin(PAGES, pagesRecordBytes(count), fileId);
    this.#words[(at + BODY_AT + FILE_ID_BYTES) / 4] = count;
    let word = (at + PAGES_FIXED_BYTES) / 4;
    for (let i = 0; i < count * 3; i += 3, word += 4) {
      this.#words[word] = entries[i]!;
      this.#words[word + 2] = entries[i + 1]!;
      this.#words[word + 3] = entries[i + 2]!;
    }
    this.#end(at);
  }

  pageGone(fileId: Uint8Array, pageIndex: number): void {
    const at = this.#begin(PAGE_GONE, GONE_RECORD_BYTES, fileId);
    this.bytes.writeUInt32LE(pageIndex, at + BODY_AT + FILE_ID_BYTES);
    this.#end(at);
  }

  fileGone(fileId: Uint8Array): void {
    this.#end(this.#begin(FILE_GONE, GONE_RECORD_BYTES, fileId));
  }

  /** @param counts of the snapshot's records: what a reader makes room for at once */
  end(counts: SnapshotCounts): void {
    const at = this.#begin(END, GONE_RECORD_BYTES, new Uint8Array(FILE_ID_BYTES));
    this.#words[(at + BODY_AT) / 4] = counts.files;
    this.#words[(at + BODY_AT) / 4 + 1] = counts.pages;
    this.#end(at);
  }

  #begin(kind: number, bytes: number, fileId: Uint8Array): number {
    const at = this.length;
    this.bytes.fill(0, at, at + bytes);
    this.bytes[at] = kind;
    this.bytes.writeUInt16LE(bytes / 4, at + 2);
    this.#words[at / 4 + 1] = this.sequence++;
    this.bytes.set(fileId, at + BODY_AT);
    this.length += bytes;
    this.records++;
    return at;
  }

  #end(at: number): void {
    this.#words[at / 4 + 2] = recordChecksum(this.#words, at / 4, this.length / 4);
  }
}

/** Over kind, length, sequence and body. */
function recordChecksum(words: Uint32Array, from: number, to: number): number {
  const head = wordsChecksum(words, from, from + 2, 0x616c7578);
  return wordsChecksum(words, from + 3, to, head);
}

/** What a reader of records is told. Byte ranges are valid during the call only. */
export interface RecordVisitor {
  /** Before anything else, when a whole snapshot follows. */
  expect(counts: SnapshotCounts): void;
  file(file: { readonly fileId: Uint8Array; readonly lengthBytes: number; readonly uri: Uint8Array; readonly version: Uint8Array }): void;
  /** Once per run of pages of one file; `page` follows for each. */
  pages(fileId: Uint8Array): void;
  page(pageIndex: number, checksumLow: number, checksumHigh: number): void;
  pageGone(fileId: Uint8Array, pageIndex: number): void;
  fileGone(fileId: Uint8Array): void;
}

/** Decodes the records of one file, fed in pieces. */
export class RecordReader {
  readonly #visitor: RecordVisitor;
  #sequence = -1;
  /** A whole snapshot's last record was seen. */
  sawEnd = false;

  constructor(visitor: RecordVisitor) {
    this.#visitor = visitor;
  }

  get lastSequence(): number {
    return this.#sequence;
  }

  /**
   * Decodes whole records from the start of `bytes` (8-aligned memory).
   * @returns bytes consumed, and whether what follows can never be a record (`isTorn`); otherwise more bytes are needed
   */
  read(bytes: Buffer): { readonly consumed: number; readonly isTorn: boolean } {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    let at = 0;
    while (at + RECORD_HEAD_BYTES <= bytes.length) {
      const size = (words[at / 4]! >>> 16) * 4;
      if (!isPlausible(bytes[at]!, size) || words[at / 4 + 1]! <= this.#sequence) return { consumed: at, isTorn: true };
      if (at + size > bytes.length) return { consumed: at, isTorn: false };
      if (words[at / 4 + 2] !== recordChecksum(words, at / 4, (at + size) / 4)) return { consumed: at, isTorn: true };
      this.#sequence = words[at / 4 + 1]!;
      this.#visit({ bytes, words, at, end: at + size });
      at += size;
    }
    return { consumed: at, isTorn: false };
  }

  #visit({ bytes, words, at, end }: RecordPlace): void {
    const fileId = bytes.subarray(at + BODY_AT, at + BODY_AT + FILE_ID_BYTES);
    const kind = bytes[at];
    if (kind === FILE) {
      const uriEnd = at + FILE_FIXED_BYTES + bytes.readUInt16LE(at + BODY_AT + FILE_ID_BYTES + 8);
      const versionEnd = uriEnd + bytes.readUInt16LE(at + BODY_AT + FILE_ID_BYTES + 10);
      const lengthBytes = bytes.readDoubleLE(at + BODY_AT + FILE_ID_BYTES);
      this.#visitor.file({ fileId, lengthBytes, uri: bytes.subarray(at + FILE_FIXED_BYTES, uriEnd), version: bytes.subarray(uriEnd, versionEnd) });
    } else if (kind === PAGES) {
      this.#visitor.pages(fileId);
      for (let word = (at + PAGES_FIXED_BYTES) / 4; word < end / 4; word += 4) this.#visitor.page(words[word]!, words[word + 2]!, words[word + 3]!);
    } else if (kind === PAGE_GONE) this.#visitor.pageGone(fileId, bytes.readUInt32LE(at + BODY_AT + FILE_ID_BYTES));
    else if (kind === FILE_GONE) this.#visitor.fileGone(fileId);
    else this.sawEnd = true;
  }
}

/** A whole record in the bytes that were read. */
interface RecordPlace {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly at: number;
  readonly end: number;
}

function isPlausible(kind: number, bytes: number): boolean {
  switch (kind) {
    case FILE:
      return bytes >= FILE_FIXED_BYTES;
    case PAGES:
      return bytes >= PAGES_FIXED_BYTES && (bytes - PAGES_FIXED_BYTES) % PAGE_ENTRY_BYTES === 0;
    case PAGE_GONE:
    case FILE_GONE:
    case END:
      return bytes === GONE_RECORD_BYTES;
    default:
      return false;
  }
}
