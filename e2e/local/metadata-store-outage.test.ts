// etcd away: no read and no fill stops; etcd back: everyone reconverges without a restart.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Etcd, startEtcd } from '../../tools/servers/index.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, eventually, startCluster } from '../harness/cluster.ts';
import { random } from '../harness/pattern.ts';
import { MIB, ownerOf, pathOf, readFile } from '../harness/reading.ts';
import { patternMismatch } from '../harness/pattern.ts';
import { SOAK } from '../harness/requirements.ts';

/** More than three lives of a lease (3 s). */
const OUTAGE_MS = SOAK ? 60_000 : 10_000;
const FILES = 40;
const FILE_BYTES = 9 * MIB + 1;

describe('a cluster whose etcd stops', () => {
  let etcd: Etcd;
  let bucket: Bucket;
  let cluster: Cluster;

  beforeAll(async () => {
    [etcd, bucket] = await Promise.all([startEtcd(), startBucket()]);
    for (let i = 0; i < FILES; i++) await bucket.putPattern(`f/${i}`, i, FILE_BYTES);
    cluster = await startCluster({ workers: 3, ufs: bucket.ufs, etcd: etcd.endpoint });
  }, 300_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
    await etcd?.close();
  }, 30_000);

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'by %s during reads: no error, cold ones are cached too, and when it is there again everyone reconverges without a restart',
    async (signal) => {
      const client = await cluster.client();
      const pids = cluster.workers.map((slot) => slot.process!.pid);
      const fillsBefore = await cluster.workerSum('alluxio_worker_page_fills_total');
      if (signal === 'SIGKILL') await etcd.stop();
      else etcd.signal('SIGSTOP');
      const next = random(20261125);
      const into = Buffer.alloc(MIB);
      const end = performance.now() + OUTAGE_MS;
      let [reads, wrong] = [0, 0];
      while (performance.now() < end) {
        const i = Math.floor(next() * FILES);
        const offset = Math.floor(next() * (FILE_BYTES - MIB));
        const handle = await client.openFile(pathOf(`f/${i}`));
        const count = await handle.read(offset, into);
        if (count !== MIB || patternMismatch(i, offset, into) >= 0) wrong++;
        handle.close();
        reads++;
      }
      expect(wrong).toBe(0);
      expect(reads).toBeGreaterThan(FILES);
      const newcomer = await cluster.client();
      await bucket.putPattern(`cold-${signal}`, 99, 5 * MIB);
      expect(await readFile(newcomer, `cold-${signal}`, 99)).toEqual({ total: 5 * MIB, mismatch: -1 });
      expect((await cluster.workerSum('alluxio_worker_page_fills_total')) - fillsBefore).toBeGreaterThanOrEqual(2);
      expect(newcomer.counters.ufsReads).toBe(0);
      if (signal === 'SIGKILL') await etcd.start();
      else etcd.signal('SIGCONT');
      await eventually('all are registered again', async () => (await cluster.workerSum('alluxio_worker_registered')) === 3, 30_000);
      await cluster.awaitOnline(3);
      await cluster.awaitViews(3);
      expect(cluster.workers.map((slot) => slot.process!.pid)).toEqual(pids);
    },
    OUTAGE_MS + 120_000,
  );

  it('learns of a worker that joins after the outage', async () => {
    const client = await cluster.client();
    const slot = await cluster.addWorker();
    await eventually('the client sees four workers', () => client.view.members.filter((member) => member.online).length === 4);
    const uuid = await cluster.uuidOf(slot.index);
    const key = Array.from({ length: 1000 }, (_, i) => `probe-${i}`).find((name) => ownerOf(client, name) === uuid)!;
    await bucket.putPattern(key, 3, MIB);
    expect(await readFile(client, key, 3)).toEqual({ total: MIB, mismatch: -1 });
  }, 60_000);
});
