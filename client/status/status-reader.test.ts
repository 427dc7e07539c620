import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { Op } from '../../proto/frames/layout.ts';
import type { RoutedClient } from '../routed-client.ts';
import { FakeCluster, type FakeWorker } from '../testing/fake-cluster.ts';
import { ScriptedUfs } from '../testing/scripted-ufs.ts';

const closing: RoutedClient[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((client) => client.close()));
});

interface Scene {
  readonly ufs: ScriptedUfs;
  readonly cluster: FakeCluster;
  readonly client: RoutedClient;
  readonly clock: FakeClock;
}

async function scene(keys: readonly string[], settings: Parameters<FakeCluster['open']>[0] = {}): Promise<Scene> {
  const ufs = new ScriptedUfs();
  for (const key of keys) ufs.put(key, key);
  const clock = new FakeClock();
  const cluster = new FakeCluster({ ufs, clock });
  const client = await cluster.open(settings);
  closing.push(client);
  return { ufs, cluster, client, clock };
}

const requests = (cluster: FakeCluster, op: (typeof Op)[keyof typeof Op]): number => cluster.workers.reduce((sum, worker: FakeWorker) => sum + worker.count(op), 0);

describe('status', () => {
  it('is asked once while fresh, and again when it is old', async () => {
    const { client, cluster, clock } = await scene(['a']);
    for (let i = 0; i < 5; i++) expect(await client.status('/data/a')).toMatchObject({ type: 'file', path: '/data/a' });
    expect(requests(cluster, Op.Status)).toBe(1);
    await clock.advance(59_000);
    await client.status('/data/a');
    expect(requests(cluster, Op.Status)).toBe(1);
    expect((await client.lookup('/data/a')).ageMs).toBeGreaterThanOrEqual(59_000);
    await clock.advance(1500);
    await client.status('/data/a');
    expect(requests(cluster, Op.Status)).toBe(2);
  });

  it('a missing name is asked for again after a second', async () => {
    const { client, ufs, clock } = await scene([]);
    expect(await client.lookup('/data/new')).toMatchObject({ status: undefined, maxAgeMs: 1000 });
    ufs.put('new', 'x');
    expect(await client.status('/data/new')).toBeUndefined();
    await clock.advance(1100);
    expect(await client.status('/data/new')).toMatchObject({ type: 'file' });
  });

  it('maxAge 0 asks the present: it never joins a look-up sent before', async () => {
    const { client, cluster, ufs } = await scene(['a']);
    await client.status('/data/a');
    const changed = ufs.put('a', 'longer than before');
    expect((await client.status('/data/a'))?.version).not.toBe(changed.version);
    expect((await client.status('/data/a', { maxAgeMs: 0 }))?.version).toBe(changed.version);
    expect((await client.status('/data/a'))?.version).toBe(changed.version);
    expect(requests(cluster, Op.Status)).toBe(2);
  });

  it('invalidate makes the next look-up ask', async () => {
    const { client, cluster } = await scene(['a']);
    await client.status('/data/a');
    client.invalidate('/data/a');
    await client.status('/data/a');
    expect(requests(cluster, Op.Status)).toBe(2);
  });

  it('look-ups of one tick to one worker share a request, and equal paths one look-up', async () => {
    const keys = Array.from({ length: 300 }, (_, i) => `f${i}`);
    const { client, cluster } = await scene(keys);
    await client.status('/data/f0');
    const before = requests(cluster, Op.Status);
    const statuses = await Promise.all([...keys, ...keys].map((key) => client.status(`/data/${key}`)));
    expect(statuses.every((status, i) => status?.path === `/data/${keys[i % 300]}`)).toBe(true);
    expect(requests(cluster, Op.Status) - before).toBeLessThanOrEqual(2 * cluster.workers.length);
  });

  it('trouble with one path does not become the trouble of its batch', async () => {
    const { client, ufs } = await scene(['good1', 'bad', 'good2']);
    ufs.before = (op, key) => {
      if (key === 'bad') throw new CacheError('PermissionDenied', `${op} denied`, { source: 'ufs' });
    };
    const [good1, bad, good2] = await Promise.allSettled(['good1', 'bad', 'good2'].map((key) => client.status(`/data/${key}`)));
    expect([good1, good2]).toMatchObject([{ value: { type: 'file' } }, { value: { type: 'file' } }]);
    expect(bad).toMatchObject({ reason: { code: 'PermissionDenied' } });
  });

  it('a look-up that leaves does not stop the others', async () => {
    const { client } = await scene(['a']);
    const stop = new AbortController();
    const leaving = client.status('/data/a', { signal: stop.signal });
    const staying = client.status('/data/a');
    stop.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'Cancelled' });
    expect(await staying).toMatchObject({ type: 'file' });
  });

  it('tells the root and unknown mounts without a request', async () => {
    const { client, cluster } = await scene(['a']);
    expect(await client.status('/')).toMatchObject({ type: 'directory', path: '/' });
    expect(await client.status('/other/x')).toBeUndefined();
    await expect(client.openFile('/other/x')).rejects.toMatchObject({ code: 'PathNotFound' });
    expect(requests(cluster, Op.Status)).toBe(0);
  });

  it('names that are no UTF-8 arrive unchanged', async () => {
    const name = 'caf\udce9';
    const { client } = await scene([name]);
    expect(await client.status(`/data/${name}`)).toMatchObject({ path: `/data/${name}`, ufsUri: `s3://bucket/${name}` });
    expect((await client.list('/data')).entries[0]?.path).toBe(`/data/${name}`);
  });

  it('stays within its memory', async () => {
    const { client, cluster } = await scene(
      Array.from({ length: 200 }, (_, i) => `f${i}`),
      { settings: { statusCacheBytesMax: 20_000 } },
    );
    for (let i = 0; i < 200; i++) await client.status(`/data/f${i}`);
    const before = requests(cluster, Op.Status);
    for (let i = 170; i < 200; i++) await client.status(`/data/f${i}`);
    expect(requests(cluster, Op.Status) - before).toBe(0);
    for (let i = 0; i < 30; i++) await client.status(`/data/f${i}`);
    expect(requests(cluster, Op.Status) - before).toBe(30);
  });
});

describe('list', () => {
  it('pages through a directory and feeds the status cache', async () => {
    const keys = Array.from({ length: 25 }, (_, i) => `d/${String(i).padStart(3, '0')}`);
    const { client, cluster } = await scene([...keys, 'd/sub/x']);
    const names: string[] = [];
    let page = await client.list('/data/d', { limit: 10 });
    for (;;) {
      names.push(...page.entries.map((entry) => entry.path.slice('/data/d/'.length)));
      if (!page.truncated) break;
      page = await client.list('/data/d', { limit: 10, startAfter: page.next! });
    }
    expect(names).toEqual([...keys.map((key) => key.slice(2)), 'sub']);
    await client.status('/data/d/007');
    await client.openFile('/data/d/011');
    expect(requests(cluster, Op.Status)).toBe(0);
  });

  it('the root lists the mounts', async () => {
    const { client } = await scene([]);
    expect(await client.list('/')).toMatchObject({ entries: [{ path: '/data', type: 'directory' }], truncated: false });
  });

  it('a missing directory and a file are told apart, by workers and by the UFS alike', async () => {
    const { client, cluster } = await scene(['file']);
    const check = async (): Promise<void> => {
      await expect(client.list('/data/missing')).rejects.toMatchObject({ code: 'PathNotFound' });
      await expect(client.list('/data/file')).rejects.toMatchObject({ code: 'NotADirectory' });
    };
    await check();
    for (const worker of cluster.workers) worker.kill();
    await check();
  });
});
