// kill -9 under fill load, again and again: the worker serves again, is back on the ring, and every page it kept is right.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, eventually, startCluster } from '../harness/cluster.ts';
import { patternMismatch, random } from '../harness/pattern.ts';
import { MIB, pathOf, readFile } from '../harness/reading.ts';
import { SOAK } from '../harness/requirements.ts';

const KILLS = SOAK ? 50 : 6;
const FILES = 16;
const FILE_BYTES = 12 * MIB + 99;

describe(`kill -9 of a worker under fill load, ${KILLS} times`, () => {
  let bucket: Bucket;
  let cluster: Cluster;

  beforeAll(async () => {
    bucket = await startBucket({ latencyMs: 5 });
    for (let i = 0; i < FILES; i++) await bucket.putPattern(`f/${i}`, i, FILE_BYTES);
    // Smaller than the data: it fills and evicts all the time.
    cluster = await startCluster({ workers: 1, ufs: bucket.ufs, pageStoreBytes: 64 * MIB, properties: ['alluxio.worker.page.store.page.size=1MB'] });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  it(
    'serves again, is back on the ring, and every page is right',
    async () => {
      const seed = 20261127;
      const next = random(seed);
      const client = await cluster.client();
      const uuid = await cluster.uuidOf(0);
      let done = false;
      const wrong: string[] = [];
      const errors: unknown[] = [];
      const load = async (): Promise<void> => {
        const into = Buffer.alloc(MIB);
        while (!done) {
          const i = Math.floor(next() * FILES);
          const offset = Math.floor(next() * (FILE_BYTES - MIB));
          try {
            const handle = await client.openFile(pathOf(`f/${i}`));
            const count = await handle.read(offset, into);
            if (count !== MIB || patternMismatch(i, offset, into) >= 0) wrong.push(`file ${i} offset ${offset}`);
            handle.close();
          } catch (error) {
            errors.push(error);
          }
        }
      };
      const loads = Array.from({ length: 8 }, load);
      const serves: number[] = [];
      const joins: number[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const fills = await cluster.workerSum('alluxio_worker_page_fills_total');
        await eventually('it fills', async () => (await cluster.workerSum('alluxio_worker_page_fills_total')) > fills + 3);
        await cluster.killWorker(0);
        const startedAt = performance.now();
        await cluster.startWorker(0);
        serves.push(performance.now() - startedAt);
        await eventually(
          'it is on the ring',
          async () => (await cluster.workerSum('alluxio_worker_registered')) === 1 && (await cluster.members()).some((member) => member.online && member.record.uuid === uuid),
        );
        joins.push(performance.now() - startedAt);
      }
      done = true;
      await Promise.all(loads);
      expect({ seed, wrong, errors }).toEqual({ seed, wrong: [], errors: [] });
      for (let i = 0; i < FILES; i++) expect(await readFile(client, `f/${i}`, i)).toEqual({ total: FILE_BYTES, mismatch: -1 });
      expect(await cluster.workerSum('alluxio_worker_pages_corrupt_total')).toBe(0);
      // Figures for the reader of the log: how long they may take is a matter of the machine (1 s and 2 s on a quiet one).
      const median = (values: number[]): number => Math.round(values.toSorted((a, b) => a - b)[values.length >> 1]!);
      process.stderr.write(`worker-crash: serves again after ${median(serves)} ms, on the ring after ${median(joins)} ms (medians of ${KILLS}, process start included)\n`);
    },
    SOAK ? 900_000 : 180_000,
  );
});
