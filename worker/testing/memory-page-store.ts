// Fake of the page store's main-thread part for unit tests of the worker: pages in memory, admission and disk errors by script. Counts open reservations.
import type { CachedFile, FileResidency, FileSlot, PageStore, PageStoreUsage, Refusal, Reservation, SharedPageTable } from '../../cache/contracts.ts';
import { CacheError, invariant } from '../../common/errors/index.ts';
import { fileIdHex, pageChecksum } from '../../common/hash/index.ts';

export class MemoryPageStore implements PageStore {
  readonly pageSizeBytes: number;
  readonly shared: SharedPageTable;
  refusal: Refusal | undefined;
  failWritesAfter = Infinity;
  openReservations = 0;
  readonly #files: CachedFile[] = [];
  readonly #pages = new Map<string, Buffer>();

  constructor(pageSizeBytes: number) {
    this.pageSizeBytes = pageSizeBytes;
    this.shared = { pageSizeBytes, buffers: {}, numbers: {}, hitRings: 0 };
  }

  admitFile(file: CachedFile): FileSlot {
    const known = this.findFile(file.fileId);
    return known ?? this.#files.push(file) - 1;
  }
  findFile(fileId: Uint8Array): FileSlot | undefined {
    const at = this.#files.findIndex((file) => fileIdHex(file.fileId) === fileIdHex(fileId));
    return at < 0 ? undefined : at;
  }
  read(file: FileSlot, pageIndex: number, offset: number, into: Uint8Array): number | undefined {
    return this.#pages.get(`${file}:${pageIndex}`)?.copy(into, 0, offset);
  }
  async verify(file: FileSlot, pageIndex: number): Promise<boolean> {
    return this.isResident(file, pageIndex);
  }
  checksum(file: FileSlot, pageIndex: number): bigint | undefined {
    const page = this.#pages.get(`${file}:${pageIndex}`);
    return page === undefined ? undefined : pageChecksum(page);
  }
  isResident(file: FileSlot, pageIndex: number): boolean {
    return this.#pages.has(`${file}:${pageIndex}`);
  }
  reserve(file: FileSlot, pageIndex: number): Reservation | Refusal {
    if (this.refusal !== undefined) return this.refusal;
    const lengthBytes = Math.min(this.pageSizeBytes, this.#files[file]!.lengthBytes - pageIndex * this.pageSizeBytes);
    const page = Buffer.alloc(lengthBytes);
    let written = 0;
    let isOpen = true;
    this.openReservations++;
    const end = (): void => {
      invariant(isOpen, 'a reservation ends once');
      isOpen = false;
      this.openReservations--;
    };
    return {
      file,
      page: pageIndex,
      pageIndex,
      lengthBytes,
      write: (offset, bytes) => {
        invariant(isOpen && offset === written, 'writes follow each other');
        if (written + bytes.length > this.failWritesAfter) throw new CacheError('Internal', 'disk error');
        page.set(bytes, offset);
        written += bytes.length;
      },
      commit: (bytes) => {
        invariant(written === lengthBytes && page.equals(bytes), 'the page is whole');
        end();
        this.#pages.set(`${file}:${pageIndex}`, page);
      },
      abort: end,
    };
  }
  residency(file: FileSlot): FileResidency {
    const pages = [...this.#pages].filter(([key]) => key.startsWith(`${file}:`));
    const pagesTotal = Math.ceil(this.#files[file]!.lengthBytes / this.pageSizeBytes);
    return { pagesResident: pages.length, pagesTotal, bytesResident: pages.reduce((sum, [, page]) => sum + page.length, 0) };
  }
  async free(): Promise<number> {
    const bytes = this.usage().usedBytes;
    this.#pages.clear();
    return bytes;
  }
  usage(): PageStoreUsage {
    const usedBytes = [...this.#pages.values()].reduce((sum, page) => sum + page.length, 0);
    return { capacityBytes: 0, usedBytes, reservedBytes: 0, evictingBytes: 0, pages: this.#pages.size, files: this.#files.length, directories: [] };
  }
  *files(): IterableIterator<CachedFile & { readonly residency: FileResidency }> {
    for (const [slot, file] of this.#files.entries()) yield { ...file, residency: this.residency(slot) };
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {}
}
