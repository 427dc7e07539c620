// Page stores on temporary directories for tests, and filling them with known content.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CachedFile, FileSlot, PageStore, PageStoreEvent, PageStoreOptions, Refusal } from '../contracts.ts';
import { openPageStore } from '../index.ts';
import { contentOf } from './known-content.ts';

export const PAGE_BYTES = 64 * 1024;

export class StoreFixture {
  readonly root = mkdtempSync(join(tmpdir(), 'page-store-'));
  readonly events: PageStoreEvent[] = [];
  readonly #open = new Set<PageStore>();

  options(overrides: Partial<PageStoreOptions> = {}): PageStoreOptions {
    return {
      directories: [{ path: join(this.root, 'pages'), capacityBytes: 16 * 1024 * 1024 }],
      pageSizeBytes: PAGE_BYTES,
      evictor: 'LRU',
      clusterUid: 'cluster-1',
      workerUuid: 'worker-1',
      hitRings: 4,
      onEvent: (event) => this.events.push(event),
      ...overrides,
    };
  }

  async open(overrides: Partial<PageStoreOptions> = {}): Promise<PageStore> {
    const store = await openPageStore(this.options(overrides));
    this.#open.add(store);
    return store;
  }

  count(kind: PageStoreEvent['kind']): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  async end(): Promise<void> {
    for (const store of this.#open) await store.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Fills one page with its known content. @returns the refusal, if there was one */
export function fillPage(store: PageStore, file: CachedFile, slot: FileSlot, pageIndex: number): Refusal | undefined {
  const reservation = store.reserve(slot, pageIndex);
  if (typeof reservation === 'string') return reservation;
  const bytes = contentOf(file.fileId, pageIndex * store.pageSizeBytes, reservation.lengthBytes);
  reservation.write(0, bytes);
  reservation.commit(bytes);
  return undefined;
}

/** Admits a file and fills all its pages. */
export function fillFile(store: PageStore, file: CachedFile): FileSlot {
  const slot = store.admitFile(file);
  for (let page = 0; page < store.residency(slot).pagesTotal; page++) fillPage(store, file, slot, page);
  return slot;
}

/** Bytes of one page through the main thread; undefined: a miss. */
export function readPage(store: PageStore, slot: FileSlot, pageIndex: number, length: number): Buffer | undefined {
  const into = Buffer.alloc(length);
  return store.read(slot, pageIndex, 0, into) === undefined ? undefined : into;
}
