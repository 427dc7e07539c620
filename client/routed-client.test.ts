import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../common/async/index.ts';
import { CacheError } from '../common/errors/index.ts';
import { Op } from '../proto/frames/layout.ts';
import type { RoutedClient } from './routed-client.ts';
import { FakeCluster, type FakeClusterOptions, type FakeWorker } from './testing/fake-cluster.ts';
import { ScriptedUfs } from './testing/scripted-ufs.ts';

const PAGE = 64 * 1024;
const closing: RoutedClient[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((client) => client.close()));
});

function pattern(length: number, salt = 7): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(i ^ salt, 2_654_435_761) >>> 11;
  return bytes;
}

/** Jest's own comparison walks byte by byte. */
const expectSame = (actual: Uint8Array, expected: Uint8Array): void => expect(Buffer.compare(actual, expected)).toBe(0);

interface Scene {
  readonly cluster: FakeCluster;
  readonly client: RoutedClient;
  readonly bytes: Buffer;
  readonly owner: FakeWorker;
}

async function scene(options: Partial<FakeClusterOptions> = {}, open: Parameters<FakeCluster['open']>[0] = {}): Promise<Scene> {
  const ufs = new ScriptedUfs();
  const bytes = pattern(PAGE * 5 + 123);
  ufs.put('file', bytes);
  const cluster = new FakeCluster({ ufs, ...options });
  const client = await cluster.open({ ...open, settings: { readAheadEnabled: false, ...open.settings } });
  closing.push(client);
  return { cluster, client, bytes, owner: cluster.worker(client.route('/data/file').owner?.workerId) };
}

async function readAll(client: RoutedClient, length: number, piece = 10_000): Promise<Buffer> {
  const handle = await client.openFile('/data/file');
  const into = Buffer.alloc(length);
  for (let at = 0; at < length; at += piece) await handle.read(at, into.subarray(at, Math.min(length, at + piece)));
  handle.close();
  return into;
}

/** Lets the fake clock run while a promise is pending. */
async function withTime<T>(clock: FakeClock, promise: Promise<T>, stepMs = 50, steps = 4000): Promise<T> {
  let over = false;
  const done = promise.finally(() => (over = true));
  done.catch(() => undefined);
  for (let i = 0; i < steps && !over; i++) await clock.advance(stepMs);
  return await done;
}

describe('routing', () => {
  it('reads every page from the owner, each from the UFS once', async () => {
    const { cluster, client, bytes, owner } = await scene();
    expectSame(await readAll(client, bytes.length), bytes);
    expectSame(await readAll(client, bytes.length), bytes);
    expect(cluster.workers.filter((worker) => worker.count(Op.Read) > 0)).toEqual([owner]);
    expect(cluster.ufs.requests.read).toBe(6);
    expect(client.counters).toMatchObject({ replicaReads: 0, passThroughReads: 0, ufsReads: 0, fallbacks: 0 });
  });

  it('takes the unix socket of a co-located owner and TCP otherwise', async () => {
    const { client, bytes, owner } = await scene({ hostIds: ['here', 'here', 'here'] }, { localHostId: 'here' });
    await readAll(client, bytes.length);
    expect(owner.asked.filter((asked) => asked.op === Op.Read).every((asked) => asked.viaUnix)).toBe(true);
    const apart = await scene({}, { localHostId: 'elsewhere' });
    await readAll(apart.client, apart.bytes.length);
    expect(apart.owner.asked.some((asked) => asked.viaUnix)).toBe(false);
  });

  it('a read in flight when its worker is killed goes on elsewhere with the right bytes', async () => {
    const { client, bytes, owner } = await scene();
    owner.before = (op, offset) => {
      if (op === Op.Read && offset >= PAGE) owner.kill();
    };
    expectSame(await readAll(client, bytes.length), bytes);
    expect(client.counters.ownerReads).toBeGreaterThan(0);
    expect(client.counters.passThroughReads).toBeGreaterThan(0);
    expect(client.counters.fallbacksByCause).toEqual({ WorkerUnavailable: client.counters.fallbacks });
  });

  it('a suspect is not asked again until a probe in the background has found it', async () => {
    const clock = new FakeClock();
    const { client, bytes, owner, cluster } = await scene({ clock });
    owner.kill();
    expectSame(await withTime(clock, readAll(client, bytes.length), 1), bytes);
    expect(client.counters.fallbacks).toBeLessThanOrEqual(3);
    const route = client.route('/data/file');
    expect(route.owner).toMatchObject({ workerId: owner.record.uuid, suspect: true });
    expect(route.targets.at(-1)).toMatchObject({ workerId: owner.record.uuid });
    owner.state = 'alive';
    await clock.advance(60_000);
    expect(client.route('/data/file').owner?.suspect).toBe(false);
    const before = cluster.worker(owner.record.uuid).count(Op.Read);
    await withTime(clock, readAll(client, bytes.length), 1);
    expect(owner.count(Op.Read)).toBeGreaterThan(before);
  });

  it('probes of a dead worker come less and less often, but never stop', async () => {
    const clock = new FakeClock();
    const { client, bytes, owner, cluster } = await scene({ clock, workers: 1 });
    owner.kill();
    await withTime(clock, readAll(client, bytes.length), 1);
    const at = cluster.connects;
    await clock.advance(10_000);
    const early = cluster.connects - at;
    await clock.advance(600_000);
    const late = cluster.connects - at - early;
    expect(early).toBeGreaterThan(3);
    expect(late).toBeGreaterThan(50);
    expect(late / 60).toBeLessThan(early);
  });

  it('a hint that the owner does not answer is no fallback and no reason for suspicion', async () => {
    const clock = new FakeClock();
    const told: string[] = [];
    const observer = { fallback: (_: string, code: string) => told.push(code), suspect: (id: string) => told.push(id) };
    const { client, bytes, owner } = await scene({ clock }, { observer, settings: { readAheadEnabled: true, readAheadWindowBytesMax: PAGE } });
    owner.before = (op) => (op === Op.ReadAhead ? new Promise(() => undefined) : undefined);
    expectSame(await withTime(clock, readAll(client, bytes.length), 1), bytes);
    await clock.advance(5000);
    expect(owner.count(Op.ReadAhead)).toBeGreaterThan(0);
    expect(client.counters).toMatchObject({ fallbacks: 0, ufsReads: 0, retries: 0 });
    expect(told).toEqual([]);
  });

  it('a cancelled call is not the fault of the worker', async () => {
    const { client, owner } = await scene();
    const handle = await client.openFile('/data/file');
    const stop = new AbortController();
    owner.before = (op) => {
      if (op !== Op.Read) return undefined;
      stop.abort();
      return new Promise(() => undefined);
    };
    await expect(handle.read(0, Buffer.alloc(10), { signal: stop.signal })).rejects.toMatchObject({ code: 'Cancelled' });
    expect(client.route('/data/file').owner?.suspect).toBe(false);
    expect(client.counters.fallbacks).toBe(0);
  });

  it('a slow UFS is not the fault of the worker: it is pinged and waited for', async () => {
    const clock = new FakeClock();
    const { client, bytes, owner } = await scene({ clock });
    let isSlow = true;
    owner.before = (op) => (op === Op.Read && isSlow ? new Promise((resolve) => clock.schedule(8000, () => resolve())) : undefined);
    const handle = await client.openFile('/data/file').catch(() => undefined);
    const opened = handle ?? (await withTime(clock, client.openFile('/data/file')));
    const into = Buffer.alloc(100);
    expect(await withTime(clock, opened.read(0, into), 100)).toBe(100);
    isSlow = false;
    expect(into.equals(bytes.subarray(0, 100))).toBe(true);
    expect(owner.pings).toBeGreaterThan(3);
    expect(client.counters).toMatchObject({ ownerReads: 1, fallbacks: 0 });
  });

  it('a worker that accepts and stays silent is left within seconds', async () => {
    const clock = new FakeClock();
    const { client, bytes, owner } = await scene({ clock });
    const handle = await client.openFile('/data/file');
    owner.state = 'hung';
    const startMs = clock.nowMs();
    const into = Buffer.alloc(100);
    await withTime(clock, handle.read(0, into));
    expect(into.equals(bytes.subarray(0, 100))).toBe(true);
    expect(clock.nowMs() - startMs).toBeLessThan(4000);
    expect(client.route('/data/file').owner?.suspect).toBe(true);
  });

  it.each(['Internal', 'PageCorrupt', 'Overloaded', 'CacheFull', 'Unsupported', 'MountNotFound', 'UfsUnavailable', 'InvalidArgument'] as const)(
    'an owner that answers %s is passed over, not believed',
    async (code) => {
      const { client, bytes, owner } = await scene();
      owner.before = (op) => {
        if (op === Op.Read) throw new CacheError(code, 'scripted', { source: 'worker' });
      };
      expectSame(await readAll(client, bytes.length, PAGE), bytes);
      expect(client.counters.fallbacksByCause[code]).toBeGreaterThan(0);
    },
  );

  it('a reply of the wrong length is passed over', async () => {
    const { client, bytes, owner } = await scene();
    owner.wrongLength = 17;
    expectSame(await readAll(client, bytes.length), bytes);
    expect(client.counters.ownerReads).toBe(0);
    expect(client.counters.fallbacksByCause.Internal).toBeGreaterThan(0);
  });

  it('in a static ring an offline worker keeps its keys: the next worker answers, then the owner again', async () => {
    const { cluster, client, bytes, owner } = await scene();
    cluster.publish({ staticRing: true, offline: [owner.record.uuid] });
    await new Promise<void>((resolve) => client.onView(() => resolve()));
    expect(client.route('/data/file').owner).toMatchObject({ workerId: owner.record.uuid, online: false });
    const asked = owner.asked.length;
    expectSame(await readAll(client, bytes.length), bytes);
    expect(owner.asked).toHaveLength(asked);
  });

  it('opens a bounded number of connections, and only when the open ones are busy', async () => {
    const { cluster, client, owner } = await scene({}, { settings: { connectionsPerWorkerMax: 3 } });
    const handle = await client.openFile('/data/file');
    for (let i = 0; i < 20; i++) await handle.read(i, Buffer.alloc(1));
    expect(owner.connections.size).toBeLessThanOrEqual(2); // one, and the membership poll's
    await Promise.all(Array.from({ length: 100 }, (_, i) => handle.read(i * 1000, Buffer.alloc(100))));
    await Promise.all(Array.from({ length: 100 }, (_, i) => handle.read(i * 1000, Buffer.alloc(100))));
    expect(owner.connections.size).toBeGreaterThan(1);
    expect(owner.connections.size).toBeLessThanOrEqual(4);
    expect(cluster.connects).toBeLessThan(10);
  });

  it('reads in flight when the client is closed end at once, and leave nobody suspect or asked', async () => {
    const { cluster, client, owner } = await scene();
    const handle = await client.openFile('/data/file');
    owner.state = 'hung';
    const reading = handle.read(0, Buffer.alloc(10));
    reading.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    await client.close();
    await expect(reading).rejects.toMatchObject({ code: 'Cancelled' });
    expect(client.counters).toMatchObject({ ufsReads: 0, passThroughReads: 0 });
    expect(() => client.openVersion(handle.status)).toThrow(expect.objectContaining({ code: 'Cancelled' }));
    expect(cluster.workers.every((worker) => worker.connections.size === 0)).toBe(true);
  });

  it('closes idle connections', async () => {
    const clock = new FakeClock();
    const { client, bytes, owner } = await scene({ clock });
    await withTime(clock, readAll(client, bytes.length), 1);
    await clock.advance(120_000);
    expect(owner.connections.size).toBeLessThanOrEqual(1);
  });
});

describe('without workers', () => {
  it('reads, lists and looks up in the UFS, a 128 KiB reader with one request per block', async () => {
    const { cluster, client } = await scene({ pageSizeBytes: 4 * 2 ** 20 });
    const big = pattern(8 * 2 ** 20);
    cluster.ufs.put('file', big);
    for (const worker of cluster.workers) worker.kill();
    expectSame(await readAll(client, big.length, 128 * 1024), big);
    expect(cluster.ufs.requests.read).toBeLessThanOrEqual(4);
    expect(client.counters.ufsBytes).toBeLessThanOrEqual(big.length + 512 * 1024);
    expect((await client.list('/data')).entries.map((entry) => entry.path)).toEqual(['/data/file']);
    expect(await client.status('/data/missing')).toBeUndefined();
  });

  it('many readers of one block make one request', async () => {
    const { cluster, client, bytes } = await scene();
    const handle = await client.openFile('/data/file');
    for (const worker of cluster.workers) worker.kill();
    const into = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const buffer = Buffer.alloc(100);
        await handle.read(i * 100, buffer);
        return buffer;
      }),
    );
    expect(Buffer.concat(into).equals(bytes.subarray(0, 3000))).toBe(true);
    expect(cluster.ufs.requests.read).toBe(1);
  });

  it('without the sealing key the error names the remedy', async () => {
    const { cluster, client } = await scene({ sealedOptions: 'AAAA' });
    const handle = await client.openFile('/data/file');
    for (const worker of cluster.workers) worker.kill();
    const error = await handle.read(0, Buffer.alloc(10)).catch((thrown: unknown) => thrown as CacheError);
    expect(error).toMatchObject({ code: 'WorkerUnavailable', context: { remedy: expect.stringContaining('sealing key') } });
    expect(cluster.ufs.requests.read).toBe(0);
  });

  it('direct reads keep the budget, divided by the live clients', async () => {
    const clock = new FakeClock();
    const settings = { directBytesPerSecond: 4 * PAGE, directCacheBytesMax: 0, callTimeoutMs: 600_000 };
    const { cluster, client, bytes } = await scene({ clock }, { settings });
    cluster.publish({ fuseClients: 4 });
    const handle = await client.openFile('/data/file');
    for (const worker of cluster.workers) worker.kill();
    const startMs = clock.nowMs();
    const into = Buffer.alloc(bytes.length);
    for (let i = 0; i < 5; i++) await withTime(clock, handle.read(i * PAGE, into.subarray(i * PAGE, (i + 1) * PAGE)));
    // One page a second; the bucket was opened with one second's worth.
    expect(clock.nowMs() - startMs).toBeGreaterThan(3500);
  });
});

describe('versions', () => {
  it('a handle never returns bytes of another version; the next open sees the new one', async () => {
    const { cluster, client, bytes } = await scene();
    const handle = await client.openFile('/data/file');
    const into = Buffer.alloc(PAGE);
    await handle.read(0, into);
    const changed = pattern(bytes.length, 99);
    cluster.ufs.put('file', changed);
    await handle.read(0, into); // held by the owner's cache: still the old version
    expect(into.equals(bytes.subarray(0, PAGE))).toBe(true);
    await expect(handle.read(PAGE, into)).rejects.toMatchObject({ code: 'UfsObjectChanged' });
    expectSame(await readAll(client, changed.length), changed);
  });

  it('pages of a vanished version are read from whoever still holds them', async () => {
    const { cluster, client, bytes, owner } = await scene();
    const handle = await client.openFile('/data/file');
    const into = Buffer.alloc(PAGE);
    await handle.read(0, into);
    const other = cluster.worker(client.route('/data/file').targets[1]?.workerId);
    for (const [key, page] of owner.pages) other.pages.set(key, page);
    owner.pages.clear();
    await cluster.ufs.delete('file');
    into.fill(0);
    await handle.read(0, into);
    expect(into.equals(bytes.subarray(0, PAGE))).toBe(true);
    await expect(handle.read(PAGE, into)).rejects.toMatchObject({ code: 'UfsObjectChanged' });
  });
});

describe('membership', () => {
  it('follows newer views, ignores older ones and orders generations before revisions', async () => {
    const { cluster, client } = await scene();
    const next = (): Promise<void> => new Promise((resolve) => client.onView(() => resolve()));
    let seen = next();
    cluster.publish({ revision: 10 });
    await seen;
    expect(client.view.revision).toBe(10);
    cluster.publish({ revision: 5 });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(client.view.revision).toBe(10);
    seen = next();
    cluster.publish({ revision: 2, generation: 2 });
    await seen;
    expect(client.view).toMatchObject({ revision: 2, generation: 2 });
  });

  it('the last view holds when all workers are gone, and a returning worker is found', async () => {
    const clock = new FakeClock();
    const { cluster, client } = await scene({ clock });
    for (const worker of cluster.workers) worker.kill();
    await clock.advance(60_000);
    expect(client.view.members).toHaveLength(3);
    cluster.workers[1]!.state = 'alive';
    cluster.publish();
    await withTime(clock, new Promise<void>((resolve) => client.onView(() => resolve())), 100, 300);
    expect(client.view.revision).toBe(2);
  });

  it('refuses workers of another cluster and says so', async () => {
    const cluster = new FakeCluster({ ufs: new ScriptedUfs() });
    const session = { keys: { clusterUid: 'other', dataPlaneKey: new Uint8Array(32) }, role: 'fuse', identity: 'x' } as const;
    await expect(cluster.open({ session })).rejects.toMatchObject({ code: 'InvalidConfiguration', message: expect.stringContaining('another cluster') });
  });

  it('a start without any worker ends with an error that names the endpoints', async () => {
    const clock = new FakeClock();
    const cluster = new FakeCluster({ ufs: new ScriptedUfs(), clock });
    for (const worker of cluster.workers) worker.kill();
    await expect(withTime(clock, cluster.open())).rejects.toMatchObject({ code: 'WorkerUnavailable', context: { endpoints: expect.stringContaining('fake:1000') } });
  });
});
