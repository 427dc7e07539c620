// Whether a page gets in, and where: directory (sticky per file, by free space), room, records, blocks. A refusal is a value and leaves nothing behind.
import { constants as osConstants } from 'node:os';
import { invariant } from '../common/errors/index.ts';
import type { FileSlot, Refusal } from './contracts.ts';
import type { Descriptors } from './descriptors.ts';
import { uninterrupted, unlinkPageFile } from './directory/page-files.ts';
import type { PageDirectory } from './directory/page-directory.ts';
import type { FileIndex } from './file-table.ts';
import { PageReservation } from './page-reservation.ts';
import type { Reclaimer } from './reclaimer.ts';
import { directoryOf, type StoreState } from './store-state.ts';

const { ENOSPC, EDQUOT, EFBIG, EOPNOTSUPP, ENOSYS, EINVAL } = osConstants.errno;
const CANNOT = new Set([-EOPNOTSUPP, -ENOSYS, -EINVAL]);

export class Admission {
  readonly #state: StoreState;
  readonly #descriptors: Descriptors;
  readonly #reclaimer: Reclaimer;
  /** Reservations that have not ended. */
  readonly #open = new Set<PageReservation>();

  constructor(state: StoreState, descriptors: Descriptors, reclaimer: Reclaimer) {
    this.#state = state;
    this.#descriptors = descriptors;
    this.#reclaimer = reclaimer;
  }

  get open(): number {
    return this.#open.size;
  }

  reserve(file: FileSlot, pageIndex: number): PageReservation | Refusal {
    const { files, pages } = this.#state;
    const fileIndex = files.indexOf(file);
    if (fileIndex === undefined) return 'filtered'; // the record has gone since the slot was given out
    invariant(Number.isInteger(pageIndex) && pageIndex >= 0 && pageIndex < files.pagesTotal(fileIndex), 'a page that the file does not have');
    if (pages.find(fileIndex, pageIndex) !== undefined || this.#reclaimer.isRetiring(fileIndex)) return 'already-filling';
    const directory = this.#directoryFor(fileIndex);
    if (directory === undefined) return 'no-healthy-directory';
    const bytes = directory.blocksOf(files.pageLength(fileIndex, pageIndex));
    if (!this.#reclaimer.makeRoom(directory, bytes) || !this.#makeRecord(directory) || !directory.log.isRoomy) return 'full';
    // Making room may have taken the file's own last page, and the file with it.
    if (files.indexOf(file) === undefined || this.#reclaimer.isRetiring(fileIndex)) return 'full';
    files.setDirectory(fileIndex, directory.number);
    return this.#allocate({ file, fileIndex, pageIndex, directory, bytes });
  }

  abortAll(): void {
    for (const reservation of this.#open) reservation.abort();
  }

  #directoryFor(file: FileIndex): PageDirectory | undefined {
    const sticky = directoryOf(this.#state, file);
    if (sticky !== undefined) return sticky.health.canStore ? sticky : undefined;
    let best: PageDirectory | undefined;
    for (const directory of this.#state.directories) if (directory.health.canStore && (best === undefined || directory.freeBytes > best.freeBytes)) best = directory;
    return best;
  }

  #makeRecord(directory: PageDirectory): boolean {
    return !this.#state.pages.isFull || (this.#reclaimer.evict(directory, 1) && !this.#state.pages.isFull);
  }

  #allocate(want: {
    readonly file: FileSlot;
    readonly fileIndex: FileIndex;
    readonly pageIndex: number;
    readonly directory: PageDirectory;
    readonly bytes: number;
  }): PageReservation | Refusal {
    const state = this.#state;
    const { directory, fileIndex, pageIndex, bytes } = want;
    let fd: number;
    try {
      fd = this.#descriptors.forFilling(fileIndex);
    } catch (error) {
      this.#forgetDirectory(fileIndex);
      return directory.health.noteError(error) ? 'no-healthy-directory' : 'full';
    }
    const refusal = this.#preallocate(directory, { fd, offset: pageIndex * state.pageSizeBytes, bytes });
    // Making room on the disk may have taken the file's own last page: then its descriptors are of a file that is unlinked.
    const isStill = state.files.directory(fileIndex) === directory.number && !this.#reclaimer.isRetiring(fileIndex);
    if (refusal === undefined && isStill && this.#descriptors.ensure(fileIndex) !== undefined) {
      const page = state.pages.add(fileIndex, pageIndex);
      directory.reservedBytes += bytes;
      state.files.reservedBytes[fileIndex]! += bytes;
      const { file } = want;
      const onEnd = (ended: PageReservation): boolean => this.#open.delete(ended);
      const reservation = new PageReservation({
        state,
        descriptors: this.#descriptors,
        reclaimer: this.#reclaimer,
        directory,
        file,
        fileIndex,
        page,
        fd,
        chargedBytes: bytes,
        onEnd,
      });
      this.#open.add(reservation);
      return reservation;
    }
    this.#undo(directory, fileIndex, { fd, offset: pageIndex * state.pageSizeBytes, bytes });
    return refusal ?? (isStill ? 'no-healthy-directory' : 'full');
  }

  /** Blocks first: ENOSPC shows here and not in the middle of a page. One more try after evicting, since others may share the disk. */
  #preallocate(directory: PageDirectory, range: { readonly fd: number; readonly offset: number; readonly bytes: number }): Refusal | undefined {
    for (let attempt = 0; ; attempt++) {
      const result = uninterrupted(() => this.#state.calls.preallocate(range.fd, range.offset, range.bytes));
      if (result === 0 || CANNOT.has(result)) return undefined;
      if (result === -EFBIG) return 'filtered'; // the file system has no files that long
      if (result !== -ENOSPC && result !== -EDQUOT) {
        directory.health.noteError({ code: 'EIO' });
        return 'no-healthy-directory';
      }
      if (attempt > 0 || !this.#reclaimer.evict(directory, range.bytes)) return 'full';
    }
  }

  #undo(directory: PageDirectory, file: FileIndex, range: { readonly fd: number; readonly offset: number; readonly bytes: number }): void {
    const { files, calls } = this.#state;
    if (directory.canPunch) calls.punchHole(range.fd, range.offset, range.bytes);
    this.#descriptors.doneFilling(file);
    if (files.firstPage[file] !== 0 || files.fills[file] !== 0 || !this.#descriptors.close(file)) {
      this.#reclaimer.recharge(directory, file);
      return;
    }
    try {
      unlinkPageFile(directory.fileOf(files.fileId(file)));
    } catch (error) {
      directory.health.noteError(error);
    }
    this.#forgetDirectory(file);
  }

  #forgetDirectory(file: FileIndex): void {
    if (this.#state.files.firstPage[file] === 0) this.#state.files.setDirectory(file, undefined);
  }
}
