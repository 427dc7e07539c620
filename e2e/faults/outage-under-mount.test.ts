// Training goes on through the mount while etcd is away for a minute, workers die and the bucket throttles.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Etcd, startEtcd } from '../../tools/servers/index.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, eventually, startCluster } from '../harness/cluster.ts';
import { patternMismatch, random } from '../harness/pattern.ts';
import { MIB } from '../harness/reading.ts';
import { FUSE_AVAILABLE } from '../harness/requirements.ts';

const OUTAGE_MS = 60_000;
const FILES = 60;
const FILE_BYTES = 6 * MIB + 11;

let etcd: Etcd;
let bucket: Bucket;
let cluster: Cluster;

(FUSE_AVAILABLE ? describe : describe.skip)('training through the mount', () => {
  beforeAll(async () => {
    [etcd, bucket] = await Promise.all([startEtcd(), startBucket({ latencyMs: 10 })]);
    for (let i = 0; i < FILES; i++) await bucket.putPattern(`f/${i}`, i, FILE_BYTES);
    cluster = await startCluster({ workers: 3, ufs: bucket.ufs, etcd: etcd.endpoint, fuse: true, pageStoreBytes: 64 * MIB, properties: ['alluxio.user.metadata.max.age=2s'] });
  }, 300_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
    await etcd?.close();
  }, 30_000);

  it(
    'etcd stopped for 60 s during reads through the mount, cold ones included, a worker killed meanwhile: no error; started again: everyone reconverges without a restart',
    async () => {
      const seed = 20261129;
      const next = random(seed);
      const failures: string[] = [];
      let [done, reads] = [false, 0];
      const reader = async (): Promise<void> => {
        const into = Buffer.alloc(MIB);
        while (!done) {
          const i = Math.floor(next() * FILES);
          const offset = Math.floor(next() * (FILE_BYTES - MIB));
          try {
            const file = await open(join(cluster.mount, `data/f/${i}`));
            const { bytesRead } = await file.read(into, 0, MIB, offset);
            const mismatch = patternMismatch(i, offset, into.subarray(0, bytesRead));
            if (bytesRead !== MIB || mismatch >= 0) failures.push(`file ${i} offset ${offset}: ${bytesRead} bytes, first wrong at ${mismatch}`);
            await file.close();
          } catch (error) {
            failures.push(`file ${i}: ${String(error)}`);
          }
          reads++;
        }
      };
      const readers = Array.from({ length: 3 }, reader);
      await sleep(2000);
      const fuse = cluster.fuse!.pid;
      await etcd.stop();
      await sleep(OUTAGE_MS / 3);
      await cluster.killWorker(1);
      bucket.proxy.setFault({ kind: 'slow-down', count: 50 });
      await sleep((2 * OUTAGE_MS) / 3);
      await etcd.start();
      await cluster.startWorker(1);
      await cluster.awaitOnline(3);
      await cluster.awaitViews(3);
      await eventually('all are registered', async () => (await cluster.workerSum('alluxio_worker_registered')) === 3);
      done = true;
      await Promise.all(readers);
      expect({ seed, failures: failures.slice(0, 20) }).toEqual({ seed, failures: [] });
      expect(reads).toBeGreaterThan(500);
      expect(cluster.fuse!.pid).toBe(fuse);
    },
    OUTAGE_MS + 180_000,
  );
});
