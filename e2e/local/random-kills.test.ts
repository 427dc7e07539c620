// Mixed random reads while workers are killed and restarted by a seeded driver: zero wrong bytes, zero errors, bounded memory.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheClient } from '../../client/index.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, startCluster } from '../harness/cluster.ts';
import { patternMismatch, random } from '../harness/pattern.ts';
import { MIB, ownerOf, pathOf } from '../harness/reading.ts';
import { FUSE_AVAILABLE, SOAK } from '../harness/requirements.ts';

const SECONDS = SOAK ? 600 : 60;
const WORKERS = 3;
const FILES = 30;
const FILE_BYTES = 8 * MIB + 4321;
const LIBRARY_READERS = 12;
const MOUNT_READERS = FUSE_AVAILABLE ? 3 : 0;
const OUTAGE_REQUESTS_MIN = 1000;
const RSS_MAX_BYTES = 1024 * MIB;

const rssOf = (pid: number): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;

describe(`random reads for ${SECONDS} s with workers killed and restarted at random`, () => {
  let bucket: Bucket;
  let cluster: Cluster;
  let client: CacheClient;
  let owners: readonly string[];
  const uuids: string[] = [];

  beforeAll(async () => {
    bucket = await startBucket({ latencyMs: 2 });
    for (let i = 0; i < FILES; i++) await bucket.putPattern(`f/${i}`, i, FILE_BYTES);
    // Room for half of the data: hits, misses and evictions all happen.
    cluster = await startCluster({
      workers: WORKERS,
      ufs: bucket.ufs,
      fuse: FUSE_AVAILABLE,
      pageStoreBytes: 64 * MIB,
      directoriesPerWorker: 1,
      properties: ['alluxio.worker.page.store.page.size=1MB'],
    });
    client = await cluster.client();
    owners = Array.from({ length: FILES }, (_, i) => ownerOf(client, `f/${i}`));
    for (let i = 0; i < WORKERS; i++) uuids.push(await cluster.uuidOf(i));
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  it(
    `has zero wrong bytes and zero errors, at least ${OUTAGE_REQUESTS_MIN} requests fall into outages, and memory is bounded`,
    async () => {
      const seed = 20261128;
      const next = random(seed);
      const end = performance.now() + SECONDS * 1000;
      /** Reads in flight per worker of the full ring that owns the file. */
      const inFlight = new Map<string, number>(uuids.map((uuid) => [uuid, 0]));
      const failures: string[] = [];
      let [reads, outageReads, isOutage] = [0, 0, false];

      async function readOnce(i: number, read: (offset: number, into: Uint8Array) => Promise<number>): Promise<void> {
        const into = Buffer.allocUnsafe(1 + Math.floor(next() ** 2 * (2 * MIB)));
        const offset = Math.floor(next() * FILE_BYTES);
        const owner = owners[i]!;
        inFlight.set(owner, inFlight.get(owner)! + 1);
        reads++;
        if (isOutage) outageReads++;
        try {
          const count = await read(offset, into);
          const mismatch = patternMismatch(i, offset, into.subarray(0, count));
          if (count !== Math.min(into.length, FILE_BYTES - offset) || mismatch >= 0)
            failures.push(`file ${i} offset ${offset} length ${into.length}: ${count} bytes, first wrong at ${mismatch}`);
        } catch (error) {
          failures.push(`file ${i} offset ${offset} length ${into.length}: ${String(error)}`);
        }
        inFlight.set(owner, inFlight.get(owner)! - 1);
      }
      const libraryReader = async (): Promise<void> => {
        while (performance.now() < end) {
          const i = Math.floor(next() * FILES);
          const handle = await client.openFile(pathOf(`f/${i}`)).catch((error: unknown) => void failures.push(`open ${i}: ${String(error)}`));
          if (handle === undefined) continue;
          for (let k = 0; k < 4; k++) await readOnce(i, (offset, into) => handle.read(offset, into));
          handle.close();
        }
      };
      const mountReader = async (): Promise<void> => {
        while (performance.now() < end) {
          const i = Math.floor(next() * FILES);
          const file: FileHandle | undefined = await open(join(cluster.mount, `data/f/${i}`)).catch(
            (error: unknown) => void failures.push(`open ${i} in the mount: ${String(error)}`),
          );
          if (file === undefined) continue;
          for (let k = 0; k < 4; k++) await readOnce(i, async (offset, into) => (await file.read(into, 0, into.length, offset)).bytesRead);
          await file.close();
        }
      };

      let [kills, killsInFlight] = [0, 0];
      const driver = async (): Promise<void> => {
        while (performance.now() < end - 3000) {
          const victim = Math.floor(next() * WORKERS);
          while (inFlight.get(uuids[victim]!)! === 0) await sleep(1);
          killsInFlight += inFlight.get(uuids[victim]!)! > 0 ? 1 : 0;
          isOutage = true;
          const killed = cluster.killWorker(victim);
          kills++;
          await killed;
          await sleep(200 + Math.floor(next() * 1500));
          await cluster.startWorker(victim);
          isOutage = false;
          await sleep(Math.floor(next() * 1000));
        }
      };
      await Promise.all([driver(), ...Array.from({ length: LIBRARY_READERS }, libraryReader), ...Array.from({ length: MOUNT_READERS }, mountReader)]);

      expect({ seed, failures: failures.slice(0, 20) }).toEqual({ seed, failures: [] });
      expect(kills).toBeGreaterThanOrEqual(5);
      expect(killsInFlight).toBe(kills);
      expect({ reads, outageReads, enough: outageReads >= OUTAGE_REQUESTS_MIN }).toMatchObject({ enough: true });
      for (const process of [...cluster.running.map((slot) => slot.process!), ...(cluster.fuse === undefined ? [] : [cluster.fuse])])
        expect([process.name, rssOf(process.pid) < RSS_MAX_BYTES]).toEqual([process.name, true]);
      expect(client.counters.bufferedBytes).toBeLessThan(512 * MIB);
    },
    (SECONDS + 120) * 1000,
  );
});
