// Seeded random operations against a reference that knows what may be cached, in which order it was used, and nothing of how. The seed is in the title.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CachedFile, PageStore, PageStoreOptions } from './contracts.ts';
import { attachPageTable } from './index.ts';
import { contentOf, knownFile } from './testing/known-content.ts';
import { fillPage, PAGE_BYTES, readPage, realBytes, StoreFixture } from './testing/store-fixture.ts';

const CAPACITY_BYTES = 3 * 512 * 1024;
const STEPS = 1500;
const FILES = Array.from({ length: 30 }, (_, i) => knownFile(`model-${i}`, [0, 1, 4096, PAGE_BYTES, 3 * PAGE_BYTES + 17, 9 * PAGE_BYTES - 1][i % 6]!));
const pagesOf = (file: CachedFile): number => Math.ceil(file.lengthBytes / PAGE_BYTES);
const lengthOf = (file: CachedFile, page: number): number => Math.min(PAGE_BYTES, file.lengthBytes - page * PAGE_BYTES);

let fixture: StoreFixture;
beforeEach(() => {
  fixture = new StoreFixture();
});
afterEach(() => fixture.end());

class Model {
  readonly #options: Partial<PageStoreOptions>;
  /** "file page", least recently used first. What was evicted is found out and taken away. */
  readonly #cached = new Set<string>();
  #store!: PageStore;
  #state: number;
  /** Until the first restart: a snapshot does not keep the order. */
  #knowsOrder: boolean;

  constructor(seed: number, options: Partial<PageStoreOptions>) {
    this.#state = seed;
    this.#options = options;
    this.#knowsOrder = options.portable !== true; // whole files leave there
  }

  random(below: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }

  async start(): Promise<void> {
    this.#store = await fixture.open(this.#options);
  }

  fill(file: CachedFile, page: number): void {
    const refusal = fillPage(this.#store, file, this.#store.admitFile(file), page);
    if (this.#cached.has(`${FILES.indexOf(file)} ${page}`)) expect(refusal).toBe('already-filling');
    else expect(refusal).toBeUndefined();
    this.#noticeEvictions();
    this.#cached.add(`${FILES.indexOf(file)} ${page}`);
  }

  abort(file: CachedFile, page: number): void {
    const reservation = this.#store.reserve(this.#store.admitFile(file), page);
    if (typeof reservation === 'string') return;
    reservation.write(0, contentOf(file.fileId, page * PAGE_BYTES, Math.floor(reservation.lengthBytes / 2)));
    reservation.abort();
    this.#noticeEvictions();
  }

  async read(file: CachedFile, page: number): Promise<void> {
    const key = `${FILES.indexOf(file)} ${page}`;
    const slot = this.#store.admitFile(file);
    const isCached = this.#cached.has(key);
    expect(await this.#store.verify(slot, page)).toBe(isCached);
    const got = readPage(this.#store, slot, page, lengthOf(file, page));
    const want = contentOf(file.fileId, page * PAGE_BYTES, lengthOf(file, page));
    expect(got === undefined ? 'miss' : got.equals(want)).toBe(isCached ? true : 'miss');
    const reader = attachPageTable(this.#store.shared, 0);
    const pin = reader.acquire(file.fileId, page, 0, want.length);
    expect(pin >= 0).toBe(isCached);
    if (pin >= 0) reader.release(pin);
    if (this.#cached.delete(key)) this.#cached.add(key);
  }

  async free(file: CachedFile): Promise<void> {
    await this.#store.free({ fileId: file.fileId });
    for (const key of this.#cached) if (key.startsWith(`${FILES.indexOf(file)} `)) this.#cached.delete(key);
  }

  async restart(): Promise<void> {
    await this.#store.close();
    await this.start();
    this.#knowsOrder = false;
  }

  check(): void {
    const resident = FILES.reduce((sum, file) => sum + this.#store.residency(this.#store.findFile(file.fileId) ?? -1).pagesResident, 0);
    expect([this.#store.usage().pages, resident]).toEqual([this.#cached.size, this.#cached.size]);
    expect([this.#store.usage().reservedBytes, this.#store.usage().evictingBytes, fixture.count('corrupt')]).toEqual([0, 0, 0]);
    expect(this.#store.usage().usedBytes).toBeLessThanOrEqual(CAPACITY_BYTES);
    expect(realBytes(join(fixture.root, 'pages'))).toBeLessThanOrEqual(CAPACITY_BYTES);
  }

  /** What has gone must be what was used the longest time ago. */
  #noticeEvictions(): void {
    const gone: boolean[] = [];
    for (const key of this.#cached) {
      const [file = 0, page = 0] = key.split(' ').map(Number);
      const isGone = !this.#store.isResident(this.#store.findFile(FILES[file]!.fileId) ?? -1, page);
      gone.push(isGone);
      if (isGone) this.#cached.delete(key);
    }
    if (this.#knowsOrder) expect(gone.lastIndexOf(true)).toBe(gone.filter(Boolean).length - 1);
  }
}

describe('a page store under random operations', () => {
  it.each([
    ['native', 1],
    ['native', 2],
    ['portable', 3],
  ])(
    '%s, seed %i: serves exactly what was filled and not evicted, lets the least recently used go, stays within its capacity, forgets nothing by a restart',
    async (form, seed) => {
      const model = new Model(seed, { portable: form === 'portable', directories: [{ path: join(fixture.root, 'pages'), capacityBytes: CAPACITY_BYTES }] });
      await model.start();
      for (let step = 0; step < STEPS; step++) {
        const file = FILES[model.random(FILES.length)]!;
        const page = model.random(pagesOf(file));
        const action = model.random(100);
        if (action === 0) await model.free(file);
        else if (action === 1 && step > STEPS / 2) await model.restart();
        else if (pagesOf(file) === 0) continue;
        else if (action < 50) model.fill(file, page);
        else if (action < 55) model.abort(file, page);
        else await model.read(file, page);
        if (step % 50 === 0) model.check();
      }
      model.check();
      expect(fixture.count('evicted')).toBeGreaterThan(20);
    },
    60_000,
  );
});
