// Workers that neither answer nor die, disks that fill up: reads go on.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { metricSum } from '../../tools/show/worker-metrics.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, eventually, startCluster } from '../harness/cluster.ts';
import { MIB, ownerOf, pathOf, readFile, readHandle } from '../harness/reading.ts';
import { scratchDirectory } from '../harness/scratch.ts';

const BIG_BYTES = 256 * MIB;

describe('a worker that stands still', () => {
  let bucket: Bucket;
  let cluster: Cluster;
  beforeAll(async () => {
    bucket = await startBucket();
    await bucket.putPattern('big', 1, BIG_BYTES);
    cluster = await startCluster({ workers: 3, ufs: bucket.ufs });
  }, 120_000);
  afterAll(async () => {
    for (const slot of cluster?.workers ?? []) slot.process?.signal('SIGCONT');
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  it('with SIGSTOP during a read: the reader goes on elsewhere, and comes back once it moves again', async () => {
    const client = await cluster.client();
    const owner = await cluster.workerOf(ownerOf(client, 'big'));
    const handle = await client.openFile(pathOf('big'));
    const read = await readHandle(handle, 1, {
      onBlock: (total) => {
        if (total === 64 * MIB) owner.process!.signal('SIGSTOP');
      },
    });
    expect(read).toEqual({ total: BIG_BYTES, mismatch: -1 });
    expect(client.counters.fallbacks).toBeGreaterThan(0);
    owner.process!.signal('SIGCONT');
    await cluster.awaitOnline(3);
    await eventually('the owner is asked again', async () => {
      const before = client.counters.ownerReads;
      await readFile(client, 'big', 1, { from: BIG_BYTES - 8 * MIB });
      return client.counters.ownerReads > before;
    });
    handle.close();
  }, 120_000);
});

(process.getuid?.() === 0 ? describe : describe.skip)('a page-store disk that is smaller than configured', () => {
  let bucket: Bucket;
  let cluster: Cluster;
  let disk: string;
  beforeAll(async () => {
    bucket = await startBucket();
    for (let i = 0; i < 8; i++) await bucket.putPattern(`f/${i}`, i, 32 * MIB);
    disk = join(scratchDirectory('disk'), 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=100m', 'tmpfs', disk]);
    cluster = await startCluster({
      workers: 1,
      ufs: bucket.ufs,
      directoriesPerWorker: 1,
      workerProperties: () => [`alluxio.worker.page.store.dirs=${disk}`, `alluxio.worker.page.store.sizes=${90 * MIB}`],
    });
    // Somebody else's file takes what the worker believes to be its own.
    execFileSync('sh', ['-c', `head -c ${70 * MIB} /dev/zero > ${disk}/lost+found || true`], { stdio: 'ignore' });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    execFileSync('umount', ['-l', disk]);
    await bucket?.close();
  }, 30_000);

  it('fills up: every read is answered with the right bytes', async () => {
    const client = await cluster.client();
    for (let round = 0; round < 2; round++) for (let i = 0; i < 8; i++) expect(await readFile(client, `f/${i}`, i)).toEqual({ total: 32 * MIB, mismatch: -1 });
    expect(metricSum(await cluster.metrics(cluster.workers[0]!), 'alluxio_worker_pages_corrupt_total')).toBe(0);
  }, 120_000);
});
