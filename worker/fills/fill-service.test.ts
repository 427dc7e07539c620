import { describe, expect, it } from '@jest/globals';
import { CacheError } from '../../common/errors/index.ts';
import { fileIdOf } from '../../common/hash/index.ts';
import { MemoryUfs } from '../../ufs/testing/memory-ufs.ts';
import { MemoryPageStore } from '../testing/memory-page-store.ts';
import { FillService, type FillRequest, type UnstoredCause } from './fill-service.ts';
import type { PageRange, PageSource } from './page-fill.ts';
import { isTooYoung, ufsSource } from './ufs-source.ts';

const PAGE = 64;
const BYTES = Buffer.from(Array.from({ length: PAGE * 2 + 10 }, (_, i) => i % 251));
const never = new AbortController().signal;

/** A source that the test moves by hand. */
class ScriptedSource {
  calls = 0;
  aborted = false;
  #progress: (count: number, from: 'ufs') => void = () => undefined;
  #end: (error?: CacheError) => void = () => undefined;
  #offset = 0;
  readonly at = (range: PageRange): PageSource => {
    this.#offset = range.offset;
    return this.read;
  };
  readonly read: PageSource = (into, onProgress, signal) => {
    this.calls++;
    into.set(BYTES.subarray(this.#offset, this.#offset + into.length));
    this.#progress = onProgress;
    return new Promise((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve('ufs') : reject(error));
      signal.addEventListener('abort', () => {
        this.aborted = true;
        reject(signal.reason as Error);
      });
    });
  };
  progress = (count: number): void => this.#progress(count, 'ufs');
  end = (error?: CacheError): void => this.#end(error);
}

function setUp(options: { waitersMax?: number } = {}) {
  const store = new MemoryPageStore(PAGE);
  const seen = { filled: 0, joined: 0, failed: [] as string[], unstored: [] as UnstoredCause[] };
  const observer = {
    filled: () => void seen.filled++,
    joined: () => void seen.joined++,
    failed: (error: CacheError) => void seen.failed.push(error.code),
    unstored: (cause: UnstoredCause) => void seen.unstored.push(cause),
  };
  const fills = new FillService({ store, concurrency: 4, waitersMax: options.waitersMax ?? 100, timeoutMs: 10_000, passThroughBytes: PAGE * 2, observer, stepBytes: 16 });
  const source = new ScriptedSource();
  const file = { fileId: fileIdOf('memory://test/f', 'v'), ufsUri: 'memory://test/f', version: 'v', lengthBytes: BYTES.length };
  const request: FillRequest = { file, pageIndex: 0, source: source.at };
  return { store, seen, fills, source, request, file };
}
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Whatever happened, nothing may be left behind. */
async function expectNoLeaks({ fills, store }: ReturnType<typeof setUp>): Promise<void> {
  await turn();
  expect({ ...fills.load, reservations: store.openReservations }).toMatchObject({ fills: 0, buffers: 0, waiting: 0, reservations: 0 });
}

describe('a fill', () => {
  it('100 first readers of one page make one request', async () => {
    const t = setUp();
    const readers = Array.from({ length: 100 }, () => t.fills.read(t.request, { offset: 0, length: PAGE }, never));
    await turn();
    t.source.end();
    for (const answer of await Promise.all(readers)) expect(answer).toEqual({ kind: 'cached', from: 'ufs' });
    expect(t.source.calls).toBe(1);
    expect(t.seen).toMatchObject({ filled: 1, joined: 99 });
    expect(t.store.isResident(0, 0)).toBe(true);
    await expectNoLeaks(t);
  });

  it('a page store that can take no file, or fails, is no reason to fail a read', async () => {
    for (const [code, cause] of [
      ['CacheFull', 'full'],
      ['Internal', 'disk-error'],
    ] as const) {
      const t = setUp();
      t.store.admitFile = () => {
        throw new CacheError(code, 'no room');
      };
      const reader = t.fills.read(t.request, { offset: 0, length: 10 }, never);
      await turn();
      t.source.end();
      expect(await reader).toMatchObject({ kind: 'bytes', bytes: BYTES.subarray(0, 10) });
      expect(t.seen.unstored).toEqual([cause]);
      await expectNoLeaks(t);
    }
  });

  it('answers a waiter when the watermark has passed its range, not before, not only at the end', async () => {
    const t = setUp();
    let isEarlyDone = false;
    const early = t.fills.read(t.request, { offset: 4, length: 12 }, never).then(() => (isEarlyDone = true));
    const late = t.fills.read(t.request, { offset: 0, length: PAGE }, never);
    await turn();
    t.source.progress(15);
    await turn();
    expect(isEarlyDone).toBe(false);
    t.source.progress(16);
    await early;
    expect(t.fills.load.waiting).toBe(1);
    t.source.end();
    expect(await late).toEqual({ kind: 'cached', from: 'ufs' });
    await expectNoLeaks(t);
  });

  it.each([
    [31, true],
    [32, false],
  ])('whose last waiter leaves at %i of 64 bytes is aborted: %p', async (received, isAborted) => {
    const t = setUp();
    const leaver = new AbortController();
    const reader = t.fills.read(t.request, { offset: 0, length: PAGE }, leaver.signal);
    await turn();
    t.source.progress(received);
    leaver.abort();
    await expect(reader).rejects.toMatchObject({ code: 'Cancelled' });
    expect(t.source.aborted).toBe(isAborted);
    t.source.end();
    await expectNoLeaks(t);
    expect(t.store.isResident(0, 0)).toBe(!isAborted);
  });

  it('one waiter leaving does not disturb the others, and a newcomer never joins an aborted fill', async () => {
    const t = setUp();
    const leaver = new AbortController();
    const leaving = t.fills.read(t.request, { offset: 0, length: PAGE }, leaver.signal);
    const last = new AbortController();
    const staying = t.fills.read(t.request, { offset: 0, length: PAGE }, last.signal);
    await turn();
    leaver.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'Cancelled' });
    expect(t.source.aborted).toBe(false);
    last.abort();
    const second = new ScriptedSource();
    const newcomer = t.fills.read({ ...t.request, source: second.at }, { offset: 0, length: PAGE }, never);
    await expect(staying).rejects.toMatchObject({ code: 'Cancelled' });
    await turn();
    second.end();
    expect(await newcomer).toEqual({ kind: 'cached', from: 'ufs' });
    await expectNoLeaks(t);
  });

  it('that fails tells every waiter the typed error and stores nothing', async () => {
    const t = setUp();
    const readers = [1, 2, 3].map(() => t.fills.read(t.request, { offset: 40, length: 8 }, never));
    await turn();
    t.source.progress(32);
    t.source.end(new CacheError('UfsObjectChanged', 'changed', { source: 'ufs' }));
    for (const reader of readers) await expect(reader).rejects.toMatchObject({ code: 'UfsObjectChanged' });
    expect(t.store.isResident(0, 0)).toBe(false);
    await expectNoLeaks(t);
  });

  it.each(['full', 'no-healthy-directory'] as const)('that the store refuses (%s) is served unstored from bounded memory', async (refusal) => {
    const t = setUp();
    t.store.refusal = refusal;
    const sources = [0, 1, 2].map(() => new ScriptedSource());
    const readers = sources.map((source, pageIndex) => t.fills.read({ ...t.request, pageIndex, source: source.at }, { offset: 2, length: 5 }, never));
    await turn();
    expect(sources.map(({ calls }) => calls)).toEqual([1, 1, 0]);
    sources[0]!.end();
    expect(await readers[0]).toMatchObject({ kind: 'bytes', bytes: BYTES.subarray(2, 7) });
    await turn();
    expect(sources[2]!.calls).toBe(1);
    for (const source of sources) source.end();
    await Promise.all(readers);
    expect(t.seen.unstored).toEqual([refusal, refusal, refusal]);
    await expectNoLeaks(t);
  });

  it('that is not kept asks the UFS for the range alone, once for all who want the same', async () => {
    const t = setUp();
    const ranges: PageRange[] = [];
    const request: FillRequest = {
      ...t.request,
      unstored: 'not-owner',
      source: (range) => {
        ranges.push(range);
        return t.source.at(range);
      },
    };
    const readers = [1, 2, 3].map(() => t.fills.read(request, { offset: 40, length: 8 }, never));
    const beyond = t.fills.read({ ...request, pageIndex: 2 }, { offset: 10, length: 8 }, never);
    await turn();
    t.source.end();
    for (const reader of readers) expect(await reader).toMatchObject({ kind: 'bytes', bytes: BYTES.subarray(40, 48) });
    expect(ranges).toEqual([{ offset: 40, length: 8 }]);
    await expect(beyond).rejects.toMatchObject({ code: 'RangeInvalid' });
    await expectNoLeaks(t);
  });

  it('goes on unstored after a disk error', async () => {
    const t = setUp();
    t.store.failWritesAfter = 16;
    const reader = t.fills.read(t.request, { offset: 10, length: 40 }, never);
    await turn();
    t.source.progress(16);
    t.source.progress(40);
    t.source.end();
    expect(await reader).toMatchObject({ kind: 'bytes', bytes: BYTES.subarray(10, 50) });
    expect(t.seen.unstored).toEqual(['disk-error']);
    expect(t.store.isResident(0, 0)).toBe(false);
    await expectNoLeaks(t);
  });

  it('too many waiters are told Overloaded; a page beyond the end is refused; closing ends everything', async () => {
    const t = setUp({ waitersMax: 1 });
    const reader = t.fills.read(t.request, { offset: 0, length: 1 }, never);
    await expect(t.fills.read(t.request, { offset: 0, length: 1 }, never)).rejects.toMatchObject({ code: 'Overloaded' });
    const closing = t.fills.close();
    await expect(reader).rejects.toMatchObject({ code: 'WorkerUnavailable' });
    await closing;
    await expectNoLeaks(t);
    const other = setUp();
    await expect(other.fills.read({ ...other.request, pageIndex: 3 }, { offset: 0, length: 1 }, never)).rejects.toMatchObject({ code: 'RangeInvalid' });
    await expectNoLeaks(other);
  });

  it.each(['ends unstored', 'fails'])('that %s is never joined again: who asks at once starts another one', async (outcome) => {
    const t = setUp();
    t.store.refusal = 'full';
    const second = new ScriptedSource();
    const again = (): ReturnType<FillService['read']> => t.fills.read({ ...t.request, source: second.at }, { offset: 0, length: 4 }, never);
    const reader = t.fills.read(t.request, { offset: 0, length: 4 }, never).then(again, again);
    await turn();
    t.source.end(outcome === 'fails' ? new CacheError('UfsUnavailable', 'down', { source: 'ufs' }) : undefined);
    await turn();
    expect(second.calls).toBe(1);
    second.end();
    expect(await reader).toMatchObject({ kind: 'bytes', bytes: BYTES.subarray(0, 4) });
    await expectNoLeaks(t);
  });

  it('read ahead needs no waiter and does not fill twice', async () => {
    const t = setUp();
    expect([t.fills.readAhead(t.request), t.fills.readAhead(t.request)]).toEqual([true, false]);
    await turn();
    t.source.end();
    await turn();
    expect(t.store.isResident(0, 0)).toBe(true);
    expect(t.fills.readAhead(t.request)).toBe(false);
    t.store.refusal = 'full';
    expect(t.fills.readAhead({ ...t.request, pageIndex: 1 })).toBe(false);
    await expectNoLeaks(t);
  });
});

describe('the UFS source', () => {
  it('fills each page of an object, the short last one too', async () => {
    const t = setUp();
    const ufs = new MemoryUfs({ objects: { f: BYTES } });
    const { version } = (await ufs.status('f'))!;
    for (const pageIndex of [0, 1, 2]) {
      const source = ufsSource(ufs, { key: 'f', version, length: BYTES.length }, pageIndex * PAGE);
      expect(await t.fills.read({ ...t.request, pageIndex, source: () => source }, { offset: 0, length: PAGE }, never)).toEqual({ kind: 'cached', from: 'ufs' });
      const page = Buffer.alloc(PAGE);
      await turn();
      const count = t.store.read(0, pageIndex, 0, page)!;
      expect(page.subarray(0, count)).toEqual(BYTES.subarray(pageIndex * PAGE, (pageIndex + 1) * PAGE));
    }
    await expectNoLeaks(t);
  });

  it('tells no progress for weak versions, which are only checked at the end', async () => {
    const ufs = new MemoryUfs({ objects: { f: BYTES } });
    const weak = Object.assign(Object.create(ufs) as MemoryUfs, { capabilities: { ...ufs.capabilities, versionStrength: 'weak' } });
    let told: boolean | undefined;
    weak.read = async (_file, _offset, into, options) => {
      told = options?.onProgress !== undefined;
      return into.length;
    };
    await ufsSource(weak, { key: 'f', version: 'v', length: 4 }, 0)(Buffer.alloc(4), () => undefined, never);
    expect(told).toBe(false);
  });

  it('takes a weak version for settled two seconds after its last change only', () => {
    expect(isTooYoung('file:1-10-1000000000-5000000000', 6999)).toBe(true);
    expect(isTooYoung('file:1-10-1000000000-5000000000', 7000)).toBe(false);
    expect(isTooYoung('odd', 1e15)).toBe(true);
  });
});
