// What every form of the page store keeps: native (punches holes, hands out) and portable (unlinks whole files).
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isCacheError } from '../common/errors/index.ts';
import { fileIdHex, pageChecksum } from '../common/hash/index.ts';
import type { CachedFile, PageStore, PageStoreOptions, Reservation } from './contracts.ts';
import { attachPageTable } from './index.ts';
import { contentOf, knownFile } from './testing/known-content.ts';
import { errorOf, fillFile, fillPage, PAGE_BYTES, readPage, realBytes, StoreFixture } from './testing/store-fixture.ts';

export function pageStoreContract(name: string, form: Partial<PageStoreOptions>): void {
  let fixture: StoreFixture;
  beforeEach(() => {
    fixture = new StoreFixture(form);
  });
  afterEach(() => fixture.end());

  const pageFile = (path: string, file: CachedFile): string => join(path, fileIdHex(file.fileId).slice(0, 2), fileIdHex(file.fileId));
  const filePath = (file: CachedFile): string => pageFile(join(fixture.root, 'pages'), file);
  const reserved = (store: PageStore, file: CachedFile, page: number): Reservation => {
    const reservation = store.reserve(store.admitFile(file), page);
    if (typeof reservation === 'string') throw new Error(`refused: ${reservation}`);
    return reservation;
  };
  const pageFiles = (path: string): string[] =>
    readdirSync(path)
      .filter((folder) => /^[0-9a-f]{2}$/.test(folder))
      .flatMap((folder) => readdirSync(join(path, folder)));

  describe(`${name}: a page store`, () => {
    it('serves every byte of a file with a partial last page, to the main thread and to readers', async () => {
      const store = await fixture.open();
      const file = knownFile('a', 2 * PAGE_BYTES + 1234);
      const slot = fillFile(store, file);
      const reader = attachPageTable(store.shared, 0);
      for (let page = 0; page < 3; page++) {
        const want = contentOf(file.fileId, page * PAGE_BYTES, page === 2 ? 1234 : PAGE_BYTES);
        expect(readPage(store, slot, page, want.length)?.equals(want)).toBe(true);
        const pin = reader.acquire(file.fileId, page, 0, want.length);
        const got = Buffer.alloc(want.length);
        readSync(reader.descriptor(pin), got, 0, got.length, page * PAGE_BYTES);
        expect([reader.lengthBytes(pin), got.equals(want)]).toEqual([want.length, true]);
        reader.release(pin);
        expect(store.checksum(slot, page)).toBe(pageChecksum(want));
      }
      expect(reader.acquire(file.fileId, 2, 1000, 500)).toBe(-1); // beyond the last page's end
      expect(reader.acquire(file.fileId, 3, 0, 1)).toBe(-1);
      expect(store.residency(slot)).toEqual({ pagesResident: 3, pagesTotal: 3, bytesResident: file.lengthBytes });
    });

    it('knows an empty file without a page', async () => {
      const store = await fixture.open();
      const slot = store.admitFile(knownFile('empty', 0));
      expect(store.residency(slot)).toEqual({ pagesResident: 0, pagesTotal: 0, bytesResident: 0 });
      expect(attachPageTable(store.shared, 0).handOut(knownFile('empty', 0).fileId)).toBe(-1);
    });

    it('keeps the last page of a 5 TiB file at its place', async () => {
      const store = await fixture.open();
      const file = knownFile('huge', 5 * 2 ** 40 - 100);
      const last = Math.ceil(file.lengthBytes / PAGE_BYTES) - 1;
      const slot = store.admitFile(file);
      expect(fillPage(store, file, slot, last)).toBeUndefined();
      expect(readPage(store, slot, last, 1000)?.equals(contentOf(file.fileId, last * PAGE_BYTES, 1000))).toBe(true);
      expect(statSync(filePath(file)).size).toBe(file.lengthBytes);
      expect(statSync(filePath(file)).blocks * 512).toBeLessThan(2 * PAGE_BYTES);
    });

    it.each([64 * 1024, 64 * 1024 * 1024])('serves a file of one page and a bit with pages of %i bytes', async (pageSizeBytes) => {
      const store = await fixture.open({ pageSizeBytes, directories: [{ path: join(fixture.root, 'pages'), capacityBytes: 8 * pageSizeBytes }] });
      for (const lengthBytes of [1, pageSizeBytes, pageSizeBytes + 3]) {
        const file = knownFile(`f${lengthBytes}`, lengthBytes);
        const slot = fillFile(store, file);
        const last = Math.ceil(lengthBytes / pageSizeBytes) - 1;
        const want = contentOf(file.fileId, last * pageSizeBytes, lengthBytes - last * pageSizeBytes);
        expect(readPage(store, slot, last, want.length)?.equals(want)).toBe(true);
        expect(
          readPage(store, slot, last, want.length + 1)
            ?.subarray(0, want.length)
            .equals(want),
        ).toBe(true); // as much as there is
        expect(store.residency(slot).bytesResident).toBe(lengthBytes);
      }
    });

    it('refuses files that it cannot name or place, before anything is kept', async () => {
      const store = await fixture.open();
      const file = knownFile('a', 1);
      const odd = [
        { lengthBytes: 2 ** 44 + 1 },
        { lengthBytes: -1 },
        { lengthBytes: 1.5 },
        { ufsUri: 'u'.repeat(70_000) },
        { version: 'v'.repeat(70_000) },
        { fileId: Buffer.alloc(15) },
      ];
      for (const part of odd) {
        expect(errorOf(() => store.admitFile({ ...file, ...part }))).toMatchObject({ code: 'InvalidArgument', context: { remedy: expect.any(String) } });
      }
      expect(store.usage().files).toBe(0);
    });

    it('does not serve the holes of a page file that somebody replaced under it', async () => {
      const store = await fixture.open();
      const file = knownFile('a', 3 * PAGE_BYTES);
      const slot = store.admitFile(file);
      fillPage(store, file, slot, 2);
      rmSync(filePath(file));
      expect(fillPage(store, file, slot, 0)).toBe('full');
      expect([store.usage().pages, store.usage().directories[0]?.health]).toEqual([0, 'healthy']);
      expect(fillPage(store, file, store.admitFile(file), 0)).toBeUndefined();
      const reader = attachPageTable(store.shared, 0);
      const pin = reader.acquire(file.fileId, 0, 0, PAGE_BYTES);
      const got = Buffer.alloc(PAGE_BYTES);
      readSync(reader.descriptor(pin), got, 0, PAGE_BYTES, 0);
      expect(got.equals(contentOf(file.fileId, 0, PAGE_BYTES))).toBe(true);
      reader.release(pin);
    });

    it('refuses another object under the same file id as PageCorrupt', async () => {
      const store = await fixture.open();
      const file = knownFile('a', 1000);
      store.admitFile(file);
      const others = [{ ufsUri: 's3://bucket/b' }, { version: 'v2' }, { lengthBytes: 1001 }];
      for (const other of others) {
        expect(
          isCacheError(
            errorOf(() => store.admitFile({ ...file, ...other })),
            'PageCorrupt',
          ),
        ).toBe(true);
      }
    });

    it('lets readers have the part of a filling page that is written, and nothing beyond', async () => {
      const store = await fixture.open();
      const file = knownFile('a', PAGE_BYTES);
      const reader = attachPageTable(store.shared, 0);
      const bytes = contentOf(file.fileId, 0, PAGE_BYTES);
      const reservation = reserved(store, file, 0);
      expect(reader.acquire(file.fileId, 0, 0, 1)).toBe(-1);
      reservation.write(0, bytes.subarray(0, 5000));
      const pin = reader.acquire(file.fileId, 0, 1000, 4000);
      expect(pin).toBeGreaterThanOrEqual(0);
      expect(reader.acquire(file.fileId, 0, 1000, 4001)).toBe(-1);
      expect(store.isResident(reservation.file, 0)).toBe(false);
      reservation.write(5000, bytes.subarray(5000));
      reservation.commit(bytes);
      reader.release(pin);
      expect(store.isResident(reservation.file, 0)).toBe(true);
    });

    it('leaves nothing of an aborted fill, and does not commit a page that was cut short', async () => {
      const store = await fixture.open();
      const file = knownFile('a', 2 * PAGE_BYTES);
      const before = store.usage().usedBytes;
      const reservation = reserved(store, file, 1);
      const bytes = contentOf(file.fileId, PAGE_BYTES, PAGE_BYTES);
      expect(store.usage().reservedBytes).toBe(PAGE_BYTES);
      reservation.write(0, bytes.subarray(0, PAGE_BYTES - 1));
      expect(() => reservation.commit(bytes)).toThrow('cut short');
      expect(() => reservation.write(PAGE_BYTES, bytes)).toThrow('without gaps');
      reservation.abort();
      reservation.abort();
      expect([store.usage().reservedBytes, store.usage().pages, store.isResident(reservation.file, 1)]).toEqual([0, 0, false]);
      expect(store.usage().usedBytes - before).toBeLessThanOrEqual(4096); // the folder
      expect(pageFiles(join(fixture.root, 'pages'))).toEqual([]);
      expect(fillPage(store, file, reservation.file, 1)).toBeUndefined();
    });

    it('keeps what a reader of an aborted fill has pinned until it lets go', async () => {
      const store = await fixture.open();
      const file = knownFile('a', PAGE_BYTES);
      const reader = attachPageTable(store.shared, 0);
      const reservation = reserved(store, file, 0);
      const bytes = contentOf(file.fileId, 0, PAGE_BYTES);
      reservation.write(0, bytes.subarray(0, 8192));
      const pin = reader.acquire(file.fileId, 0, 0, 8192);
      reservation.abort();
      expect(store.reserve(reservation.file, 0)).toBe('already-filling');
      const got = Buffer.alloc(8192);
      readSync(reader.descriptor(pin), got, 0, 8192, 0);
      expect(got.equals(bytes.subarray(0, 8192))).toBe(true);
      reader.release(pin);
      expect(reader.acquire(file.fileId, 0, 0, 1)).toBe(-1);
      while (store.usage().evictingBytes > 0) await new Promise((resolve) => setImmediate(resolve)); // the store's own tick settles it
      expect(fillPage(store, file, store.admitFile(file), 0)).toBeUndefined();
    });

    it('fills a page once: a second reservation is refused', async () => {
      const store = await fixture.open();
      const file = knownFile('a', PAGE_BYTES);
      const reservation = reserved(store, file, 0);
      expect(store.reserve(reservation.file, 0)).toBe('already-filling');
      reservation.abort();
    });

    it('stays below its capacity in real blocks, index included, and lets the least recently used go', async () => {
      const capacityBytes = 4 * 1024 * 1024;
      const path = join(fixture.root, 'pages');
      const store = await fixture.open({ directories: [{ path, capacityBytes }] });
      const keeper = knownFile('keeper', PAGE_BYTES);
      const keeperSlot = fillFile(store, keeper);
      const big = knownFile('big', 200 * PAGE_BYTES);
      const bigSlot = store.admitFile(big);
      for (let page = 0; page < 200; page++) {
        expect(fillPage(store, big, bigSlot, page)).toBeUndefined();
        expect(readPage(store, keeperSlot, 0, 100)).toBeDefined();
        expect(store.usage().usedBytes).toBeLessThanOrEqual(capacityBytes);
      }
      expect(fixture.events.reduce((sum, event) => sum + (event.kind === 'evicted' ? event.pages : 0), 0)).toBeGreaterThan(100);
      expect(realBytes(path)).toBeLessThanOrEqual(capacityBytes);
      expect(statSync(filePath(big)).blocks * 512).toBeLessThan(capacityBytes);
      expect(readPage(store, bigSlot, 0, 10)).toBeUndefined();
      expect(readPage(store, bigSlot, 199, 10)?.equals(contentOf(big.fileId, 199 * PAGE_BYTES, 10))).toBe(true);
    });

    it('does not evict what is pinned: it refuses when nothing else is left', async () => {
      const store = await fixture.open({ directories: [{ path: join(fixture.root, 'pages'), capacityBytes: 4 * PAGE_BYTES + 256 * 1024 }] });
      const file = knownFile('a', 20 * PAGE_BYTES);
      const slot = store.admitFile(file);
      const reader = attachPageTable(store.shared, 0);
      const pins: number[] = [];
      let refusal: string | undefined;
      for (let page = 0; page < 20 && refusal === undefined; page++) {
        refusal = fillPage(store, file, slot, page);
        if (refusal === undefined) pins.push(reader.acquire(file.fileId, page, 0, 10));
      }
      expect(refusal).toBe('full');
      for (const pin of pins) reader.release(pin);
      expect(fillPage(store, file, slot, 19)).toBeUndefined();
    });

    it('frees by file and by prefix, and gives the blocks back', async () => {
      const store = await fixture.open();
      for (const name of ['x/1', 'x/2', 'y/1']) fillFile(store, knownFile(name, 3 * PAGE_BYTES));
      expect(await store.free({ ufsUriPrefix: 's3://bucket/x/' })).toBe(6 * PAGE_BYTES);
      expect(await store.free({ fileId: knownFile('y/1', 1).fileId })).toBe(3 * PAGE_BYTES);
      expect(store.usage().pages).toBe(0);
      expect(pageFiles(join(fixture.root, 'pages'))).toEqual([]);
    });

    it('recognises a slot of a file that has gone', async () => {
      const store = await fixture.open({ filesMax: 1 });
      const gone = store.admitFile(knownFile('a', 10));
      const other = store.admitFile(knownFile('b', 10));
      expect(store.findFile(knownFile('a', 10).fileId)).toBeUndefined();
      expect(other).not.toBe(gone);
      expect([store.reserve(gone, 0), store.isResident(gone, 0)]).toEqual(['filtered', false]);
    });

    it('serves more files than it may keep open', async () => {
      const store = await fixture.open({ descriptorsMax: 16 });
      const files = Array.from({ length: 60 }, (_, i) => knownFile(`f${i}`, 100 + i));
      for (const file of files) fillFile(store, file);
      const reader = attachPageTable(store.shared, 0);
      for (const file of files) {
        store.admitFile(file); // opens it
        const pin = reader.acquire(file.fileId, 0, 0, file.lengthBytes);
        const got = Buffer.alloc(file.lengthBytes);
        readSync(reader.descriptor(pin), got, 0, got.length, 0);
        reader.release(pin);
        expect(got.equals(contentOf(file.fileId, 0, file.lengthBytes))).toBe(true);
      }
    });
  });

  describe(`${name}: a restarted page store`, () => {
    it('has its pages, serves each only after verifying it, and lists its files', async () => {
      const file = knownFile('odd/\u{1F600} name\n', 3 * PAGE_BYTES + 77);
      const first = await fixture.open();
      fillFile(first, file);
      await first.close();
      const store = await fixture.open();
      const slot = store.findFile(file.fileId)!;
      expect([...store.files()]).toEqual([{ ...file, fileId: Buffer.from(file.fileId), residency: { pagesResident: 4, pagesTotal: 4, bytesResident: file.lengthBytes } }]);
      const reader = attachPageTable(store.shared, 0);
      expect(reader.acquire(file.fileId, 3, 0, 10)).toBe(-1);
      expect(await store.verify(slot, 3)).toBe(true);
      expect(reader.acquire(file.fileId, 3, 0, 77)).toBeGreaterThanOrEqual(0);
      expect(readPage(store, slot, 3, 77)?.equals(contentOf(file.fileId, 3 * PAGE_BYTES, 77))).toBe(true);
    });

    it('drops a page whose bytes changed, counts it, and never serves it', async () => {
      const file = knownFile('a', 2 * PAGE_BYTES);
      const first = await fixture.open();
      fillFile(first, file);
      await first.close();
      const fd = openSync(filePath(file), 'r+');
      writeSync(fd, Buffer.from([0]), 0, 1, PAGE_BYTES + 5000);
      closeSync(fd);
      const store = await fixture.open();
      const slot = store.findFile(file.fileId)!;
      expect(await store.verify(slot, 0)).toBe(true);
      expect(await store.verify(slot, 1)).toBe(false);
      expect(fixture.count('corrupt')).toBe(1);
      expect([store.isResident(slot, 1), readPage(store, slot, 1, 10)]).toEqual([false, undefined]);
      expect(fillPage(store, file, slot, 1)).toBeUndefined();
      expect(readPage(store, slot, 1, 10)?.equals(contentOf(file.fileId, PAGE_BYTES, 10))).toBe(true);
    });

    it('with a damaged index says so, serves only right pages, and fills the others again', async () => {
      const files = Array.from({ length: 20 }, (_, i) => knownFile(`f${i}`, 2 * PAGE_BYTES));
      const first = await fixture.open();
      for (const file of files) fillFile(first, file);
      await first.close();
      const folder = join(fixture.root, 'pages', 'index');
      const snapshot = join(folder, readdirSync(folder).find((name) => name.startsWith('snapshot'))!);
      const bytes = readFileSync(snapshot);
      bytes[Math.floor(bytes.length / 2)]! ^= 1;
      writeFileSync(snapshot, bytes);
      const store = await fixture.open();
      expect([fixture.count('index-damaged'), store.usage().pages > 0, store.usage().pages < 40]).toEqual([1, true, true]);
      for (const file of files) {
        const slot = store.admitFile(file);
        for (const page of [0, 1]) {
          if (!(await store.verify(slot, page))) expect(fillPage(store, file, slot, page)).toBeUndefined();
          expect(readPage(store, slot, page, 999)?.equals(contentOf(file.fileId, page * PAGE_BYTES, 999))).toBe(true);
        }
      }
      expect(fixture.count('corrupt')).toBe(0);
    });

    it('loses only the pages of a file that somebody removed or cut', async () => {
      const [gone, cut, kept] = [knownFile('gone', PAGE_BYTES), knownFile('cut', PAGE_BYTES), knownFile('kept', PAGE_BYTES)] as const;
      const first = await fixture.open();
      for (const file of [gone, cut, kept]) fillFile(first, file);
      await first.close();
      rmSync(filePath(gone));
      truncateSync(filePath(cut), 100);
      const store = await fixture.open();
      const verified = await Promise.all([gone, cut, kept].map((file) => store.verify(store.findFile(file.fileId) ?? -1, 0)));
      expect(verified).toEqual([false, false, true]);
      expect(store.usage().directories[0]?.health).toBe('healthy');
    });

    it('removes page files that no record knows, and what else lies there stays', async () => {
      const first = await fixture.open();
      fillFile(first, knownFile('a', PAGE_BYTES));
      await first.close();
      const orphan = knownFile('orphan', 10);
      const path = join(fixture.root, 'pages');
      mkdirSync(join(pageFile(path, orphan), '..'), { recursive: true });
      writeFileSync(pageFile(path, orphan), Buffer.alloc(5000));
      writeFileSync(join(pageFile(path, orphan), '..', 'notes'), 'mine');
      const store = await fixture.open();
      while (pageFiles(path).includes(fileIdHex(orphan.fileId))) await new Promise((resolve) => setImmediate(resolve));
      expect(pageFiles(path).toSorted()).toEqual([fileIdHex(knownFile('a', 1).fileId), 'notes'].toSorted());
      expect(store.usage().pages).toBe(1);
    });
  });
}
