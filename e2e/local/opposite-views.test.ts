// Two workers, each certain that the other owns everything: no request goes round in a circle.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import type { WorkerRecord } from '../../common/api/index.ts';
import { metricSum } from '../../tools/show/worker-metrics.ts';
import { type Etcd, startEtcd } from '../../tools/servers/index.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, eventually, startCluster } from '../harness/cluster.ts';
import { etcdPut, etcdRange } from '../harness/etcd-keys.ts';
import { patternBytes } from '../harness/pattern.ts';
import { connectWorker, readRange } from '../harness/raw-session.ts';
import { MIB, ownerOf, PAGE_BYTES, pathOf } from '../harness/reading.ts';

const VNODES = 'alluxio.user.worker.selection.policy.consistent.hash.virtual.node.count.per.worker';

describe('two workers with opposite views of the ring', () => {
  let bucket: Bucket;
  /** One store and one coordinator each, but one cluster to the workers. */
  const etcds: Etcd[] = [];
  const sides: Cluster[] = [];

  beforeAll(async () => {
    bucket = await startBucket();
    for (let i = 0; i < 2; i++) etcds.push(await startEtcd());
    const options = { name: 'torn', workers: 1, ufs: bucket.ufs };
    sides.push(await startCluster({ ...options, etcd: etcds[0]!.endpoint, properties: [`${VNODES}=1`] }));
    for (const [key, value] of await etcdRange(etcds[0]!.endpoint, '/Cluster/')) await etcdPut(etcds[1]!.endpoint, key, value);
    const keys = ['data.plane', 'sealing'].map((name) => `alluxio.security.${name}.key.file=${join(sides[0]!.directory, 'keys', `${name.replace('.', '-')}.key`)}`);
    sides.push(await startCluster({ ...options, etcd: etcds[1]!.endpoint, properties: [`${VNODES}=1`, ...keys] }));
    // Each side learns of the other's worker, with so many points that it owns nearly everything.
    for (const [i, etcd] of etcds.entries()) {
      const other = etcds[1 - i]!;
      for (const prefix of ['/ServiceDiscovery/', '/Registered/']) {
        for (const [key, value] of await etcdRange(other.endpoint, prefix)) {
          const record = JSON.parse(value) as WorkerRecord;
          if (record.vnodes === 1) await etcdPut(etcd.endpoint, key, JSON.stringify({ ...record, vnodes: 20_000 }));
        }
      }
    }
    await Promise.all(sides.map((side) => side.awaitViews(2)));
  }, 300_000);
  afterAll(async () => {
    for (const side of sides) await side.stop();
    for (const etcd of etcds) await etcd.close();
    await bucket?.close();
  }, 60_000);

  const metric = async (side: Cluster, name: string): Promise<number> => metricSum(await side.metrics(side.workers[0]!), name);

  it('each forwards to the other once at most: reads through either give the right bytes, and nobody waits', async () => {
    await bucket.putPattern('torn-file', 7, 3 * PAGE_BYTES);
    const clients = await Promise.all(sides.map((side) => side.client()));
    await eventually('each side sees two workers', () => clients.every((client) => client.view.members.filter((member) => member.online).length === 2));
    const owners = clients.map((client) => ownerOf(client, 'torn-file'));
    const uuids = await Promise.all(sides.map((side) => side.uuidOf(0)));
    expect(owners).toEqual([uuids[1], uuids[0]]);
    const before = await Promise.all(
      sides.map(async (side) => [await metric(side, 'alluxio_worker_peer_reads_total'), await metric(side, 'alluxio_worker_forwarded_requests_total')]),
    );
    for (const [i, side] of sides.entries()) {
      const status = (await clients[i]!.status(pathOf('torn-file')))!;
      const session = await connectWorker(side, side.workers[0]!, `torn-${i}`);
      for (let page = 0; page < 3; page++) {
        const bytes = await readRange(session, { status, offset: page * PAGE_BYTES + 1000, length: MIB, timeoutMs: 10_000 });
        expect(bytes.equals(patternBytes(7, page * PAGE_BYTES + 1000, MIB))).toBe(true);
      }
      session.close();
    }
    for (const [i, side] of sides.entries()) {
      // Three pages were asked of it, and each of those it asked of the other at most once.
      expect((await metric(side, 'alluxio_worker_peer_reads_total')) - before[i]![0]!).toBeLessThanOrEqual(3);
      expect((await metric(side, 'alluxio_worker_forwarded_requests_total')) - before[i]![1]!).toBeLessThanOrEqual(3);
    }
  }, 60_000);
});
