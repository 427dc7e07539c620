// The recovery log of one directory: records are gathered and written in groups (20 ms or 1,000 records), and a snapshot takes its place when it has grown. Single
// writer, main thread. Not synced to the device: a crash of the process loses at most the last group, a crash of the machine is caught by the pages' checksums.
import { closeSync, fdatasync, fstatSync, openSync, readdirSync, renameSync, rmSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { FileCalls } from '../../common/syscall/files.ts';
import { encodeHeader, fileRecordBytes, GONE_RECORD_BYTES, HEADER_BYTES, pagesRecordBytes, RECORD_BYTES_MAX, RecordBuffer } from './record-codec.ts';
import { logName, type RecoveredIndex, snapshotName } from './recovery.ts';

export const GROUP_MS = 20;
export const GROUP_RECORDS = 1000;
const BUFFER_BYTES = 1024 * 1024;
/** A log that goes on after a crash leaves this many sequences out. */
const SEQUENCE_JUMP = 1 << 20;
/** Beyond it a new log begins at the next start. */
const SEQUENCE_LIMIT = 2 ** 31;
const SNAPSHOT_AFTER_BYTES = 4 * 1024 * 1024;
const SNAPSHOT_GROUP_BYTES = 256 * 1024;
const SNAPSHOT_RETRY_MS = 5000;

export interface IndexLogOptions {
  readonly folder: string;
  readonly pageSizeBytes: number;
  readonly calls: FileCalls;
  /** Blocks are taken from the file system in steps of this size; half a step is always left, so that tombstones can be written on a full disk. */
  readonly stepBytes: number;
  /** A write failed; what was not written is kept and tried again with the next group. */
  readonly onError: (error: unknown) => void;
}

/** Writes the whole state into `buffer` in small steps; a step ends at each yield. */
export type SnapshotSource = (buffer: RecordBuffer, entries: Uint32Array) => Iterable<void>;

const syncData = promisify(fdatasync);

/** The log being written. */
interface LogTail {
  readonly fd: number;
  readonly number: number;
  endBytes: number;
  preallocatedBytes: number;
}

export class IndexLog {
  readonly #options: IndexLogOptions;
  readonly #pending: RecordBuffer;
  readonly #pageEntry = new Uint32Array(3);
  #tail: LogTail;
  #snapshotBytes: number;
  #folderBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #lostRecords = false;
  #snapshotNotBeforeMs = 0;
  #snapshotting: Promise<void> | undefined;

  /** @throws errors of the file system; ENOSPC when the first step cannot be allocated */
  constructor(options: IndexLogOptions, recovered: RecoveredIndex) {
    this.#options = options;
    this.#snapshotBytes = recovered.snapshotBytes;
    const canGoOn = recovered.logEndBytes >= HEADER_BYTES && recovered.lastSequence < SEQUENCE_LIMIT;
    this.#pending = new RecordBuffer(BUFFER_BYTES + RECORD_BYTES_MAX + 8, canGoOn ? recovered.lastSequence + SEQUENCE_JUMP : 1);
    this.#tail = this.#openLog(canGoOn ? recovered.logNumber : recovered.logNumber + 1, canGoOn ? recovered.logEndBytes : 0);
    this.#removeLeftovers(recovered.liveNames);
    this.#measureFolder();
  }

  /** Bytes of blocks that the folder takes. */
  get allocatedBytes(): number {
    return this.#folderBytes;
  }
  get isRoomy(): boolean {
    return !this.#lostRecords && this.#pending.fits(BUFFER_BYTES / 2);
  }
  get wantsSnapshot(): boolean {
    const isDue = this.#lostRecords || this.#tail.endBytes > Math.max(SNAPSHOT_AFTER_BYTES, 2 * this.#snapshotBytes);
    return isDue && performance.now() >= this.#snapshotNotBeforeMs;
  }

  file(fileId: Uint8Array, lengthBytes: number, identity: { readonly uri: Uint8Array; readonly version: Uint8Array }): void {
    if (this.#makeRoom(fileRecordBytes(identity.uri.length, identity.version.length))) this.#pending.file(fileId, lengthBytes, identity.uri, identity.version);
    this.#schedule();
  }
  page(fileId: Uint8Array, pageIndex: number, checksum: { readonly low: number; readonly high: number }): void {
    if (!this.#makeRoom(pagesRecordBytes(1))) return;
    this.#pageEntry[0] = pageIndex;
    this.#pageEntry[1] = checksum.low;
    this.#pageEntry[2] = checksum.high;
    this.#pending.pages(fileId, this.#pageEntry, 1);
    this.#schedule();
  }
  pageGone(fileId: Uint8Array, pageIndex: number): void {
    if (this.#makeRoom(GONE_RECORD_BYTES)) this.#pending.pageGone(fileId, pageIndex);
    this.#schedule();
  }
  fileGone(fileId: Uint8Array): void {
    if (this.#makeRoom(GONE_RECORD_BYTES)) this.#pending.fileGone(fileId);
    this.#schedule();
  }

  /** Writes what is pending. @returns false when it could not (onError was told; it stays pending) */
  flush(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.length === 0 || this.#isClosed) return true;
    try {
      this.#extend(this.#tail, this.#pending.length);
      writeAll(this.#tail.fd, this.#pending.bytes.subarray(0, this.#pending.length), this.#tail.endBytes);
      this.#tail.endBytes += this.#pending.length;
      this.#pending.reset();
      return true;
    } catch (error) {
      this.#options.onError(error);
      if (!this.#isClosed) this.#timer = setTimeout(() => this.flush(), GROUP_MS * 10).unref();
      return false;
    }
  }

  /**
   * Starts a new log, then writes a snapshot of the state in steps while the log goes on: the log's records are applied over the snapshot at the next start, in whatever
   * order the snapshot saw them, with the same result. One at a time: a call during a snapshot waits for that one.
   */
  snapshot(source: SnapshotSource): Promise<void> {
    this.#snapshotting ??= this.#writeSnapshot(source).finally(() => (this.#snapshotting = undefined));
    return this.#snapshotting;
  }

  /** Flushes and closes. Idempotent. */
  async close(): Promise<void> {
    await this.#snapshotting?.catch(() => undefined);
    if (this.#isClosed) return;
    this.flush();
    clearTimeout(this.#timer);
    this.#isClosed = true;
    closeSync(this.#tail.fd);
  }

  /** Closes without writing: the store never came to be. */
  discard(): void {
    clearTimeout(this.#timer);
    this.#isClosed = true;
    closeSync(this.#tail.fd);
  }

  async #writeSnapshot(source: SnapshotSource): Promise<void> {
    if (!this.flush()) {
      if (!this.#lostRecords) return;
      this.#pending.reset(); // the snapshot has all of it, and what was lost besides
    }
    const previousFd = this.#tail.fd;
    this.#tail = this.#openLog(this.#tail.number + 1, 0);
    this.#pending.sequence = 1;
    closeSync(previousFd);
    const hadLost = this.#lostRecords;
    this.#lostRecords = false; // what is lost from here on is another snapshot's business
    const { number } = this.#tail;
    const path = join(this.#options.folder, snapshotName(number));
    try {
      const sink = { path: `${path}.tmp`, pageSizeBytes: this.#options.pageSizeBytes, onGrowth: (by: number) => (this.#folderBytes += by) };
      this.#snapshotBytes = await writeSnapshotFile(sink, source);
      renameSync(sink.path, path);
      await syncFolder(this.#options.folder); // the new name is on the device before an old one goes
    } catch (error) {
      this.#lostRecords ||= hadLost;
      this.#snapshotNotBeforeMs = performance.now() + SNAPSHOT_RETRY_MS;
      rmSync(`${path}.tmp`, { force: true });
      throw error;
    }
    this.#removeLeftovers([snapshotName(number), logName(number)]);
    this.#measureFolder();
  }

  #openLog(number: number, endBytes: number): LogTail {
    const fd = openSync(join(this.#options.folder, logName(number)), endBytes === 0 ? 'w+' : 'r+', 0o600);
    const tail = { fd, number, endBytes, preallocatedBytes: endBytes };
    try {
      this.#extend(tail, HEADER_BYTES);
      if (endBytes === 0) writeAll(fd, encodeHeader('log', this.#options.pageSizeBytes), 0);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    tail.endBytes = Math.max(endBytes, HEADER_BYTES);
    return tail;
  }

  /** Keeps half a step of allocated blocks ahead of the end, as far as there are any: a write into what is allocated succeeds on a full disk. */
  #extend(tail: LogTail, bytes: number): void {
    const { calls, stepBytes } = this.#options;
    const wanted = tail.endBytes + bytes + stepBytes / 2;
    if (wanted <= tail.preallocatedBytes) return;
    const length = Math.ceil((wanted - tail.preallocatedBytes) / stepBytes) * stepBytes;
    if (calls.preallocate(tail.fd, tail.preallocatedBytes, length) === 0) tail.preallocatedBytes += length;
    this.#measureFolder();
  }

  /** false: nothing can be written and the buffer is full; the record is lost and a snapshot will be needed. */
  #makeRoom(bytes: number): boolean {
    if (this.#pending.records >= GROUP_RECORDS || this.#pending.length + bytes > BUFFER_BYTES) this.flush();
    if (this.#pending.fits(bytes)) return true;
    this.#lostRecords = true;
    return false;
  }

  #schedule(): void {
    if (this.#pending.records >= GROUP_RECORDS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GROUP_MS).unref();
  }

  #measureFolder(): void {
    let bytes = 0;
    for (const name of readdirSync(this.#options.folder)) bytes += (statSync(join(this.#options.folder, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512;
    this.#folderBytes = bytes;
  }

  #removeLeftovers(live: readonly string[]): void {
    const keep = new Set([...live, logName(this.#tail.number)]);
    for (const name of readdirSync(this.#options.folder)) if (/^(log|snapshot)-\d+(\.tmp)?$/.test(name) && !keep.has(name)) unlinkSync(join(this.#options.folder, name));
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written, bytes.length - written, position + written);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

interface SnapshotSink {
  readonly path: string;
  readonly pageSizeBytes: number;
  /** Bytes that the file grew by. */
  readonly onGrowth: (bytes: number) => void;
}

async function writeSnapshotFile(sink: SnapshotSink, source: SnapshotSource): Promise<number> {
  const fd = openSync(sink.path, 'w', 0o600);
  try {
    writeAll(fd, encodeHeader('snapshot', sink.pageSizeBytes), 0);
    const buffer = new RecordBuffer(SNAPSHOT_GROUP_BYTES + 2 * RECORD_BYTES_MAX, 1);
    let position = HEADER_BYTES;
    const drain = (): void => {
      writeAll(fd, buffer.bytes.subarray(0, buffer.length), position);
      position += buffer.length;
      sink.onGrowth(buffer.length);
      buffer.reset();
    };
    for (const _ of source(buffer, new Uint32Array(3 * 4096))) {
      if (buffer.length < SNAPSHOT_GROUP_BYTES) continue;
      drain();
      await nextTurn();
    }
    buffer.end({ files: buffer.filesTotal, pages: buffer.pagesTotal });
    drain();
    await syncData(fd);
    return fstatSync(fd).size;
  } finally {
    closeSync(fd);
  }
}
