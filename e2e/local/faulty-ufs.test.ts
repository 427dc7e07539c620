// A bucket that fails in every way a network and a server can: right bytes or a typed error in time, and nothing wrong is kept.
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { CacheClient } from '../../client/index.ts';
import { isCacheError } from '../../common/errors/index.ts';
import type { FaultKind } from '../../tools/servers/index.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, eventually, startCluster } from '../harness/cluster.ts';
import { connectWorker, readRange } from '../harness/raw-session.ts';
import { ownerOf, PAGE_BYTES, pathOf, readFile, type WholeRead } from '../harness/reading.ts';

const LENGTH = 2 * PAGE_BYTES + 1000;
const PAGES = 3;
const READ_TIMEOUT_MS = 6000;
/** What a caller may be told of a bucket that fails for good. */
const TYPED = /^(UfsUnavailable|UfsThrottled|UfsObjectChanged|DeadlineExceeded)$/;

const PASSING: readonly FaultKind[] = [
  'slow-down',
  'internal-error',
  'reset-before-body',
  'reset-mid-body',
  'truncated-body',
  'short-body',
  'over-long-body',
  'if-match-stripped',
  'hang',
  'hang-mid-body',
];
const LASTING = ([...PASSING, 'wrong-etag'] satisfies FaultKind[]).filter((kind) => kind !== 'if-match-stripped');

describe('a faulty bucket', () => {
  let bucket: Bucket;
  let cluster: Cluster;
  let client: CacheClient;

  beforeAll(async () => {
    bucket = await startBucket();
    cluster = await startCluster({
      workers: 2,
      ufs: bucket.ufs,
      properties: [
        'alluxio.underfs.call.timeout=4s',
        'alluxio.underfs.attempt.timeout=500ms',
        'alluxio.worker.fill.timeout=4s',
        `alluxio.user.read.timeout=${READ_TIMEOUT_MS}ms`,
        'alluxio.user.worker.read.timeout=5s',
      ],
    });
    client = await cluster.client();
  }, 120_000);
  afterEach(() => bucket.proxy.clearFaults());
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  const residentPages = async (key: string): Promise<number> => (await client.residency(pathOf(key))).holders.reduce((sum, holder) => sum + holder.pagesResident, 0);

  it.each(PASSING)(
    '%s once: the reader gets the right bytes and every page is kept',
    async (kind) => {
      const key = `once/${kind}`;
      await bucket.putPattern(key, 11, LENGTH);
      const fault = bucket.proxy.setFault({ kind, key, count: 1 });
      expect(await readFile(client, key, 11)).toEqual({ total: LENGTH, mismatch: -1 });
      expect(fault.hits()).toBe(1);
      expect(await residentPages(key)).toBe(PAGES);
      const before = bucket.proxy.dataRequests();
      expect(await readFile(client, key, 11)).toEqual({ total: LENGTH, mismatch: -1 });
      expect(bucket.proxy.dataRequests() - before).toBe(0);
    },
    30_000,
  );

  describe('for good', () => {
    const outcomes = new Map<FaultKind, { readonly outcome: unknown; readonly hits: number; readonly elapsedMs: number }>();

    // All at once: each waits for its deadline.
    beforeAll(async () => {
      await Promise.all(
        LASTING.map(async (kind) => {
          const key = `lasting/${kind}.`;
          await bucket.putPattern(key, 12, LENGTH);
          const fault = bucket.proxy.setFault({ kind, key });
          const startedAt = performance.now();
          const outcome = await readFile(client, key, 12, { blockBytes: LENGTH }).catch((error: unknown) => error);
          outcomes.set(kind, { outcome, hits: fault.hits(), elapsedMs: performance.now() - startedAt });
        }),
      );
      bucket.proxy.clearFaults();
    }, 60_000);

    it.each(LASTING)('%s: a typed error within the deadline, nothing cut short is stored, and it heals by itself', async (kind) => {
      const key = `lasting/${kind}.`;
      const { outcome, hits, elapsedMs } = outcomes.get(kind)!;
      expect(isCacheError(outcome) ? outcome.code : outcome).toEqual(expect.stringMatching(TYPED));
      expect(hits).toBeGreaterThan(0);
      expect(elapsedMs).toBeLessThan(2 * READ_TIMEOUT_MS);
      await eventually('the bucket is read again', async () => {
        const read = await readFile(client, key, 12).catch(() => undefined);
        if (read !== undefined) expect(read).toEqual({ total: LENGTH, mismatch: -1 } satisfies WholeRead);
        return read !== undefined;
      });
    });
  });

  it('an object swapped in the middle of a body: bytes of one version or a typed error, also where If-Match is ignored', async () => {
    for (const ignored of [false, true]) {
      const key = `swapped-${ignored}`;
      await bucket.putPattern(key, 21, LENGTH);
      await client.status(pathOf(key));
      bucket.proxy.setFault({ kind: 'object-swapped', key, count: 1, onMidBody: () => bucket.putPattern(key, 22, LENGTH) });
      if (ignored) bucket.proxy.setFault({ kind: 'if-match-stripped', key });
      const outcome = await readFile(client, key, 21).catch((error: unknown) => error);
      if (isCacheError(outcome)) expect(outcome.code).toBe('UfsObjectChanged');
      else expect(outcome).toEqual({ total: LENGTH, mismatch: -1 });
      bucket.proxy.clearFaults();
      const fresh = await cluster.client({ settings: { metadataMaxAgeMs: 0 } });
      expect(await readFile(fresh, key, 22)).toEqual({ total: LENGTH, mismatch: -1 });
    }
  }, 60_000);

  it('an ETag that the server got wrong once stores nothing under the wrong version', async () => {
    await bucket.putPattern('etag', 23, LENGTH);
    bucket.proxy.setFault({ kind: 'wrong-etag', key: 'etag', count: 1 });
    const outcome = await readFile(client, 'etag', 23).catch((error: unknown) => error);
    if (isCacheError(outcome)) expect(outcome.code).toBe('UfsObjectChanged');
    else expect(outcome).toEqual({ total: LENGTH, mismatch: -1 });
    expect(await readFile(await cluster.client({ settings: { metadataMaxAgeMs: 0 } }), 'etag', 23)).toEqual({ total: LENGTH, mismatch: -1 });
  }, 30_000);

  it('status and listing requests that are throttled once succeed', async () => {
    await bucket.putPattern('listed/file', 1, 10);
    bucket.proxy.setFault({ kind: 'slow-down', op: 'list-objects', count: 1 });
    bucket.proxy.setFault({ kind: 'slow-down', op: 'head-object', count: 1 });
    expect((await client.list(pathOf('listed'))).entries.map((entry) => entry.path)).toEqual([pathOf('listed/file')]);
    expect((await client.status(pathOf('listed/file'), { maxAgeMs: 0 }))?.length).toBe(10);
  }, 30_000);

  it('all waiters of a fill leave in the middle: no fill, buffer, reservation or request is left', async () => {
    await bucket.putPattern('abandoned', 24, PAGE_BYTES);
    const status = (await client.status(pathOf('abandoned')))!;
    const fault = bucket.proxy.setFault({ kind: 'hang-mid-body', key: 'abandoned' });
    const owner = await cluster.workerOf(ownerOf(client, 'abandoned'));
    const sessions = await Promise.all(Array.from({ length: 8 }, (_, i) => connectWorker(cluster, owner, `waiter-${i}`)));
    const leaving = new AbortController();
    // The last quarter of the page: nobody gets it before the bucket falls silent.
    const reads = sessions.map((session) => readRange(session, { status, offset: (3 * PAGE_BYTES) / 4, length: 4096, signal: leaving.signal }).catch((error: unknown) => error));
    await eventually('the fill waits for the bucket', () => fault.hits() > 0);
    leaving.abort();
    for (const outcome of await Promise.all(reads)) expect(isCacheError(outcome, 'Cancelled')).toBe(true);
    for (const session of sessions) session.close();
    bucket.proxy.clearFaults();
    for (const gauge of ['alluxio_worker_fills_in_progress', 'alluxio_worker_fill_waiters', 'alluxio_worker_fill_buffers_in_use', 'alluxio_worker_reserved_bytes'])
      await eventually(`${gauge} is 0`, async () => (await cluster.workerSum(gauge)) === 0);
    await eventually('the proxy has nothing in flight', () => bucket.proxy.inFlight() === 0);
    expect(await readFile(client, 'abandoned', 24)).toEqual({ total: PAGE_BYTES, mismatch: -1 });
  }, 60_000);
});
