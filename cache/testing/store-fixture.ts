// Page stores on temporary directories for tests, and filling them with known content.
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
  readonly #defaults: Partial<PageStoreOptions>;

  constructor(defaults: Partial<PageStoreOptions> = {}) {
    this.#defaults = defaults;
  }

  options(overrides: Partial<PageStoreOptions> = {}): PageStoreOptions {
    return {
      directories: [{ path: join(this.root, 'pages'), capacityBytes: 16 * 1024 * 1024 }],
      pageSizeBytes: PAGE_BYTES,
      evictor: 'LRU',
      clusterUid: 'cluster-1',
      workerUuid: 'worker-1',
      hitRings: 4,
      onEvent: (event) => this.events.push(event),
      ...this.#defaults,
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

  /** Closes all stores. */
  async close(): Promise<void> {
    for (const store of this.#open) await store.close();
    this.#open.clear();
  }

  async end(): Promise<void> {
    await this.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** What a call throws; undefined when it does not. */
export function errorOf(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** What opening a store throws; undefined when it opens. */
export async function openingError(fixture: StoreFixture, overrides: Partial<PageStoreOptions> = {}): Promise<unknown> {
  try {
    await fixture.open(overrides);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Real blocks below a directory, the directory's own included. */
export function realBytes(path: string): number {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return 0;
  const below = entry.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + realBytes(join(path, name)), 0) : 0;
  return entry.blocks * 512 + below;
}

/** Turns of the event loop until a condition that the store's own work brings about holds; the test's time limit bounds it. */
export async function turnsUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
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
