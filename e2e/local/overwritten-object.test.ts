// An object that is overwritten while it is read: one version or ESTALE, never a mixture; a new open sees the new one in time.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { open, readFile as readWhole, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCacheError } from '../../common/errors/index.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, eventually, startCluster } from '../harness/cluster.ts';
import { patternMismatch } from '../harness/pattern.ts';
import { MIB, PAGE_BYTES, pathOf, readFile } from '../harness/reading.ts';
import { FUSE_AVAILABLE } from '../harness/requirements.ts';

const MAX_AGE_MS = 1000;
const LENGTH = 6 * PAGE_BYTES;
const ESTALE = 116;

describe('an object that is overwritten in the bucket', () => {
  let bucket: Bucket;
  let cluster: Cluster;

  beforeAll(async () => {
    bucket = await startBucket();
    cluster = await startCluster({ workers: 2, ufs: bucket.ufs, fuse: FUSE_AVAILABLE, properties: [`alluxio.user.metadata.max.age=${MAX_AGE_MS}ms`] });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  it('is read in one version by a handle, or the read fails as changed: also when the new one has the same length', async () => {
    await bucket.putPattern('same-length', 1, LENGTH);
    const client = await cluster.client({ settings: { readAheadEnabled: false } });
    const handle = await client.openFile(pathOf('same-length'));
    const into = Buffer.alloc(MIB);
    expect([await handle.read(0, into), patternMismatch(1, 0, into)]).toEqual([MIB, -1]);
    await bucket.putPattern('same-length', 2, LENGTH);
    const outcomes = new Set<string>();
    for (let offset = 0; offset < LENGTH; offset += MIB) {
      try {
        expect([await handle.read(offset, into), patternMismatch(1, offset, into)]).toEqual([MIB, -1]);
        outcomes.add('old');
      } catch (error) {
        if (!isCacheError(error, 'UfsObjectChanged')) throw error;
        outcomes.add('changed');
      }
    }
    // The first page was cached, the last ones nobody holds any more.
    expect(outcomes).toEqual(new Set(['old', 'changed']));
    handle.close();
  }, 60_000);

  it('is seen in the new version by a new open at most maxAge later', async () => {
    await bucket.putPattern('reopened', 3, MIB);
    const client = await cluster.client();
    expect(await readFile(client, 'reopened', 3)).toEqual({ total: MIB, mismatch: -1 });
    await bucket.putPattern('reopened', 4, 2 * MIB);
    await sleep(2 * MAX_AGE_MS + 100); // the client's age and the worker's, at most
    expect(await readFile(client, 'reopened', 4)).toEqual({ total: 2 * MIB, mismatch: -1 });
  }, 60_000);

  it('is never a mixture for readers that open while it is overwritten again and again', async () => {
    await bucket.putPattern('churned', 100, 2 * PAGE_BYTES);
    const client = await cluster.client();
    let [done, version] = [false, 100];
    const writer = (async () => {
      while (!done) await bucket.putPattern('churned', ++version, 2 * PAGE_BYTES);
    })();
    let [whole, changed] = [0, 0];
    const into = Buffer.alloc(2 * PAGE_BYTES);
    for (let i = 0; i < 60; i++) {
      const handle = await client.openFile(pathOf('churned'), { maxAgeMs: 0 });
      try {
        expect(await handle.read(0, into)).toBe(into.length);
        const seed = Array.from({ length: version - 99 + 1 }, (_, k) => 100 + k).find((candidate) => patternMismatch(candidate, 0, into.subarray(0, 64)) < 0);
        expect(seed === undefined ? 'no version begins so' : patternMismatch(seed, 0, into)).toBe(-1);
        whole++;
      } catch (error) {
        if (!isCacheError(error, 'UfsObjectChanged')) throw error;
        changed++;
      }
      handle.close();
    }
    done = true;
    await writer;
    expect(whole + changed).toBe(60);
    expect(await readFile(await cluster.client({ settings: { metadataMaxAgeMs: 0 } }), 'churned', version)).toEqual({ total: 2 * PAGE_BYTES, mismatch: -1 });
  }, 60_000);

  it('that was deleted is missing for new opens, and one that appears is found after the negative age', async () => {
    const client = await cluster.client();
    expect(await client.status(pathOf('appears'))).toBeUndefined();
    await bucket.put('appears', Buffer.from('now'));
    await eventually('the new object is seen', async () => (await client.status(pathOf('appears')))?.length === 3, 5000);
    await bucket.remove('appears');
    await eventually('the deleted object is gone', async () => (await client.status(pathOf('appears'))) === undefined, 5000);
  }, 60_000);

  (FUSE_AVAILABLE ? describe : describe.skip)('through the mount', () => {
    it('a descriptor reads one version or fails with ESTALE', async () => {
      await bucket.putPattern('mounted', 5, LENGTH);
      const file = await open(join(cluster.mount, 'data/mounted'));
      const into = Buffer.alloc(MIB);
      expect([(await file.read(into, 0, MIB, 0)).bytesRead, patternMismatch(5, 0, into)]).toEqual([MIB, -1]);
      await bucket.putPattern('mounted', 6, LENGTH);
      const outcomes: string[] = [];
      for (let offset = 0; offset < LENGTH; offset += MIB) {
        try {
          expect([(await file.read(into, 0, MIB, offset)).bytesRead, patternMismatch(5, offset, into)]).toEqual([MIB, -1]);
          outcomes.push('old');
        } catch (error) {
          // Node has no name for it.
          outcomes.push((error as NodeJS.ErrnoException).errno === -ESTALE ? 'ESTALE' : String(error));
        }
      }
      await file.close();
      expect([outcomes[0], outcomes.filter((outcome) => outcome !== 'old' && outcome !== 'ESTALE')]).toEqual(['old', []]);
    }, 60_000);

    it('a new open sees the new version in time, also when the kernel had the entry and the pages cached', async () => {
      const file = join(cluster.mount, 'data/kernel-cached');
      await bucket.putPattern('kernel-cached', 7, 2 * MIB);
      for (let i = 0; i < 5; i++) expect([(await stat(file)).size, patternMismatch(7, 0, await readWhole(file))]).toEqual([2 * MIB, -1]);
      await bucket.putPattern('kernel-cached', 8, 3 * MIB + 1);
      await sleep(3 * MAX_AGE_MS); // the kernel's, the client's and the worker's age
      const bytes = await readWhole(file);
      expect([bytes.length, patternMismatch(8, 0, bytes), (await stat(file)).size]).toEqual([3 * MIB + 1, -1, 3 * MIB + 1]);
    }, 60_000);
  });
});
