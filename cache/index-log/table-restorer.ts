// The index told to the tables: at start into empty ones, and from the tables into a snapshot.
import type { Evictor } from '../contracts.ts';
import type { FileIndex, FileTable, RestoredFile } from '../file-table.ts';
import type { PageTable } from '../page-table.ts';
import { FLAG_PREVIOUS_LIFE, UNVERIFIED } from '../shared-layout.ts';
import type { SnapshotSource } from './index-log.ts';
import { PAGES_PER_RECORD_MAX, type RecordVisitor, type SnapshotCounts } from './record-codec.ts';

/** Builds the records of one directory; what does not fit into the tables, or lies in another directory already, is left to the garbage sweep. */
export class TableRestorer implements RecordVisitor {
  readonly #files: FileTable;
  readonly #pages: PageTable;
  readonly #evictor: Evictor;
  readonly #directory: number;
  #current: FileIndex | undefined;

  constructor(tables: { readonly files: FileTable; readonly pages: PageTable }, evictor: Evictor, directory: number) {
    this.#files = tables.files;
    this.#pages = tables.pages;
    this.#evictor = evictor;
    this.#directory = directory;
  }

  /** Of the first directory only: later ones grow the tables record by record. */
  expect(counts: SnapshotCounts): void {
    this.#files.expect(counts.files);
    this.#pages.expect(counts.pages);
  }

  file(file: RestoredFile): void {
    if (this.#files.isFull || this.#files.find(file.fileId) !== undefined) return;
    const index = this.#files.restore(file);
    this.#files.setDirectory(index, this.#directory);
    this.#files.setFlag(index, FLAG_PREVIOUS_LIFE);
    this.#files.isRecorded[index] = 1;
    this.#current = index;
  }

  pages(fileId: Uint8Array): void {
    if (this.#current !== undefined && this.#files.hasId(this.#current, fileId)) return; // as after each FILE of a snapshot
    const file = this.#files.find(fileId);
    this.#current = file !== undefined && this.#files.directory(file) === this.#directory ? file : undefined;
  }

  page(pageIndex: number, low: number, high: number): void {
    const file = this.#current;
    if (file === undefined || pageIndex >= this.#files.pagesTotal(file)) return;
    const known = this.#pages.find(file, pageIndex);
    if (known !== undefined) this.#remove(known); // filled again after a tombstone that a snapshot had already seen
    if (this.#pages.isFull) return;
    const slot = this.#pages.add(file, pageIndex);
    this.#pages.finish(slot, { low, high }, UNVERIFIED);
    this.#evictor.admitted(slot);
  }

  pageGone(fileId: Uint8Array, pageIndex: number): void {
    this.pages(fileId);
    const slot = this.#current === undefined ? undefined : this.#pages.find(this.#current, pageIndex);
    if (slot !== undefined) this.#remove(slot);
  }

  fileGone(fileId: Uint8Array): void {
    this.pages(fileId);
    const file = this.#current;
    if (file === undefined) return;
    const slots = [...this.#pages.ofFile(file)];
    for (const slot of slots) this.#remove(slot);
    this.#files.clearFlags(file);
    this.#files.remove(file);
    this.#current = undefined;
  }

  #remove(slot: number): void {
    this.#evictor.removed(slot);
    this.#pages.doom(slot);
    this.#pages.remove(slot);
  }
}

/** The state of one directory as records. A file that changes while it is written is right again after the log that follows the snapshot. */
export function snapshotOf(tables: { readonly files: FileTable; readonly pages: PageTable }, directory: number): SnapshotSource {
  const { files, pages } = tables;
  return function* (buffer, entries) {
    for (const file of files.indexes()) {
      if (files.directory(file) !== directory || files.isRecorded[file] === 0) continue; // a recorded file without pages too: the next page's record does not name it again
      const fileId = files.fileId(file);
      const { uri, version } = files.identityBytes(file);
      buffer.file(fileId, files.lengthBytes(file), uri, version);
      const slots = [...pages.ofFile(file)];
      yield;
      for (let from = 0; from < slots.length; from += PAGES_PER_RECORD_MAX) {
        // Turns pass between the steps: a slot may have been given back, or to another file.
        const live = slots.slice(from, from + PAGES_PER_RECORD_MAX).filter((slot) => pages.isComplete(slot) && pages.fileOf(slot) === file);
        live.forEach((slot, i) => entries.set([pages.indexOf(slot), pages.checksumLow(slot), pages.checksumHigh(slot)], i * 3));
        if (live.length > 0) buffer.pages(fileId, entries, live.length);
        yield;
      }
    }
  };
}
