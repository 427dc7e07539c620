// A page being filled: bytes to the file, then the watermark, then checksum, index record and residency.
import { writeSync } from 'node:fs';
import { CacheError, invariant } from '../common/errors/index.ts';
import { pageChecksum } from '../common/hash/index.ts';
import type { FileSlot, PageSlot, Reservation } from './contracts.ts';
import type { Descriptors } from './descriptors.ts';
import type { PageDirectory } from './directory/page-directory.ts';
import type { FileIndex } from './file-table.ts';
import type { Reclaimer } from './reclaimer.ts';
import { RESIDENT } from './shared-layout.ts';
import type { StoreState } from './store-state.ts';

export interface ReservedPage {
  readonly state: StoreState;
  readonly descriptors: Descriptors;
  readonly reclaimer: Reclaimer;
  readonly directory: PageDirectory;
  readonly file: FileSlot;
  readonly fileIndex: FileIndex;
  readonly page: PageSlot;
  /** Descriptor for writing. */
  readonly fd: number;
  readonly chargedBytes: number;
  /** Called once, when it ends in whatever way. */
  readonly onEnd: (reservation: PageReservation) => void;
}

export class PageReservation implements Reservation {
  readonly file: FileSlot;
  readonly page: PageSlot;
  readonly pageIndex: number;
  readonly lengthBytes: number;
  readonly #of: ReservedPage;
  readonly #startBytes: number;
  #phase: 'filling' | 'broken' | 'ended' = 'filling';

  constructor(reserved: ReservedPage) {
    const { pages, pageSizeBytes } = reserved.state;
    this.#of = reserved;
    this.file = reserved.file;
    this.page = reserved.page;
    this.pageIndex = pages.indexOf(reserved.page);
    this.lengthBytes = pages.lengthOf(reserved.page);
    this.#startBytes = this.pageIndex * pageSizeBytes;
  }

  write(offset: number, bytes: Uint8Array): void {
    const { pages } = this.#of.state;
    invariant(this.#phase === 'filling', 'write of a reservation that has ended or failed');
    invariant(offset === pages.watermarkOf(this.page), 'a page is written without gaps, from its start');
    invariant(offset + bytes.length <= this.lengthBytes, 'more bytes than the page has');
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#of.fd, bytes, written, bytes.length - written, this.#startBytes + offset + written);
    } catch (error) {
      this.#phase = 'broken';
      this.#of.directory.health.noteError(error);
      const isFull = (error as NodeJS.ErrnoException).code === 'ENOSPC';
      throw new CacheError(isFull ? 'CacheFull' : 'Internal', isFull ? 'The page-store directory is full.' : 'The page could not be written to its directory.', {
        source: 'worker',
        context: { path: this.#of.directory.path, pageIndex: this.pageIndex },
        cause: error,
      });
    }
    pages.setWatermark(this.page, offset + bytes.length);
  }

  commit(bytes: Uint8Array): void {
    const { state, directory, fileIndex } = this.#of;
    const { pages, files } = state;
    invariant(this.#phase === 'filling', 'commit of a reservation that has ended or failed');
    invariant(bytes.length === this.lengthBytes && pages.watermarkOf(this.page) === this.lengthBytes, 'commit of a page that was cut short');
    if (!directory.health.canServe) {
      throw new CacheError('Internal', 'The directory of the page failed while it was filled.', { source: 'worker', context: { path: directory.path } });
    }
    const hash = pageChecksum(bytes);
    const checksum = { low: Number(hash & 0xffffffffn), high: Number(hash >> 32n) };
    const fileId = files.fileId(fileIndex);
    if (files.isRecorded[fileIndex] === 0) directory.log.file(fileId, files.lengthBytes(fileIndex), files.identityBytes(fileIndex));
    files.isRecorded[fileIndex] = 1;
    directory.log.page(fileId, this.pageIndex, checksum);
    pages.finish(this.page, checksum, RESIDENT);
    directory.evictor.admitted(this.page);
    directory.health.noteSuccess();
    this.#end();
    state.emit({ kind: 'admitted', bytes: this.lengthBytes });
  }

  /** Idempotent, and without effect after commit. */
  abort(): void {
    if (this.#phase === 'ended') return;
    this.#end();
    this.#of.reclaimer.dropPages([this.page], { isRecorded: false });
  }

  #end(): void {
    const { state, directory, fileIndex, chargedBytes, reclaimer, descriptors, onEnd } = this.#of;
    this.#phase = 'ended';
    state.files.reservedBytes[fileIndex]! -= chargedBytes;
    directory.reservedBytes -= chargedBytes;
    reclaimer.recharge(directory, fileIndex);
    descriptors.doneFilling(fileIndex);
    onEnd(this);
  }
}
