import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { Op } from '../../proto/frames/layout.ts';
import type { FileHandle } from '../cache-client.ts';
import type { RoutedClient } from '../routed-client.ts';
import { FakeCluster, type FakeClusterOptions } from '../testing/fake-cluster.ts';
import { ScriptedUfs } from '../testing/scripted-ufs.ts';

const PAGE = 4096;
const closing: RoutedClient[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((client) => client.close()));
});

interface Scene {
  readonly cluster: FakeCluster;
  readonly client: RoutedClient;
  readonly bytes: Buffer;
  readonly handle: FileHandle;
}

async function scene(length: number, options: Partial<FakeClusterOptions> = {}): Promise<Scene> {
  const ufs = new ScriptedUfs();
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 8) * 13) & 0xff;
  ufs.put('file', bytes);
  const cluster = new FakeCluster({ ufs, pageSizeBytes: PAGE, ...options });
  const client = await cluster.open({ settings: { readAheadEnabled: false, pagesInFlightMax: 4 } });
  closing.push(client);
  return { cluster, client, bytes, handle: await client.openFile('/data/file') };
}

describe('a handle', () => {
  it('fills one buffer from many pages, a bounded number of them in flight', async () => {
    const { cluster, bytes, handle } = await scene(50 * PAGE + 5);
    let inFlight = 0;
    let peak = 0;
    for (const worker of cluster.workers) {
      worker.before = async (op) => {
        if (op !== Op.Read) return;
        peak = Math.max(peak, ++inFlight);
        await new Promise((resolve) => setImmediate(resolve));
        inFlight--;
      };
    }
    for (const [offset, length] of [
      [0, bytes.length],
      [1, bytes.length - 2],
      [PAGE - 1, 2],
      [PAGE, PAGE],
      [49 * PAGE + 1, 2 * PAGE],
    ] as const) {
      const into = Buffer.alloc(length, 0xee);
      const got = await handle.read(offset, into);
      expect(got).toBe(Math.min(length, bytes.length - offset));
      expect(Buffer.compare(into.subarray(0, got), bytes.subarray(offset, offset + got))).toBe(0);
      expect(into.subarray(got).every((byte) => byte === 0xee)).toBe(true);
    }
    expect(peak).toBe(4);
  });

  it('answers 0 bytes at and beyond the end, and of an empty file', async () => {
    const { handle } = await scene(10);
    expect(await handle.read(10, Buffer.alloc(5))).toBe(0);
    expect(await handle.read(1_000_000, Buffer.alloc(5))).toBe(0);
    expect(await handle.read(8, Buffer.alloc(5))).toBe(2);
    expect(await handle.read(0, Buffer.alloc(0))).toBe(0);
    const empty = await scene(0);
    expect(await empty.handle.read(0, Buffer.alloc(5))).toBe(0);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 60])('refuses the offset %p', async (offset) => {
    const { handle } = await scene(10);
    await expect(handle.read(offset, Buffer.alloc(1))).rejects.toMatchObject({ code: 'RangeInvalid' });
  });

  it('refuses reads after close; closing twice does nothing', async () => {
    const { handle } = await scene(10);
    handle.close();
    handle.close();
    await expect(handle.read(0, Buffer.alloc(1))).rejects.toMatchObject({ code: 'InvalidArgument' });
  });

  it('when a read over many pages has failed or was cancelled, nobody writes into the buffer any more', async () => {
    const { cluster, handle } = await scene(40 * PAGE);
    const stop = new AbortController();
    let reads = 0;
    for (const worker of cluster.workers) {
      worker.before = (op) => {
        if (op === Op.Read && ++reads === 6) stop.abort();
      };
    }
    const into = Buffer.alloc(40 * PAGE);
    await expect(handle.read(0, into, { signal: stop.signal })).rejects.toMatchObject({ code: 'Cancelled' });
    into.fill(0xee);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(into.every((byte) => byte === 0xee)).toBe(true);
    expect(reads).toBeLessThan(20);
  });

  it('ends within its deadline when neither workers nor the UFS answer, and blames the right one', async () => {
    const clock = new FakeClock();
    const { cluster, handle } = await scene(PAGE, { clock });
    for (const worker of cluster.workers) worker.state = 'hung';
    cluster.ufs.before = () => {
      throw new CacheError('UfsUnavailable', 'scripted', { source: 'ufs' });
    };
    const startMs = clock.nowMs();
    let over = false;
    const reading = handle.read(0, Buffer.alloc(10), { timeoutMs: 5000 }).finally(() => (over = true));
    reading.catch(() => undefined);
    for (let i = 0; i < 400 && !over; i++) await clock.advance(50);
    await expect(reading).rejects.toMatchObject({ code: expect.stringMatching(/UfsUnavailable|WorkerUnavailable|DeadlineExceeded/) });
    expect(clock.nowMs() - startMs).toBeLessThanOrEqual(5500);
  });

  it('a UFS that comes back within the deadline costs no error', async () => {
    const clock = new FakeClock();
    const { cluster, bytes, handle } = await scene(PAGE, { clock });
    for (const worker of cluster.workers) worker.kill();
    let failures = 4;
    cluster.ufs.before = (op) => {
      if (op === 'read' && failures-- > 0) throw new CacheError('UfsThrottled', 'scripted', { source: 'ufs' });
    };
    const into = Buffer.alloc(PAGE);
    let over = false;
    const reading = handle.read(0, into).finally(() => (over = true));
    reading.catch(() => undefined);
    for (let i = 0; i < 400 && !over; i++) await clock.advance(50);
    expect(await reading).toBe(PAGE);
    expect(into.equals(bytes)).toBe(true);
  });
});
