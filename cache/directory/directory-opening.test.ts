import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeHeader, RecordBuffer } from '../index-log/record-codec.ts';
import { snapshotName } from '../index-log/recovery.ts';
import { contentOf, knownFile } from '../testing/known-content.ts';
import { fillFile, fillPage, openingError, PAGE_BYTES, readPage, realBytes, StoreFixture, turnsUntil } from '../testing/store-fixture.ts';

let fixture: StoreFixture;
let path: string;
const mounts: string[] = [];
beforeEach(() => {
  fixture = new StoreFixture();
  path = join(fixture.root, 'pages');
});
afterEach(async () => {
  await fixture.close();
  for (const mount of mounts.splice(0)) execFileSync('umount', [mount]);
  await fixture.end();
});

const refusal = (code: string, text: string): object => ({ code, message: expect.stringContaining(text), context: expect.objectContaining({ remedy: expect.any(String) }) });

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const probe = mkdtempSync(join(tmpdir(), 'mount-probe-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(probe);
  }
}
/** A file system of a given size, or read-only, takes a mount, and that root. */
const mountable = canMount() ? it : it.skip;
function mountTmpfs(options: string): void {
  mkdirSync(path);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', path]);
  mounts.push(path);
}
describe('opening a page-store directory', () => {
  it('leaves turns to others while it reads a large index, and then has all of it', async () => {
    await (await fixture.open()).close();
    for (const name of readdirSync(join(path, 'index'))) rmSync(join(path, 'index', name));
    const FILES = 40_000;
    const records = new RecordBuffer(16 << 20, 1);
    for (let n = 0; n < FILES; n++) {
      const { fileId, ufsUri, version } = knownFile(`f${n}`, PAGE_BYTES);
      records.file(fileId, PAGE_BYTES, Buffer.from(ufsUri), Buffer.from(version));
      records.pages(fileId, Uint32Array.of(0, n, n), 1);
    }
    records.end({ files: FILES, pages: FILES });
    writeFileSync(join(path, 'index', snapshotName(1)), Buffer.concat([encodeHeader('snapshot', PAGE_BYTES), records.bytes.subarray(0, records.length)]));
    let turns = 0;
    const opening = fixture.open({ directories: [{ path, capacityBytes: 2 ** 40 }] });
    let isOpen = false;
    const counted = (async () => {
      for (; !isOpen; turns++) await new Promise((resolve) => setImmediate(resolve));
    })();
    const store = await opening;
    isOpen = true;
    await counted;
    expect(turns).toBeGreaterThan(3);
    expect([store.usage().files, store.usage().pages]).toEqual([FILES, FILES]);
  });

  it.each([
    ['another worker', { workerUuid: 'worker-2' }, 'belongs to another worker'],
    ['another cluster', { clusterUid: 'cluster-2' }, 'belongs to another cluster'],
    ['another page size', { pageSizeBytes: 2 * PAGE_BYTES }, 'belongs to another page size'],
  ])('refuses the stamp of %s and leaves its pages alone', async (_, other, text) => {
    const file = knownFile('a', PAGE_BYTES);
    const first = await fixture.open();
    fillFile(first, file);
    await first.close();
    expect(await openingError(fixture, other)).toMatchObject(refusal('InvalidConfiguration', text));
    const store = await fixture.open();
    expect(await store.verify(store.findFile(file.fileId)!, 0)).toBe(true);
  });

  it('empties a directory of another page size when it may', async () => {
    const first = await fixture.open();
    fillFile(first, knownFile('a', PAGE_BYTES));
    await first.close();
    const store = await fixture.open({ pageSizeBytes: 2 * PAGE_BYTES, reinitialise: true });
    expect(store.usage().pages).toBe(0);
    fillFile(store, knownFile('a', 3 * PAGE_BYTES));
    expect(store.usage().pages).toBe(2);
  });

  it('refuses another format version, of the stamp and of the index', async () => {
    await (await fixture.open()).close();
    const stamp = readFileSync(join(path, 'stamp.json'), 'utf8');
    writeFileSync(join(path, 'stamp.json'), stamp.replace('"formatVersion":1', '"formatVersion":2'));
    expect(await openingError(fixture)).toMatchObject(refusal('InvalidConfiguration', 'another format version: found 2, expected 1'));
    writeFileSync(join(path, 'stamp.json'), '{"format');
    expect(await openingError(fixture)).toMatchObject(refusal('InvalidConfiguration', 'another format version: found none'));
  });

  it('refuses a directory that holds something else, a file, and one without a parent; nothing is changed', async () => {
    mkdirSync(path);
    writeFileSync(join(path, 'thesis.doc'), 'mine');
    expect(await openingError(fixture)).toMatchObject(refusal('InvalidConfiguration', "it holds 'thesis.doc'"));
    expect(readdirSync(path)).toEqual(['thesis.doc']);
    const open = (other: string): Promise<unknown> => openingError(fixture, { directories: [{ path: other, capacityBytes: 2 ** 24 }] });
    expect(await open(join(path, 'thesis.doc'))).toMatchObject(refusal('InvalidConfiguration', 'not a directory'));
    expect(await open(join(path, 'no/such'))).toMatchObject(refusal('InvalidConfiguration', 'its parent directory does not exist'));
  });

  it('makes none of several directories when one is refused', async () => {
    const [good, bad] = [join(fixture.root, 'good'), join(fixture.root, 'bad')];
    mkdirSync(bad);
    writeFileSync(join(bad, 'x'), '');
    const directories = [good, bad].map((one) => ({ path: one, capacityBytes: 2 ** 24 }));
    expect(await openingError(fixture, { directories })).toMatchObject(refusal('InvalidConfiguration', "it holds 'x'"));
    expect([existsSync(good), readdirSync(bad)]).toEqual([false, ['x']]);
  });

  it.each([
    ['pageSizeBytes', { pageSizeBytes: 100_000 }],
    ['directories', { directories: [] }],
    ['capacityBytes', { directories: [{ path: '/nowhere', capacityBytes: 1 }] }],
    ['evictor', { evictor: 'CLOCK' }],
    ['marginShare', { marginShare: 2 }],
  ])('names field, value and remedy of a bad %s before a directory is touched', async (field, options) => {
    expect(await openingError(fixture, options)).toMatchObject({ code: 'InvalidConfiguration', context: { field, value: expect.anything(), remedy: expect.any(String) } });
    expect(existsSync(path)).toBe(false);
  });

  mountable('refuses a read-only file system', async () => {
    mountTmpfs('size=16m,ro');
    expect(await openingError(fixture)).toMatchObject(refusal('InvalidConfiguration', 'read-only'));
  });

  mountable('refuses a new directory on a full disk as CacheFull, nothing half done', async () => {
    mountTmpfs('size=1m');
    try {
      writeFileSync(join(path, 'lost+found'), Buffer.alloc(2 ** 21));
    } catch {
      // full by now
    }
    expect(await openingError(fixture)).toMatchObject(refusal('CacheFull', 'full disk'));
    expect(readdirSync(path)).toEqual(['lost+found']);
  });

  mountable('fills and evicts on a disk that is smaller than the capacity: right bytes, no error', async () => {
    mountTmpfs('size=4m');
    const store = await fixture.open({ directories: [{ path, capacityBytes: 2 ** 30 }] });
    const file = knownFile('big', 200 * PAGE_BYTES);
    const slot = store.admitFile(file);
    for (let page = 0; page < 200; page++) expect(fillPage(store, file, slot, page)).toBeUndefined();
    expect(readPage(store, slot, 199, 100)?.equals(contentOf(file.fileId, 199 * PAGE_BYTES, 100))).toBe(true);
    expect(fixture.count('evicted')).toBeGreaterThan(100);
    expect(realBytes(path)).toBeLessThanOrEqual(4 * 1024 * 1024);
    await store.close();
    const again = await fixture.open({ directories: [{ path, capacityBytes: 2 ** 30 }] });
    expect(await again.verify(again.findFile(file.fileId)!, 199)).toBe(true);
    expect(fixture.count('corrupt')).toBe(0);
  });
});

describe('a store over several directories of which one fails', () => {
  it('loses only its pages, stores on the others, and takes it back when it works again', async () => {
    const paths = ['one', 'two'].map((name) => join(fixture.root, name));
    const [broken] = paths as [string];
    const store = await fixture.open({ directories: paths.map((one) => ({ path: one, capacityBytes: 16 * 1024 * 1024 })), probeIntervalMs: 20 });
    const files = Array.from({ length: 40 }, (_, i) => knownFile(`f${i}`, 2 * PAGE_BYTES));
    for (const file of files) fillFile(store, file);
    mkdirSync(join(broken, '.health')); // the probe meets a real error: EISDIR
    const folders = Array.from({ length: 256 }, (_, i) => join(broken, i.toString(16).padStart(2, '0'))).filter((folder) => !existsSync(folder));
    for (const folder of folders) writeFileSync(folder, ''); // and so do fills: ENOTDIR
    const health = (): string | undefined => store.usage().directories[0]?.health;
    for (let i = 0; health() === 'healthy'; i++) fillFile(store, knownFile(`more${i}`, PAGE_BYTES));
    await turnsUntil(() => health() === 'failed');
    await turnsUntil(() => files.some((file) => !store.isResident(store.findFile(file.fileId) ?? -1, 0)));
    const kept = files.filter((file) => store.isResident(store.findFile(file.fileId) ?? -1, 0));
    expect(kept.length).toBeGreaterThan(0);
    for (const file of kept) expect(readPage(store, store.findFile(file.fileId)!, 1, 50)?.equals(contentOf(file.fileId, PAGE_BYTES, 50))).toBe(true);
    for (const file of files) fillFile(store, file);
    expect(files.every((file) => store.isResident(store.findFile(file.fileId)!, 1))).toBe(true);
    expect(store.usage().directories[1]?.health).toBe('healthy');
    execFileSync('rm', ['-r', join(broken, '.health'), ...folders]);
    await turnsUntil(() => health() === 'healthy');
    expect(fillPage(store, knownFile('new', 10), store.admitFile(knownFile('new', 10)), 0)).toBeUndefined();
  }, 30_000);
});
