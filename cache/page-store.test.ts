import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { fileIdHex } from '../common/hash/index.ts';
import { fileCalls } from '../common/syscall/files.ts';
import type { CachedFile } from './contracts.ts';
import { attachPageTable } from './index.ts';
import { pageStoreContract } from './page-store.contract.ts';
import { contentOf, knownFile } from './testing/known-content.ts';
import { fillFile, fillPage, PAGE_BYTES, readPage, StoreFixture, turnsUntil } from './testing/store-fixture.ts';

pageStoreContract('native', {});
pageStoreContract('portable', { portable: true });

let fixture: StoreFixture;
beforeEach(() => {
  fixture = new StoreFixture();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await fixture.end();
});
const filePath = (file: CachedFile): string => join(fixture.root, 'pages', fileIdHex(file.fileId).slice(0, 2), fileIdHex(file.fileId));

describe('handing a file out', () => {
  it('gives a read-only descriptor of a complete and verified file, and not of another', async () => {
    const store = await fixture.open();
    const file = knownFile('a', 2 * PAGE_BYTES);
    const slot = store.admitFile(file);
    const reader = attachPageTable(store.shared, 0);
    fillPage(store, file, slot, 0);
    expect(reader.handOut(file.fileId)).toBe(-1);
    fillPage(store, file, slot, 1);
    const fd = reader.handOut(file.fileId);
    expect(fstatSync(fd).size).toBe(2 * PAGE_BYTES);
    expect(() => writeSync(fd, Buffer.alloc(1))).toThrow('EBADF');
  });

  it('hands out at most half of a directory', async () => {
    const store = await fixture.open({ directories: [{ path: join(fixture.root, 'pages'), capacityBytes: 4 * 1024 * 1024 }] });
    const reader = attachPageTable(store.shared, 0);
    const files = Array.from({ length: 5 }, (_, i) => knownFile(`f${i}`, 8 * PAGE_BYTES));
    for (const file of files) fillFile(store, file);
    const given = files.map((file) => reader.handOut(file.fileId) >= 0);
    expect(given).toEqual([true, true, true, true, false]);
    expect(reader.handOut(files[0]!.fileId)).toBeGreaterThanOrEqual(0); // the same file again costs nothing
  });

  it('never punches a handed-out file: its holder reads right bytes whatever is filled', async () => {
    const capacityBytes = 4 * 1024 * 1024;
    const store = await fixture.open({ directories: [{ path: join(fixture.root, 'pages'), capacityBytes }] });
    const file = knownFile('lent', 8 * PAGE_BYTES);
    fillFile(store, file);
    const fd = openSync(`/proc/self/fd/${attachPageTable(store.shared, 0).handOut(file.fileId)}`, 'r');
    const other = knownFile('other', 500 * PAGE_BYTES);
    const slot = store.admitFile(other);
    for (let page = 0; page < 300; page++) fillPage(store, other, slot, page);
    const got = Buffer.alloc(file.lengthBytes);
    readSync(fd, got, 0, got.length, 0);
    expect(got.equals(contentOf(file.fileId, 0, file.lengthBytes))).toBe(true);
    closeSync(fd);
  });

  it('keeps charging for a freed file that is still open elsewhere', async () => {
    const store = await fixture.open();
    const file = knownFile('lent', 8 * PAGE_BYTES);
    const before = store.usage().usedBytes;
    fillFile(store, file);
    attachPageTable(store.shared, 0).handOut(file.fileId);
    await store.free({ fileId: file.fileId });
    expect(store.usage().usedBytes - before).toBeGreaterThanOrEqual(file.lengthBytes);
    expect(store.usage().evictingBytes).toBeGreaterThanOrEqual(file.lengthBytes);
  });

  it('stops charging for a freed file when the last holder has closed it, and not before', async () => {
    const store = await fixture.open();
    const file = knownFile('lent', 8 * PAGE_BYTES);
    fillFile(store, file);
    const held = openSync(`/proc/self/fd/${attachPageTable(store.shared, 0).handOut(file.fileId)}`, 'r');
    await store.free({ fileId: file.fileId });
    const later = Date.now() + 3_600_000;
    jest.spyOn(Date, 'now').mockImplementation(() => later); // the time in which a thread may still be duplicating it is over
    for (let i = 0; i < 3; i++) fillFile(store, knownFile(`other-${i}`, PAGE_BYTES)); // each looks at what lingers
    await turnsUntil(() => store.usage().pages === 3);
    expect(store.usage().evictingBytes).toBeGreaterThanOrEqual(file.lengthBytes);
    closeSync(held);
    await turnsUntil(() => store.usage().evictingBytes === 0);
    expect(store.usage().usedBytes).toBeLessThan(8 * PAGE_BYTES);
  });

  it('of an earlier life: not punched while someone has it open, punched once nobody has', async () => {
    const capacityBytes = 4 * 1024 * 1024;
    const directories = [{ path: join(fixture.root, 'pages'), capacityBytes }];
    const file = knownFile('old', 16 * PAGE_BYTES);
    const first = await fixture.open({ directories });
    fillFile(first, file);
    await first.close();
    const held = openSync(filePath(file), 'r');
    const store = await fixture.open({ directories });
    const other = knownFile('other', 1000 * PAGE_BYTES);
    const slot = store.admitFile(other);
    for (let page = 0; page < 100; page++) fillPage(store, other, slot, page);
    const got = Buffer.alloc(file.lengthBytes);
    readSync(held, got, 0, got.length, 0);
    expect(got.equals(contentOf(file.fileId, 0, file.lengthBytes))).toBe(true);
    expect(store.residency(store.findFile(file.fileId)!).pagesResident).toBe(16);
    closeSync(held);
    for (let page = 100; page < 250; page++) fillPage(store, other, slot, page);
    expect(store.residency(store.findFile(file.fileId) ?? -1).pagesResident).toBe(0);
  });
});

describe('a disk that others fill', () => {
  it('refuses a page when the room for it was made of its own file’s last page, and takes it the next time', async () => {
    const store = await fixture.open();
    const file = knownFile('a', 2 * PAGE_BYTES);
    const slot = store.admitFile(file);
    fillPage(store, file, slot, 0);
    let isFull = true;
    const real = { ...fileCalls };
    jest.spyOn(fileCalls, 'preallocate').mockImplementation((fd, offset, length) => {
      const isRefused = isFull && length === PAGE_BYTES;
      if (isRefused) isFull = false;
      return isRefused ? -constants.errno.ENOSPC : real.preallocate(fd, offset, length);
    });
    expect(fillPage(store, file, slot, 1)).toBe('full');
    expect(store.usage()).toMatchObject({ pages: 0, reservedBytes: 0 });
    expect([0, 1].map((page) => fillPage(store, file, slot, page))).toEqual([undefined, undefined]);
    expect(readPage(store, slot, 1, PAGE_BYTES)?.equals(contentOf(file.fileId, PAGE_BYTES, PAGE_BYTES))).toBe(true);
  });
});

describe('the portable form', () => {
  it('stores, evicts whole files, restarts, hands nothing out', async () => {
    const options = { portable: true, directories: [{ path: join(fixture.root, 'pages'), capacityBytes: 2 * 1024 * 1024 }] };
    const first = await fixture.open(options);
    const files = Array.from({ length: 20 }, (_, i) => knownFile(`f${i}`, 4 * PAGE_BYTES));
    for (const file of files) fillFile(first, file);
    expect(first.usage().usedBytes).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(attachPageTable(first.shared, 0).handOut(files[19]!.fileId)).toBe(-1);
    expect(first.residency(first.findFile(files[19]!.fileId)!).pagesResident).toBe(4);
    expect(first.findFile(files[0]!.fileId) === undefined || first.residency(first.findFile(files[0]!.fileId)!).pagesResident === 0).toBe(true);
    expect(readFileSync(join(fixture.root, 'pages', '.lock'), 'utf8')).toContain(String(process.pid));
    await first.close();
    const store = await fixture.open(options);
    expect(await store.verify(store.findFile(files[19]!.fileId)!, 3)).toBe(true);
    for (let i = 20; i < 40; i++) fillFile(store, knownFile(`f${i}`, 4 * PAGE_BYTES));
    expect(store.usage().usedBytes).toBeLessThanOrEqual(2 * 1024 * 1024);
  });
});
