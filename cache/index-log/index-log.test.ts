import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { portableFileCalls } from '../../common/syscall/index.ts';
import { errorOf } from '../testing/store-fixture.ts';
import { IndexLog } from './index-log.ts';
import { encodeHeader, GONE_RECORD_BYTES, HEADER_BYTES, type RecordVisitor } from './record-codec.ts';
import { logName, type RecoveredIndex, recoverySteps, snapshotName } from './recovery.ts';

const PAGE_BYTES = 65_536;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'index-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** "file page" → checksum, as the index says. */
class Mirror implements RecordVisitor {
  readonly pagesBy = new Map<string, number>();
  readonly files = new Set<string>();
  #file = '';
  expect(): void {}
  file(file: { readonly fileId: Uint8Array }): void {
    this.files.add(Buffer.from(file.fileId).toString('hex'));
  }
  pages(fileId: Uint8Array): void {
    this.#file = Buffer.from(fileId).toString('hex');
  }
  page(pageIndex: number, low: number, high: number): void {
    if (this.files.has(this.#file)) this.pagesBy.set(`${this.#file} ${pageIndex}`, high * 2 ** 32 + low);
  }
  pageGone(fileId: Uint8Array, pageIndex: number): void {
    this.pagesBy.delete(`${Buffer.from(fileId).toString('hex')} ${pageIndex}`);
  }
  fileGone(fileId: Uint8Array): void {
    const hex = Buffer.from(fileId).toString('hex');
    this.files.delete(hex);
    for (const key of this.pagesBy.keys()) if (key.startsWith(hex)) this.pagesBy.delete(key);
  }
}

/** All steps at once. */
function recoverNow(...of: Parameters<typeof recoverySteps>): RecoveredIndex {
  const steps = recoverySteps(...of);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
const recover = (from = folder): { mirror: Mirror; recovered: RecoveredIndex } => {
  const mirror = new Mirror();
  return { recovered: recoverNow(from, PAGE_BYTES, mirror), mirror };
};
const openLog = (): IndexLog =>
  new IndexLog(
    { folder, pageSizeBytes: PAGE_BYTES, calls: portableFileCalls, stepBytes: 16_384, onError: (error) => expect(error).toBeUndefined() },
    recoverNow(folder, PAGE_BYTES, new Mirror()),
  );
const fileId = (n: number): Buffer => Buffer.alloc(16, n);
const identity = { uri: Buffer.from('s3://b/k'), version: Buffer.from('v') };
const keyOf = (n: number, page: number): string => `${fileId(n).toString('hex')} ${page}`;
const checksumOf = (n: number, page: number): { low: number; high: number } => ({ low: (n * 7919 + page) >>> 0, high: 5 });
function fill(log: IndexLog, n: number, pages: number): void {
  log.file(fileId(n), pages * PAGE_BYTES, identity);
  for (let page = 0; page < pages; page++) log.page(fileId(n), page, checksumOf(n, page));
}
const isRight = (mirror: Mirror): boolean =>
  [...mirror.pagesBy].every(([key, checksum]) => {
    const { low, high } = checksumOf(Number.parseInt(key.slice(0, 2), 16), Number(key.split(' ')[1]));
    return checksum === high * 2 ** 32 + low;
  });

describe('the index log', () => {
  it('gives back what was logged, tombstones applied', async () => {
    const log = openLog();
    fill(log, 1, 3);
    fill(log, 2, 2);
    log.pageGone(fileId(1), 1);
    log.fileGone(fileId(2));
    await log.close();
    expect([...recover().mirror.pagesBy.keys()]).toEqual([keyOf(1, 0), keyOf(1, 2)]);
  });

  it('cut anywhere, gives back a prefix and goes on behind it', async () => {
    const log = openLog();
    fill(log, 1, 4);
    await log.close();
    const whole = readFileSync(join(folder, logName(1)));
    for (let cut = HEADER_BYTES; cut <= whole.length; cut += 4) {
      writeFileSync(join(folder, logName(1)), whole.subarray(0, cut));
      const { mirror, recovered } = recover();
      expect(isRight(mirror)).toBe(true);
      expect([...mirror.pagesBy.keys()]).toEqual([0, 1, 2, 3].slice(0, mirror.pagesBy.size).map((page) => keyOf(1, page)));
      expect(recovered.torn.length).toBe(recovered.logEndBytes === cut ? 0 : 1);
    }
  });

  it('does not bring records back to life that lie behind a torn one', async () => {
    const log = openLog();
    fill(log, 1, 8);
    await log.close();
    const path = join(folder, logName(1));
    const bytes = readFileSync(path);
    bytes[bytes.length - 6 * 64]! ^= 1; // somewhere in the middle: whole records follow
    writeFileSync(path, bytes);
    const survivors = recover().mirror.pagesBy.size;
    const next = openLog();
    next.page(fileId(1), 7, checksumOf(1, 7));
    await next.close();
    expect(recover().mirror.pagesBy.size).toBe(survivors + 1);
  });

  it('with any byte changed, never tells of a page that was not there', async () => {
    const log = openLog();
    for (let n = 1; n < 20; n++) fill(log, n, 3);
    await log.close();
    const path = join(folder, logName(1));
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 37) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x10;
      writeFileSync(path, changed);
      const mirror = new Mirror();
      const error = errorOf(() => recoverNow(folder, PAGE_BYTES, mirror));
      expect([error, isRight(mirror), mirror.pagesBy.size <= 57]).toEqual([undefined, true, true]);
    }
  });

  it('replaced by a snapshot while it goes on, says the same', async () => {
    const log = openLog();
    for (let n = 1; n <= 5; n++) fill(log, n, 2);
    const snapshot = log.snapshot(function* (buffer, entries) {
      for (let n = 1; n <= 5; n++) {
        buffer.file(fileId(n), 2 * PAGE_BYTES, identity.uri, identity.version);
        for (let page = 0; page < 2; page++) entries.set([page, checksumOf(n, page).low, checksumOf(n, page).high], page * 3);
        buffer.pages(fileId(n), entries, 2);
        if (n === 1) log.pageGone(fileId(1), 0); // seen by the snapshot, gone after
        if (n === 2) fill(log, 9, 1); // not seen by the snapshot
        yield;
      }
    });
    await snapshot;
    await log.close();
    expect(readdirSync(folder).toSorted()).toEqual([logName(2), snapshotName(2)]);
    const { mirror } = recover();
    expect([mirror.pagesBy.size, mirror.pagesBy.has(keyOf(1, 0)), mirror.pagesBy.has(keyOf(9, 0)), isRight(mirror)]).toEqual([10, false, true, true]);
  });

  it('killed while a snapshot is written, says what the older files say', async () => {
    const log = openLog();
    fill(log, 1, 3);
    await log.close();
    copyFileSync(join(folder, logName(1)), join(folder, `${snapshotName(2)}.tmp`));
    writeFileSync(join(folder, logName(2)), encodeHeader('log', PAGE_BYTES)); // the log that began with it
    expect(recover().mirror.pagesBy.size).toBe(3);
    await openLog().close();
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('keeps the old files and tries again when a snapshot fails', async () => {
    const log = openLog();
    fill(log, 1, 3);
    await expect(
      log.snapshot(function* () {
        yield;
        throw new RangeError('disk');
      }),
    ).rejects.toThrow('disk');
    log.pageGone(fileId(1), 2);
    await log.close();
    expect([...recover().mirror.pagesBy.keys()]).toEqual([keyOf(1, 0), keyOf(1, 1)]);
    expect(readdirSync(folder).filter((name) => name.startsWith('snapshot'))).toEqual([]);
  });

  it('names a snapshot without its last record as torn, and uses what is whole', async () => {
    const log = openLog();
    fill(log, 1, 2);
    await log.snapshot(function* (buffer, entries) {
      buffer.file(fileId(1), 2 * PAGE_BYTES, identity.uri, identity.version);
      entries.set([0, checksumOf(1, 0).low, checksumOf(1, 0).high]);
      buffer.pages(fileId(1), entries, 1);
      yield;
    });
    await log.close();
    const path = join(folder, snapshotName(2));
    truncateSync(path, readFileSync(path).length - GONE_RECORD_BYTES);
    const { mirror, recovered } = recover();
    expect([[...mirror.pagesBy.keys()], recovered.torn]).toEqual([[keyOf(1, 0)], [snapshotName(2)]]);
  });

  it('refuses the index of another format version or page size', async () => {
    await openLog().close();
    mkdirSync(join(folder, 'other'));
    writeFileSync(join(folder, 'other', logName(1)), encodeHeader('log', 2 * PAGE_BYTES));
    expect(errorOf(() => recover(join(folder, 'other')))).toMatchObject({ code: 'InvalidConfiguration', context: { remedy: expect.any(String) } });
  });

  it('tells garbage after the last record as torn, and cuts it off', async () => {
    const log = openLog();
    fill(log, 1, 1);
    await log.close();
    appendFileSync(join(folder, logName(1)), Buffer.alloc(100, 0xff));
    expect(recover().recovered.torn).toEqual([logName(1)]);
    const next = openLog();
    fill(next, 2, 1);
    await next.close();
    expect([...recover().mirror.pagesBy.keys()]).toEqual([keyOf(1, 0), keyOf(2, 0)]);
  });
});
