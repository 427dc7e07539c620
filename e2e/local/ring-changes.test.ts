// Workers come, go and come back: what moves on the ring, and what does not.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RequestFlag } from '../../proto/frames/layout.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, eventually, startCluster } from '../harness/cluster.ts';
import { patternBytes } from '../harness/pattern.ts';
import { connectWorker, readRange } from '../harness/raw-session.ts';
import { MIB, ownerOf, PAGE_BYTES, pathOf, readFile } from '../harness/reading.ts';

const KEYS = Array.from({ length: 5000 }, (_, i) => `train/${i % 97}/${i}.tar`);

describe('a dynamic ring', () => {
  let bucket: Bucket;
  let cluster: Cluster;

  beforeAll(async () => {
    bucket = await startBucket({ latencyMs: 20 });
    cluster = await startCluster({ workers: 3, ufs: bucket.ufs });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  it('moves at most 1.1/(N+1) of the keys when a worker is added to N, and only to it', async () => {
    const client = await cluster.client();
    const before = KEYS.map((key) => ownerOf(client, key));
    const slot = await cluster.addWorker();
    await cluster.awaitOnline(4);
    const uuid = await cluster.uuidOf(slot.index);
    await eventually('the client sees four workers', () => client.view.members.filter((member) => member.online).length === 4);
    const after = KEYS.map((key) => ownerOf(client, key));
    const moved = after.filter((owner, i) => owner !== before[i]);
    expect(moved.length).toBeGreaterThan(0);
    expect(new Set(moved)).toEqual(new Set([uuid]));
    expect(moved.length / KEYS.length).toBeLessThanOrEqual(1.1 / 4);
  }, 60_000);

  it('answers clients of different ring views at once with the right bytes and at most one extra fill', async () => {
    const client = await cluster.client();
    await bucket.putPattern('two-views', 8, 3 * PAGE_BYTES);
    const status = (await client.status(pathOf('two-views')))!;
    const owner = await cluster.workerOf(ownerOf(client, 'two-views'));
    const other = cluster.workers.find((slot) => slot.index !== owner.index)!;
    // Each believes that another worker owns the file.
    const [right, wrong] = await Promise.all([connectWorker(cluster, owner, 'right-view'), connectWorker(cluster, other, 'wrong-view')]);
    const before = bucket.proxy.dataRequests();
    for (let page = 0; page < 3; page++) {
      const expected = patternBytes(8, page * PAGE_BYTES, MIB);
      const range = { status, offset: page * PAGE_BYTES, length: MIB };
      const answers = await Promise.all([readRange(right, range), readRange(wrong, range), readRange(wrong, range)]);
      for (const bytes of answers) expect(bytes.equals(expected)).toBe(true);
      expect(bucket.proxy.dataRequests() - before).toBeLessThanOrEqual(2 * (page + 1));
    }
    right.close();
    wrong.close();
  }, 60_000);

  it('serves a forwarded request itself and never forwards it again', async () => {
    const client = await cluster.client();
    await bucket.putPattern('forwarded', 9, PAGE_BYTES);
    const status = (await client.status(pathOf('forwarded')))!;
    const ownerUuid = ownerOf(client, 'forwarded');
    const others = cluster.workers.filter((slot) => slot.process !== undefined);
    for (const slot of others) {
      if ((await cluster.uuidOf(slot.index)) === ownerUuid) continue;
      const asked = await cluster.workerSum('alluxio_worker_peer_reads_total');
      const session = await connectWorker(cluster, slot, 'peer', 'worker');
      const bytes = await readRange(session, { status, offset: 0, length: MIB, flags: RequestFlag.Forwarded });
      expect(bytes.equals(patternBytes(9, 0, MIB))).toBe(true);
      expect((await cluster.workerSum('alluxio_worker_peer_reads_total')) - asked).toBe(0);
      session.close();
    }
    // Forwarded requests store nothing where the file does not belong.
    const report = await client.residency(pathOf('forwarded'));
    expect(report.holders.filter((holder) => holder.workerId !== ownerUuid && holder.pagesResident > 0)).toEqual([]);
  }, 60_000);

  it('gives the keys of a worker that was killed to the others once its lease has ended', async () => {
    const client = await cluster.client();
    const gone = cluster.workers[0]!;
    const uuid = await cluster.uuidOf(gone.index);
    const before = KEYS.map((key) => ownerOf(client, key));
    await cluster.killWorker(gone.index);
    await eventually('the client sees three workers', () => client.view.members.filter((member) => member.online).length === 3);
    const after = KEYS.map((key) => ownerOf(client, key));
    expect(after.includes(uuid)).toBe(false);
    expect(after.filter((owner, i) => owner !== before[i] && before[i] !== uuid)).toEqual([]);
    await cluster.startWorker(gone.index);
    await eventually('the client sees four workers', () => client.view.members.filter((member) => member.online).length === 4);
    expect(KEYS.map((key) => ownerOf(client, key))).toEqual(before);
  }, 60_000);
});

describe('a static ring', () => {
  let bucket: Bucket;
  let cluster: Cluster;

  beforeAll(async () => {
    bucket = await startBucket();
    cluster = await startCluster({ workers: 3, ufs: bucket.ufs, properties: ['alluxio.user.dynamic.consistent.hash.ring.enabled=false'] });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  it('keeps an offline worker’s keys: they are read right, and go into nobody else’s cache', async () => {
    const client = await cluster.client();
    const gone = cluster.workers[1]!;
    const uuid = await cluster.uuidOf(gone.index);
    const before = KEYS.map((key) => ownerOf(client, key));
    const keys = KEYS.filter((_, i) => before[i] === uuid).slice(0, 5);
    for (const key of keys) await bucket.putPattern(key, 31, PAGE_BYTES + 5);
    await cluster.killWorker(gone.index);
    await eventually('the client sees two workers online', () => client.view.members.filter((member) => member.online).length === 2);
    expect(KEYS.map((key) => ownerOf(client, key))).toEqual(before);
    const pages = await cluster.workerSum('alluxio_worker_pages');
    for (const key of keys) expect(await readFile(client, key, 31)).toEqual({ total: PAGE_BYTES + 5, mismatch: -1 });
    expect((await cluster.workerSum('alluxio_worker_pages')) - pages).toBe(0);
    await cluster.startWorker(gone.index);
    await eventually('the client sees three workers online', () => client.view.members.filter((member) => member.online).length === 3);
    for (const key of keys) expect(await readFile(client, key, 31)).toEqual({ total: PAGE_BYTES + 5, mismatch: -1 });
    expect((await cluster.workerSum('alluxio_worker_pages')) - pages).toBeGreaterThanOrEqual(keys.length * 2);
  }, 60_000);
});
