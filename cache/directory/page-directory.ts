// One directory of the store at run time: what it holds, what it may hold, its index, evictor and health. Owns the account of its blocks.
import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DirectoryLock } from '../../common/syscall/files.ts';
import type { Evictor } from '../contracts.ts';
import type { FileIndex, FileTable } from '../file-table.ts';
import type { IndexLog } from '../index-log/index-log.ts';
import { CONTROL_DIRECTORIES, HAND_OUT_UNIT_BYTES } from '../shared-layout.ts';
import type { DirectoryHealth } from './directory-health.ts';
import { pageFilePath } from './page-files.ts';

/** Of a directory's capacity, at most so much may be in files that left the store's hands. */
export const HAND_OUT_SHARE = 0.5;
const FOLDERS = 256;

export interface PageDirectoryOptions {
  readonly number: number;
  readonly path: string;
  readonly capacityBytes: number;
  readonly marginShare: number;
  readonly canPunch: boolean;
  readonly lock: DirectoryLock;
  readonly evictor: Evictor;
  readonly health: DirectoryHealth;
  readonly log: IndexLog;
  readonly control: Int32Array;
  /** Whether it can be told that a file is open elsewhere: without that nothing is handed out. */
  readonly canHandOut: boolean;
}

export class PageDirectory {
  readonly number: number;
  readonly path: string;
  readonly capacityBytes: number;
  /** What pages, index and reservations together may take. */
  readonly limitBytes: number;
  readonly canPunch: boolean;
  readonly evictor: Evictor;
  readonly health: DirectoryHealth;
  readonly log: IndexLog;
  /** Smallest unit of allocation. */
  readonly blockBytes: number;
  readonly #lock: DirectoryLock;
  readonly #control: Int32Array;
  readonly #handOutBytes: number;
  readonly #folders = new Uint32Array(FOLDERS);
  #folderBytes = 0;
  /** Charged to files. */
  pageBytes = 0;
  reservedBytes = 0;
  #lingeringBytes = 0;

  constructor(options: PageDirectoryOptions) {
    this.number = options.number;
    this.path = options.path;
    this.capacityBytes = options.capacityBytes;
    this.limitBytes = Math.floor(options.capacityBytes * (1 - options.marginShare));
    this.canPunch = options.canPunch;
    this.evictor = options.evictor;
    this.health = options.health;
    this.log = options.log;
    this.blockBytes = statfsSync(options.path).bsize;
    this.#lock = options.lock;
    this.#control = options.control;
    this.#handOutBytes = options.canHandOut ? options.capacityBytes * HAND_OUT_SHARE : 0;
    this.lingeringBytes = 0;
  }

  get usedBytes(): number {
    return this.pageBytes + this.#lingeringBytes + this.log.allocatedBytes + this.#folderBytes;
  }
  get committedBytes(): number {
    return this.usedBytes + this.reservedBytes;
  }
  get freeBytes(): number {
    return this.limitBytes - this.committedBytes;
  }

  /** Unlinked files that someone else still has open: their blocks are not free, and they count against the handed-out share. */
  get lingeringBytes(): number {
    return this.#lingeringBytes;
  }
  set lingeringBytes(bytes: number) {
    this.#lingeringBytes = bytes;
    const share = Math.max(0, this.#handOutBytes - bytes);
    Atomics.store(this.#control, CONTROL_DIRECTORIES + 2 * this.number + 1, Math.floor(share / HAND_OUT_UNIT_BYTES));
  }

  /** Whole blocks that `bytes` take. */
  blocksOf(bytes: number): number {
    return Math.ceil(bytes / this.blockBytes) * this.blockBytes;
  }
  fileOf(fileId: Uint8Array): string {
    return pageFilePath(this.path, fileId);
  }

  /** Puts what a file's blocks really take in the place of what was charged before. */
  charge(files: FileTable, file: FileIndex, bytes: number): void {
    this.pageBytes += bytes - files.chargedBytes[file]!;
    files.chargedBytes[file] = bytes;
  }

  /** A folder takes a block as soon as it has a file. */
  noteFolder(folder: number): void {
    if (this.#folders[folder] !== 0) return;
    this.#folders[folder] = this.blockBytes;
    this.#folderBytes += this.blockBytes;
  }
  measureFolder(folder: number): void {
    const name = folder.toString(16).padStart(2, '0');
    const bytes = (statSync(join(this.path, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512;
    this.#folderBytes += bytes - this.#folders[folder]!;
    this.#folders[folder] = bytes;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.log.close();
    this.#lock.release();
  }
}
