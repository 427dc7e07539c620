// Readers that stand still and connections that do nothing: the others do not notice.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { metricSum } from '../../tools/show/worker-metrics.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, HOST, startCluster } from '../harness/cluster.ts';
import { connectWorker } from '../harness/raw-session.ts';
import { MIB, PAGE_BYTES, pathOf, readFile } from '../harness/reading.ts';

const FILE_BYTES = 4 * PAGE_BYTES;
const FILES = 12;
const IDLE = 2000;
/** This process also runs the bucket's proxy and checks every byte: its own pauses must not count as the worker's. Hints to read ahead give up after 2 s by design. */
const PATIENT = { connectTimeoutMs: 10_000, silenceMs: 10_000, readAheadEnabled: false };

describe('readers that stand still', () => {
  let bucket: Bucket;
  let cluster: Cluster;
  const stopped: ChildProcess[] = [];

  beforeAll(async () => {
    bucket = await startBucket();
    for (let i = 0; i < FILES; i++) await bucket.putPattern(`f/${i}`, i, FILE_BYTES);
    // Twelve files of 16 MiB in a store of 96 MiB: reading them all evicts.
    cluster = await startCluster({ workers: 1, ufs: bucket.ufs, pageStoreBytes: 96 * MIB, directoriesPerWorker: 1 });
  }, 120_000);
  afterAll(async () => {
    for (const child of stopped) child.kill('SIGKILL');
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  async function stalledReader(key: string): Promise<void> {
    const job = {
      endpoint: `${HOST}:${cluster.workers[0]!.ports['data']}`,
      clusterUid: await cluster.clusterUid(),
      dataPlaneKey: Buffer.from(cluster.dataPlaneKey).toString('hex'),
      path: pathOf(key),
      blockBytes: 3 * PAGE_BYTES,
    };
    const env: NodeJS.ProcessEnv = { ...process.env };
    delete env['NODE_OPTIONS'];
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../harness/library-reader/main.ts'), JSON.stringify(job)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    stopped.push(child);
    await once(child.stdout!, 'data');
    await once(child.stdout!, 'data');
    // It always has reads of several MiB in flight: more than the socket buffers hold.
    child.kill('SIGSTOP');
  }

  const metric = async (name: string): Promise<number> => metricSum(await cluster.metrics(cluster.workers[0]!), name);

  it('stopped with SIGSTOP in the middle of a reply: others are served, eviction goes on', async () => {
    for (let i = 0; i < 4; i++) await stalledReader(`f/${i}`);
    const evicted = await metric('alluxio_cached_evicted_data_bytes_total');
    const client = await cluster.client({ settings: PATIENT });
    for (let round = 0; round < 3; round++) {
      const reads = await Promise.all(Array.from({ length: FILES }, (_, i) => readFile(client, `f/${i}`, i)));
      expect(reads).toEqual(reads.map(() => ({ total: FILE_BYTES, mismatch: -1 })));
    }
    expect((await metric('alluxio_cached_evicted_data_bytes_total')) - evicted).toBeGreaterThan(FILES * FILE_BYTES - 96 * MIB);
    expect({ causes: client.counters.fallbacksByCause, ufsReads: client.counters.ufsReads }).toEqual({ causes: {}, ufsReads: 0 });
  }, 120_000);

  it('2,000 idle connections: others are served, and the worker has no thread for each', async () => {
    const worker = cluster.workers[0]!;
    const threads = (): number => Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${worker.process!.pid}/status`, 'utf8'))![1]);
    const threadsBefore = threads();
    const sessions = [];
    for (let i = 0; i < IDLE; i += 100) sessions.push(...(await Promise.all(Array.from({ length: 100 }, (_, k) => connectWorker(cluster, worker, `idle-${i + k}`)))));
    expect(await metric('alluxio_worker_data_connections')).toBeGreaterThanOrEqual(IDLE);
    const client = await cluster.client({ settings: PATIENT });
    for (let i = 0; i < FILES; i++) expect(await readFile(client, `f/${i}`, i)).toEqual({ total: FILE_BYTES, mismatch: -1 });
    expect({ causes: client.counters.fallbacksByCause, ufsReads: client.counters.ufsReads }).toEqual({ causes: {}, ufsReads: 0 });
    expect(threads() - threadsBefore).toBeLessThan(8);
    for (const session of sessions) session.close();
  }, 120_000);
});
