// Two clusters on one etcd do not see each other.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openClient } from '../../client/index.ts';
import { type Etcd, startEtcd } from '../../tools/servers/index.ts';
import { type Cluster, HOST, startCluster } from '../harness/cluster.ts';
import { pathOf } from '../harness/reading.ts';
import { scratchDirectory } from '../harness/scratch.ts';

describe('two clusters on one etcd', () => {
  let etcd: Etcd;
  let left: Cluster;
  let right: Cluster;

  const source = (text: string): string => {
    const directory = join(scratchDirectory('nas'), 'tree');
    mkdirSync(directory);
    writeFileSync(join(directory, 'whose'), text);
    return `file://${directory}/`;
  };
  beforeAll(async () => {
    etcd = await startEtcd();
    left = await startCluster({ name: 'left', workers: 2, etcd: etcd.endpoint, ufs: { uri: source('left') } });
    right = await startCluster({ name: 'left-right', workers: 1, etcd: etcd.endpoint, ufs: { uri: source('right') } });
  }, 300_000);
  afterAll(async () => {
    await left?.stop();
    await right?.stop();
    await etcd?.close();
  }, 30_000);

  it('see only their own workers and mounts, and read their own bytes under one path, even when one name begins with the other', async () => {
    expect((await left.members()).length).toBe(2);
    expect((await right.members()).length).toBe(1);
    const read = async (cluster: Cluster): Promise<string> => {
      const handle = await (await cluster.client()).openFile(pathOf('whose'));
      const into = Buffer.alloc(10);
      return into.subarray(0, await handle.read(0, into)).toString();
    };
    expect([await read(left), await read(right)]).toEqual(['left', 'right']);
    expect((await left.clusterUid()) === (await right.clusterUid())).toBe(false);
  });

  it('refuse each other’s clients, with or without the right key', async () => {
    for (const clusterUid of [await left.clusterUid(), await right.clusterUid()]) {
      const attempt = openClient({
        endpoints: [`${HOST}:${right.workers[0]!.ports['data']}`],
        keys: { clusterUid, dataPlaneKey: left.dataPlaneKey },
        role: 'sdk',
        identity: 'sdk/stranger',
        localHostId: '',
        settings: { startTimeoutMs: 3000 },
      });
      await expect(attempt).rejects.toMatchObject({ code: expect.stringMatching(/Unauthenticated|InvalidConfiguration/) as unknown });
    }
  });

  it('are untouched when the other adds and removes a mount', async () => {
    await right.api.removeMount('/data');
    expect(await right.api.mounts()).toEqual([]);
    expect((await left.api.mounts()).map((mount) => mount.mountPath)).toEqual(['/data']);
  });
});
