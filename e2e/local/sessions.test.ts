// Who may talk to a worker: refusals come with a message, and cost the others nothing.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { openClient } from '../../client/index.ts';
import { MAGIC, PROTOCOL_VERSION } from '../../proto/frames/layout.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, HOST, startCluster } from '../harness/cluster.ts';
import { sayHello } from '../harness/raw-session.ts';
import { MIB, readFile } from '../harness/reading.ts';

describe('a worker’s data plane', () => {
  let bucket: Bucket;
  let cluster: Cluster;
  let hello: Record<string, unknown>;

  beforeAll(async () => {
    bucket = await startBucket();
    await bucket.putPattern('file', 1, 2 * MIB);
    cluster = await startCluster({ workers: 1, ufs: bucket.ufs });
    hello = { magic: MAGIC, protocol: PROTOCOL_VERSION, clusterUid: await cluster.clusterUid(), identity: 'sdk/raw', expiresAtMs: Date.now() + 3_600_000, nonce: '00'.repeat(16) };
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  const refusal = async (change: Record<string, unknown>): Promise<{ code: string; message: string }> =>
    (await sayHello(cluster.workers[0]!, { ...hello, ...change }))['error'] as { code: string; message: string };

  it('refuses a client of another protocol version with a message that names both', async () => {
    const error = await refusal({ protocol: PROTOCOL_VERSION + 1 });
    expect(error.code).toBe('ProtocolMismatch');
    expect(error.message).toMatch(new RegExp(`${PROTOCOL_VERSION}\\b.*${PROTOCOL_VERSION + 1}\\b`));
  });

  it('refuses another cluster’s client, an expired session and an odd identity, each with a message', async () => {
    for (const change of [{ clusterUid: 'another' }, { expiresAtMs: Date.now() - 1000 }, { identity: 'root' }, { nonce: 'short' }]) {
      const error = await refusal(change);
      expect([error.code, error.message.length > 10]).toEqual([expect.stringMatching(/Unauthenticated|ProtocolMismatch|InvalidArgument/), true]);
    }
  });

  it('refuses a client without a valid session key with a message', async () => {
    const attempt = openClient({
      endpoints: [`${HOST}:${cluster.workers[0]!.ports['data']}`],
      keys: { clusterUid: await cluster.clusterUid(), dataPlaneKey: new Uint8Array(randomBytes(32)) },
      role: 'sdk',
      identity: 'sdk/no-key',
      localHostId: '',
      settings: { startTimeoutMs: 3000 },
    });
    await expect(attempt).rejects.toMatchObject({ code: 'Unauthenticated', message: expect.stringContaining('key') as unknown });
  });

  it('cuts peers that speak something else, and goes on serving the others', async () => {
    const port = cluster.workers[0]!.ports['data']!;
    const shout = (bytes: Uint8Array): Promise<void> =>
      new Promise((resolve) => {
        const socket = connect({ host: HOST, port }, () => socket.write(bytes));
        socket.on('data', () => {});
        socket.on('error', () => {});
        socket.once('close', () => resolve());
      });
    await Promise.all([shout(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')), shout(Buffer.alloc(64, 0xff)), shout(randomBytes(100_000))]);
    const client = await openClient({
      endpoints: [`${HOST}:${port}`],
      keys: { clusterUid: await cluster.clusterUid(), dataPlaneKey: cluster.dataPlaneKey },
      role: 'sdk',
      identity: 'sdk/fine',
      localHostId: '',
    });
    expect(await readFile(client, 'file', 1)).toEqual({ total: 2 * MIB, mismatch: -1 });
    await client.close();
  }, 60_000);
});
