// Descriptors of page files: read-only ones that the readers use (bounded, oldest closed first, never under a reader), and one for writing while a file has fills.
import { closeSync, fstatSync } from 'node:fs';
import { CacheError } from '../common/errors/index.ts';
import { openForFilling, openForReading } from './directory/page-files.ts';
import type { FileIndex } from './file-table.ts';
import { FLAG_HANDED_OUT, FLAG_PREVIOUS_LIFE } from './shared-layout.ts';
import { SlotOrder } from './slot-order.ts';
import { directoryOf, HAND_OUT_GRACE_SECONDS, type StoreState } from './store-state.ts';

const CLOSE_ATTEMPTS = 64;

/** `shared`: someone else has the file open, or may have. `unknown`: the file system cannot tell. */
export type Exclusivity = 'exclusive' | 'shared' | 'unknown';

export class Descriptors {
  readonly #state: StoreState;
  readonly #openMax: number;
  readonly #order: SlotOrder;
  /** Somebody removed the page file: its pages are to be dropped. */
  readonly #onMissing: (file: FileIndex) => void;

  constructor(state: StoreState, options: { readonly openMax: number; readonly onMissing: (file: FileIndex) => void }) {
    this.#state = state;
    this.#openMax = options.openMax;
    this.#order = new SlotOrder(state.files.filesMax);
    this.#onMissing = options.onMissing;
  }

  get open(): number {
    return this.#order.size;
  }

  /** The file was used: it is closed later. */
  touch(file: FileIndex): void {
    if (this.#order.has(file)) this.#order.append(file);
  }

  /** Opens the file for the readers when it is not. undefined: it cannot be opened. */
  ensure(file: FileIndex): number | undefined {
    const { files } = this.#state;
    const known = files.descriptor(file);
    if (known !== undefined) {
      this.touch(file);
      return known;
    }
    const directory = directoryOf(this.#state, file);
    if (directory === undefined || !directory.health.canServe) return undefined;
    this.#makeRoom();
    try {
      const fd = openForReading(directory.fileOf(files.fileId(file)));
      this.#prove(file, fd); // nobody here has it open yet: now is when an earlier life's readers show
      files.publishDescriptor(file, fd);
      this.#order.append(file);
      return fd;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#onMissing(file);
      else directory.health.noteError(error);
      return undefined;
    }
  }

  /** The descriptor for writing; ends with `doneFilling`, as often as it was asked for. @throws errors of the file system, Internal when somebody replaced the file */
  forFilling(file: FileIndex): number {
    const { files } = this.#state;
    const directory = directoryOf(this.#state, file)!;
    if (files.writeDescriptor[file] === 0) {
      if (files.hasFlag(file, FLAG_PREVIOUS_LIFE)) this.exclusivity(file);
      this.#makeRoom();
      const fd = openForFilling(directory.fileOf(files.fileId(file)));
      this.#refuseReplaced(file, fd);
      files.writeDescriptor[file] = fd + 1;
      directory.noteFolder(files.folder(file));
    }
    files.fills[file]!++;
    return files.writeDescriptor[file]! - 1;
  }

  doneFilling(file: FileIndex): void {
    const { files } = this.#state;
    files.fills[file]!--;
    if (files.fills[file] === 0) this.#closeWriting(file);
  }

  /** Whether nobody outside this store has the file open. Exclusive clears the flags: the file may be punched again. */
  exclusivity(file: FileIndex): Exclusivity {
    const { files, calls } = this.#state;
    if (!files.hasFlag(file, FLAG_HANDED_OUT | FLAG_PREVIOUS_LIFE)) return 'exclusive';
    if (!calls.native) return 'unknown';
    if (files.fills[file] !== 0 || this.#isInGrace(file) || !this.close(file)) return 'shared';
    const fd = this.ensure(file); // a fresh description: one that was given away would not see its own copies
    if (fd === undefined) return 'shared';
    if (!files.hasFlag(file, FLAG_HANDED_OUT | FLAG_PREVIOUS_LIFE)) return 'exclusive';
    return calls.isOnlyOpener(fd) === undefined ? 'unknown' : 'shared';
  }

  /** Closes the reading descriptor. false: a reader is using it, or may be duplicating it. */
  close(file: FileIndex): boolean {
    const { files } = this.#state;
    if (files.descriptor(file) === undefined) return true;
    if (this.#isInGrace(file)) return false;
    const fd = files.withdrawDescriptor(file);
    if (fd === undefined) return false;
    if (this.#isInGrace(file)) {
      // Handed out between the look and the withdrawal: from the withdrawal on nobody gets it, so this second look decides.
      files.publishDescriptor(file, fd);
      return false;
    }
    this.#order.remove(file);
    closeSync(fd);
    return true;
  }

  /** Takes the descriptor out without closing it: the caller does, later. undefined: there is none, or it is in use. */
  withdraw(file: FileIndex): number | undefined {
    const fd = this.#state.files.withdrawDescriptor(file);
    if (fd !== undefined) this.#order.remove(file);
    return fd;
  }

  closeAll(): void {
    const { files } = this.#state;
    for (const file of files.indexes()) {
      const fd = files.withdrawDescriptor(file);
      if (fd !== undefined) closeSync(fd);
      this.#order.remove(file);
      this.#closeWriting(file);
    }
  }

  /** Somebody removed the page file under its readers: they would not see what is written to the new one. @throws ESTALE, its pages dropped */
  #refuseReplaced(file: FileIndex, fd: number): void {
    const known = this.#state.files.descriptor(file);
    if (known === undefined || fstatSync(known).ino === fstatSync(fd).ino) return;
    closeSync(fd);
    this.#onMissing(file);
    throw new CacheError('Internal', 'The page file was replaced while it was in use.', { source: 'worker', cause: Object.assign(new RangeError('replaced'), { code: 'ESTALE' }) });
  }

  #prove(file: FileIndex, fd: number): void {
    const { files, calls } = this.#state;
    if (!files.hasFlag(file, FLAG_HANDED_OUT | FLAG_PREVIOUS_LIFE) || files.writeDescriptor[file] !== 0) return;
    if (calls.isOnlyOpener(fd) === true) files.clearFlags(file);
  }

  #isInGrace(file: FileIndex): boolean {
    const { files } = this.#state;
    return files.hasFlag(file, FLAG_HANDED_OUT) && Date.now() / 1000 - files.handedOutAtSeconds(file) < HAND_OUT_GRACE_SECONDS;
  }

  #closeWriting(file: FileIndex): void {
    const { files } = this.#state;
    if (files.writeDescriptor[file] === 0) return;
    closeSync(files.writeDescriptor[file]! - 1);
    files.writeDescriptor[file] = 0;
  }

  #makeRoom(): void {
    for (let attempt = 0; this.#order.size >= this.#openMax && attempt < CLOSE_ATTEMPTS; attempt++) {
      const oldest = this.#order.first!;
      if (!this.close(oldest)) this.#order.append(oldest);
    }
  }
}
