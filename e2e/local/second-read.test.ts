// What is read again comes from the cache: counted at a proxy before the bucket and at the workers.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile as readWhole } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, startCluster } from '../harness/cluster.ts';
import { patternMismatch } from '../harness/pattern.ts';
import { MIB, PAGE_BYTES, pathOf, readFile } from '../harness/reading.ts';
import { FUSE_AVAILABLE } from '../harness/requirements.ts';

const LENGTHS = [1, 4096, 100_000, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1, 3 * PAGE_BYTES, 5 * PAGE_BYTES + 12_345];
const BYTES = LENGTHS.reduce((sum, length) => sum + length, 0);
const PAGES = LENGTHS.reduce((sum, length) => sum + Math.ceil(length / PAGE_BYTES), 0);

describe('a bucket that is read again', () => {
  let bucket: Bucket;
  let cluster: Cluster;

  beforeAll(async () => {
    bucket = await startBucket({ latencyMs: 5 });
    for (const [seed, length] of LENGTHS.entries()) {
      await bucket.putPattern(`library/${seed}`, seed, length);
      await bucket.putPattern(`mount/${seed}`, seed, length);
    }
    // Its own host id: the daemon reads through the workers, which count, instead of through descriptors of theirs. Without read-ahead each byte is asked for once.
    cluster = await startCluster({
      workers: 3,
      ufs: bucket.ufs,
      fuse: FUSE_AVAILABLE,
      fuseProperties: ['alluxio.worker.host.id=elsewhere', 'alluxio.user.position.reader.streaming.async.prefetch.max.part.number=0'],
    });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  it('makes zero data requests when a fresh client reads it page by page, and the hit counters equal the pages read', async () => {
    const cold = await cluster.client();
    const before = bucket.proxy.dataRequests();
    for (const [seed, length] of LENGTHS.entries()) expect(await readFile(cold, `library/${seed}`, seed, { blockBytes: PAGE_BYTES })).toEqual({ total: length, mismatch: -1 });
    expect(bucket.proxy.dataRequests() - before).toBe(PAGES);
    const counts = {
      requests: bucket.proxy.dataRequests(),
      hits: await cluster.workerSum('alluxio_worker_page_hits_total'),
      bytes: await cluster.workerSum('alluxio_cached_data_read_bytes_total'),
    };
    // Read-ahead cuts pages into smaller reads: without it a read is a page.
    const warm = await cluster.client({ settings: { readAheadEnabled: false } });
    for (const [seed, length] of LENGTHS.entries()) expect(await readFile(warm, `library/${seed}`, seed, { blockBytes: PAGE_BYTES })).toEqual({ total: length, mismatch: -1 });
    expect({
      requests: bucket.proxy.dataRequests() - counts.requests,
      hits: (await cluster.workerSum('alluxio_worker_page_hits_total')) - counts.hits,
      bytes: (await cluster.workerSum('alluxio_cached_data_read_bytes_total')) - counts.bytes,
    }).toEqual({ requests: 0, hits: PAGES, bytes: BYTES });
  }, 60_000);

  it('makes one data request for N concurrent first readers of one page', async () => {
    const clients = await Promise.all(Array.from({ length: 16 }, () => cluster.client()));
    await bucket.putPattern('one-page', 77, PAGE_BYTES);
    const before = bucket.proxy.dataRequests();
    const reads = await Promise.all(clients.map((client) => readFile(client, 'one-page', 77, { blockBytes: 256 * 1024 })));
    expect(reads).toEqual(clients.map(() => ({ total: PAGE_BYTES, mismatch: -1 })));
    expect(bucket.proxy.dataRequests() - before).toBe(1);
    await Promise.all(clients.map((client) => client.close()));
  }, 60_000);

  it('asks for statuses only as freshness says: none for what was asked a moment ago', async () => {
    const client = await cluster.client();
    await client.status(pathOf('library/1'));
    const before = bucket.proxy.requests()['head-object'] ?? 0;
    const fresh = await cluster.client();
    for (let i = 0; i < 10; i++) expect((await fresh.status(pathOf('library/1')))?.length).toBe(4096);
    expect((bucket.proxy.requests()['head-object'] ?? 0) - before).toBe(0);
    await fresh.status(pathOf('library/1'), { maxAgeMs: 0 });
    expect((bucket.proxy.requests()['head-object'] ?? 0) + (bucket.proxy.requests()['list-objects'] ?? 0) - before).toBeGreaterThan(0);
  });

  (FUSE_AVAILABLE ? it : it.skip)(
    'makes zero data requests through a freshly started FUSE daemon after drop_caches, and the hit bytes equal the bytes read',
    async () => {
      const readAll = async (): Promise<void> => {
        for (const [seed, length] of LENGTHS.entries()) {
          const bytes = await readWhole(join(cluster.mount, 'data/mount', String(seed)));
          expect([bytes.length, patternMismatch(seed, 0, bytes)]).toEqual([length, -1]);
        }
      };
      const before = bucket.proxy.dataRequests();
      await readAll();
      expect(bucket.proxy.dataRequests() - before).toBe(PAGES);
      await cluster.restartFuse();
      const counts = {
        requests: bucket.proxy.dataRequests(),
        bytes: await cluster.workerSum('alluxio_cached_data_read_bytes_total'),
        missed: await cluster.workerSum('alluxio_missed_data_read_bytes_total'),
      };
      await readAll();
      expect({
        requests: bucket.proxy.dataRequests() - counts.requests,
        missed: (await cluster.workerSum('alluxio_missed_data_read_bytes_total')) - counts.missed,
        bytes: (await cluster.workerSum('alluxio_cached_data_read_bytes_total')) - counts.bytes,
      }).toEqual({ requests: 0, missed: 0, bytes: BYTES });
    },
    60_000,
  );

  it('keeps what was read: the pages in the workers are the pages of the files', async () => {
    const client = await cluster.client();
    const report = await client.residency(pathOf('library/7'));
    const resident = report.holders.reduce((sum, holder) => sum + holder.pagesResident, 0);
    expect([resident, report.silentWorkers, LENGTHS[7]! > 5 * 4 * MIB]).toEqual([6, [], true]);
  });
});
