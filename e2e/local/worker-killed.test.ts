// A dead worker costs no I/O error: reads go on at another worker or at the bucket.
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { metricSum } from '../../tools/show/worker-metrics.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, startCluster } from '../harness/cluster.ts';
import { patternBytes } from '../harness/pattern.ts';
import { startReader } from '../harness/reader.ts';
import { MIB, ownerOf, pathOf, readFile, readHandle } from '../harness/reading.ts';
import { FUSE_AVAILABLE } from '../harness/requirements.ts';

const GIB = 2 ** 30;
const SEED = 4711;

function sha256OfPattern(seed: number, lengthBytes: number): string {
  const hash = createHash('sha256');
  for (let offset = 0; offset < lengthBytes; offset += 8 * MIB) hash.update(patternBytes(seed, offset, Math.min(8 * MIB, lengthBytes - offset)));
  return hash.digest('hex');
}

describe('workers that are killed with -9', () => {
  let bucket: Bucket;
  let cluster: Cluster;

  beforeAll(async () => {
    bucket = await startBucket();
    await bucket.putPattern('big', SEED, GIB);
    await bucket.putPattern('big-mount', SEED, GIB);
    await bucket.putPattern('middle', SEED, 64 * MIB);
    cluster = await startCluster({ workers: 3, ufs: bucket.ufs, fuse: FUSE_AVAILABLE, pageStoreBytes: 2 * GIB });
  }, 180_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);
  afterEach(async () => {
    for (const slot of cluster.workers) if (slot.process === undefined) await cluster.startWorker(slot.index);
    for (const slot of cluster.workers) await cluster.awaitRegistered(slot.index);
    await cluster.awaitOnline(3);
    await cluster.awaitViews(3);
  }, 60_000);

  it('the owner during a 1 GiB read: no error, the right bytes, and the counters tell who answered', async () => {
    const client = await cluster.client();
    const owner = await cluster.workerOf(ownerOf(client, 'big'));
    const handle = await client.openFile(pathOf('big'));
    let unread = 0;
    let before = { ...client.counters };
    const read = await readHandle(handle, SEED, {
      onBlock: async (total) => {
        if (total !== 400 * MIB) return;
        before = { ...client.counters };
        unread = GIB - total - before.bufferedBytes;
        await cluster.killWorker(owner.index);
      },
    });
    const after = client.counters;
    expect(read).toEqual({ total: GIB, mismatch: -1 });
    expect(before.ownerReads).toBeGreaterThan(0);
    expect(unread / GIB).toBeGreaterThanOrEqual(0.3);
    expect(after.fallbacks).toBeGreaterThan(before.fallbacks);
    // The killed owner leaves the ring after its lease; until then others answer for it.
    expect(after.passThroughReads + after.replicaReads + after.ufsReads).toBeGreaterThan(before.passThroughReads + before.replicaReads + before.ufsReads);
    handle.close();
  }, 120_000);

  (FUSE_AVAILABLE ? it : it.skip)(
    'the owner during a 1 GiB read through the mount: the program sees no error and the right checksum',
    async () => {
      const client = await cluster.client();
      const owner = await cluster.workerOf(ownerOf(client, 'big-mount'));
      const sentBefore = metricSum(await cluster.metrics(owner), 'alluxio_worker_data_sent_bytes_total');
      const reader = startReader(join(cluster.mount, 'data/big-mount'));
      await reader.reached(300 * MIB);
      const sent = metricSum(await cluster.metrics(owner), 'alluxio_worker_data_sent_bytes_total') - sentBefore;
      await cluster.killWorker(owner.index);
      const unread = GIB - reader.total();
      const result = await reader.result;
      expect({ total: result.total, errors: result.errors, sha256: result.sha256 }).toEqual({ total: GIB, errors: 0, sha256: sha256OfPattern(SEED, GIB) });
      expect(sent).toBeGreaterThan(0);
      expect(unread / GIB).toBeGreaterThanOrEqual(0.3);
    },
    120_000,
  );

  it('all of them: reads go on from the bucket, files that nobody ever read included', async () => {
    const client = await cluster.client();
    const handle = await client.openFile(pathOf('middle'));
    const read = await readHandle(handle, SEED, {
      onBlock: async (total) => {
        if (total === 16 * MIB) await Promise.all(cluster.workers.map((slot) => cluster.killWorker(slot.index)));
      },
    });
    expect(read).toEqual({ total: 64 * MIB, mismatch: -1 });
    expect(client.counters.ufsReads).toBeGreaterThan(0);
    handle.close();
    await bucket.putPattern('never-read', 5, 9 * MIB);
    expect(await readFile(client, 'never-read', 5)).toEqual({ total: 9 * MIB, mismatch: -1 });
  }, 120_000);

  (FUSE_AVAILABLE ? it : it.skip)(
    'all of them under the mount: reads, look-ups and listings go on',
    async () => {
      await bucket.putPattern('under-mount/a', 6, 9 * MIB);
      await Promise.all(cluster.workers.map((slot) => cluster.killWorker(slot.index)));
      const result = await startReader(join(cluster.mount, 'data/under-mount/a')).result;
      expect(result).toEqual({ total: 9 * MIB, errors: 0, sha256: sha256OfPattern(6, 9 * MIB) });
    },
    120_000,
  );

  it('one that comes back has the same uuid, the same keys and its pages: nothing is read from the bucket again', async () => {
    const client = await cluster.client();
    await readFile(client, 'middle', SEED);
    const owner = await cluster.workerOf(ownerOf(client, 'middle'));
    const uuid = await cluster.uuidOf(owner.index);
    const keys = Array.from({ length: 500 }, (_, i) => `key-${i}`);
    const owners = keys.map((key) => ownerOf(client, key));
    const pages = metricSum(await cluster.metrics(owner), 'alluxio_worker_pages');
    expect(pages).toBeGreaterThanOrEqual(16);
    await cluster.killWorker(owner.index);
    await cluster.startWorker(owner.index, { newPorts: true });
    await cluster.awaitRegistered(owner.index);
    await cluster.awaitViews(3);
    const fresh = await cluster.client();
    expect(await cluster.uuidOf(owner.index)).toBe(uuid);
    expect(keys.map((key) => ownerOf(fresh, key))).toEqual(owners);
    expect(metricSum(await cluster.metrics(owner), 'alluxio_worker_pages')).toBe(pages);
    const requests = bucket.proxy.dataRequests();
    expect(await readFile(fresh, 'middle', SEED)).toEqual({ total: 64 * MIB, mismatch: -1 });
    expect(bucket.proxy.dataRequests() - requests).toBe(0);
  }, 60_000);
});
