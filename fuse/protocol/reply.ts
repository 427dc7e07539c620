// Replies: one buffer per writer, the header in front of the body so that a reply is one write(2), the data of a READ aligned to a page.
import { FileType, ATTR_REPLY_BYTES, DIRENT_BYTES, ENTRY_BYTES, DirentType, OUT_HEADER_BYTES } from './layout.ts';

const TWO_32 = 0x1_0000_0000;
/** Where the body starts: a page border. */
export const BODY_AT = 4096;
const HEADER_AT = BODY_AT - OUT_HEADER_BYTES;
const BLOCK_BYTES = 512;
const IO_BLOCK_BYTES = 4096;

/** What stat(2) shows. */
export interface Attributes {
  readonly nodeId: number;
  readonly size: number;
  readonly mtimeMs: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Entry {
  readonly attributes: Attributes;
  readonly entryTimeoutMs: number;
  readonly attributeTimeoutMs: number;
}

export interface FileSystemStatistics {
  readonly blocks: number;
  readonly blockBytes: number;
  readonly nameBytesMax: number;
}

/** Longest timeout that is passed on: the kernel adds it to its clock. */
const TIMEOUT_MS_MAX = 10 * 365 * 86_400_000;

export class ReplyBuffer {
  readonly bytes: Buffer;
  readonly #words: Uint32Array;
  /** Body bytes so far. */
  length = 0;

  readonly memory: ArrayBuffer;

  /** @param room for the largest body, in bytes; or the memory of a reply that was written elsewhere */
  constructor(room: number | ArrayBuffer) {
    const memory = typeof room === 'number' ? new ArrayBuffer(BODY_AT + room) : room;
    this.memory = memory;
    this.bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
  }

  get bodyBytesMax(): number {
    return this.bytes.length - BODY_AT;
  }

  /** @returns where the body lies, at most so long */
  body(length: number): Buffer {
    return this.bytes.subarray(BODY_AT, BODY_AT + length);
  }

  reset(): this {
    this.length = 0;
    return this;
  }

  /**
   * Writes the header. @param errno 0, or a positive errno: the body is left out
   * @returns the bytes to write(2), all of them at once
   */
  finish(uniqueLow: number, uniqueHigh: number, errno: number): Buffer {
    const total = this.seal(uniqueLow, uniqueHigh, errno);
    return this.bytes.subarray(HEADER_AT, HEADER_AT + total);
  }

  /** As `finish`, for callers that write from `headerAt` themselves. @returns bytes in all */
  seal(uniqueLow: number, uniqueHigh: number, errno: number): number {
    const total = OUT_HEADER_BYTES + (errno === 0 ? this.length : 0);
    const at = HEADER_AT >> 2;
    this.#words[at] = total;
    this.#words[at + 1] = -errno;
    this.#words[at + 2] = uniqueLow;
    this.#words[at + 3] = uniqueHigh;
    return total;
  }

  get headerAt(): number {
    return HEADER_AT;
  }

  attributes(attributes: Attributes, timeoutMs: number): void {
    const at = this.#claim(ATTR_REPLY_BYTES);
    this.#time(at, at + 8, timeoutMs);
    this.#attributes(at + 16, attributes);
  }

  entry(entry: Entry): void {
    this.#entry(this.#claim(ENTRY_BYTES), entry);
  }

  /** Nothing has this name, and so it stays for a while. */
  missingEntry(timeoutMs: number): void {
    const at = this.#claim(ENTRY_BYTES);
    this.#time(at + 16, at + 32, timeoutMs);
  }

  open(handle: number, flags: number): void {
    const at = this.#claim(16);
    this.#number(at, handle);
    this.#words[(at + 8) >> 2] = flags;
  }

  statistics(statistics: FileSystemStatistics): void {
    const at = this.#claim(80);
    this.#number(at, statistics.blocks);
    this.#words[(at + 40) >> 2] = statistics.blockBytes;
    this.#words[(at + 44) >> 2] = statistics.nameBytesMax;
    this.#words[(at + 48) >> 2] = statistics.blockBytes;
  }

  /** Length of a value that was asked for with no room. */
  xattrSize(length: number): void {
    this.#words[this.#claim(8) >> 2] = length;
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, BODY_AT + this.length);
    this.length += bytes.length;
  }

  /**
   * Appends one name of a directory. @param entry present for READDIRPLUS; its node id 0 gives no attributes away
   * @returns false when it does not fit into `limit` bytes
   */
  dirent(
    name: Uint8Array,
    what: { readonly nodeId: number; readonly isDirectory: boolean; readonly nextOffset: number },
    limit: number,
    entry: Entry | 'none' | undefined,
  ): boolean {
    const head = entry === undefined ? 0 : ENTRY_BYTES;
    const need = head + ((DIRENT_BYTES + name.length + 7) & ~7);
    if (this.length + need > limit) return false;
    const at = this.#claim(need);
    if (entry !== undefined && entry !== 'none') this.#entry(at, entry);
    const dirent = at + head;
    this.#number(dirent, what.nodeId);
    this.#number(dirent + 8, what.nextOffset);
    this.#words[(dirent + 16) >> 2] = name.length;
    this.#words[(dirent + 20) >> 2] = what.isDirectory ? DirentType.Directory : DirentType.Regular;
    this.bytes.set(name, dirent + DIRENT_BYTES);
    return true;
  }

  /** Whether a name of READDIRPLUS fits into `limit` bytes. */
  fits(nameBytes: number, limit: number): boolean {
    return this.length + ENTRY_BYTES + ((DIRENT_BYTES + nameBytes + 7) & ~7) <= limit;
  }

  /** Zeroed room for `bytes` more of the body. @returns where it lies in `bytes` */
  #claim(bytes: number): number {
    const at = BODY_AT + this.length;
    this.bytes.fill(0, at, at + bytes);
    this.length += bytes;
    return at;
  }

  #entry(at: number, { attributes, entryTimeoutMs, attributeTimeoutMs }: Entry): void {
    this.#number(at, attributes.nodeId);
    this.#time(at + 16, at + 32, entryTimeoutMs);
    this.#time(at + 24, at + 36, attributeTimeoutMs);
    this.#attributes(at + 40, attributes);
  }

  #attributes(at: number, attributes: Attributes): void {
    const words = this.#words;
    const { size, mtimeMs, mode } = attributes;
    this.#number(at, attributes.nodeId);
    this.#number(at + 8, size);
    this.#number(at + 16, Math.ceil(size / BLOCK_BYTES));
    const seconds = Math.floor(mtimeMs / 1000);
    const nanoseconds = Math.floor((mtimeMs - seconds * 1000) * 1e6);
    for (const [i, secondsAt] of TIME_OFFSETS.entries()) {
      this.#number(at + secondsAt, seconds);
      words[(at + 48 + i * 4) >> 2] = nanoseconds;
    }
    words[(at + 60) >> 2] = mode;
    words[(at + 64) >> 2] = (mode & FileType.Directory) === FileType.Directory ? 2 : 1;
    words[(at + 68) >> 2] = attributes.uid;
    words[(at + 72) >> 2] = attributes.gid;
    words[(at + 80) >> 2] = IO_BLOCK_BYTES;
  }

  #time(secondsAt: number, nanosecondsAt: number, timeoutMs: number): void {
    const bounded = Math.min(Math.max(0, timeoutMs), TIMEOUT_MS_MAX);
    const seconds = Math.floor(bounded / 1000);
    this.#number(secondsAt, seconds);
    this.#words[nanosecondsAt >> 2] = Math.floor((bounded - seconds * 1000) * 1e6);
  }

  /** Negative numbers (times before 1970) as two's complement. */
  #number(at: number, value: number): void {
    this.#words[at >> 2] = value % TWO_32;
    this.#words[(at >> 2) + 1] = Math.floor(value / TWO_32);
  }
}

/** atime, mtime, ctime. */
const TIME_OFFSETS = [24, 32, 40] as const;
