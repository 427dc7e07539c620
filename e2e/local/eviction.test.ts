// Eviction against readers: a page that leaves is a miss, never zeros and never another page's bytes.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { metricSum } from '../../tools/show/worker-metrics.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, startCluster } from '../harness/cluster.ts';
import { patternMismatch, random } from '../harness/pattern.ts';
import { MIB, pathOf } from '../harness/reading.ts';
import { SOAK } from '../harness/requirements.ts';

const READERS = 16;
const FILES = 24;
const FILE_BYTES = 8 * MIB + 777;
const DIRECTORY_BYTES = 64 * MIB;
const READS = SOAK ? 200_000 : 3_000;

describe('eviction under 16 readers with the directory at its limit', () => {
  let bucket: Bucket;
  let cluster: Cluster;

  beforeAll(async () => {
    bucket = await startBucket();
    for (let i = 0; i < FILES; i++) await bucket.putPattern(`f/${i}`, i, FILE_BYTES);
    cluster = await startCluster({
      workers: 1,
      ufs: bucket.ufs,
      pageStoreBytes: DIRECTORY_BYTES,
      directoriesPerWorker: 1,
      properties: ['alluxio.worker.page.store.page.size=256KB'],
    });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  it(
    'never gives a zero or foreign byte, and never grows beyond the limit',
    async () => {
      const seed = 20261126;
      const next = random(seed);
      const wrong: string[] = [];
      let reads = 0;
      const reader = async (): Promise<void> => {
        const client = await cluster.client();
        const into = Buffer.alloc(512 * 1024);
        while (reads < READS) {
          reads++;
          const i = Math.floor(next() * FILES);
          const handle = await client.openFile(pathOf(`f/${i}`));
          const offset = Math.floor(next() * FILE_BYTES);
          const length = 1 + Math.floor(next() ** 3 * (into.length - 1));
          const count = await handle.read(offset, into.subarray(0, length));
          const expected = Math.min(length, FILE_BYTES - offset);
          const mismatch = patternMismatch(i, offset, into.subarray(0, count));
          if (count !== expected || mismatch >= 0) wrong.push(`file ${i} offset ${offset}: ${count} of ${expected} bytes, first wrong at ${mismatch}`);
          handle.close();
        }
      };
      await Promise.all(Array.from({ length: READERS }, reader));
      expect({ seed, wrong }).toEqual({ seed, wrong: [] });
      const text = await cluster.metrics(cluster.workers[0]!);
      expect(metricSum(text, 'alluxio_cached_evicted_data_bytes_total')).toBeGreaterThan(DIRECTORY_BYTES);
      expect(metricSum(text, 'alluxio_cached_storage_bytes')).toBeLessThanOrEqual(DIRECTORY_BYTES);
      expect(metricSum(text, 'alluxio_worker_pages_corrupt_total')).toBe(0);
    },
    SOAK ? 1_800_000 : 120_000,
  );
});
