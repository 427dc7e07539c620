import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MembershipView, MountEntry, WorkerRecord } from '../api/index.ts';
import { FakeClock } from '../async/index.ts';
import { ClusterKeys, ClusterLink, decodeClusterRecord, decodeMountEntry, decodeWorkerRecord, type EmbeddedStore, openEmbeddedStore } from './index.ts';

const keys = new ClusterKeys('c');
const mount = (mountPath: string, change: Partial<MountEntry> = {}): MountEntry => ({
  mountPath,
  ufsUri: `s3://bucket${mountPath}`,
  options: {},
  sealedOptions: '',
  generation: 1,
  owner: 'cli',
  ...change,
});
const worker = (uuid: string, clusterUid: string, change: Partial<WorkerRecord> = {}): WorkerRecord => ({
  Identity: { version: 1, identifier: uuid.replaceAll('-', '') },
  WorkerNetAddress: {
    Host: 'a',
    ContainerHost: '',
    RpcPort: 1,
    DataPort: 2,
    SecureRpcPort: 0,
    NettyDataPort: 2,
    WebPort: 3,
    DomainSocketPath: '',
    HttpServerPort: 0,
  },
  uuid,
  instanceId: 'i',
  clusterUid,
  vnodes: 2000,
  capacityBytes: 1,
  pageSizeBytes: 4 << 20,
  hostId: 'a',
  build: '1',
  startedAtMs: 0,
  fuseClients: 2,
  ...change,
});

describe('a cluster link', () => {
  let directory: string;
  let clock: FakeClock;
  let store: EmbeddedStore;
  let link: ClusterLink;
  const views: MembershipView[] = [];
  const broken: string[] = [];
  const put = (key: string, value: unknown) => store.commit({ changes: [{ type: 'put', key, value: typeof value === 'string' ? value : JSON.stringify(value) }] });
  /** Past the time in which changes are gathered. */
  const gathered = () => clock.advance(100);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'alluxio-link-'));
    clock = new FakeClock();
    store = openEmbeddedStore({ directory });
    views.length = 0;
    broken.length = 0;
    link = new ClusterLink({ store, clusterName: 'c', staticRing: false, clock, onBroken: (key) => broken.push(key) });
  });
  afterEach(async () => {
    await link.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('creates the cluster’s record once, whoever comes first', async () => {
    const twin = new ClusterLink({ store, clusterName: 'c', staticRing: false });
    const other = new ClusterLink({ store, clusterName: 'c2', staticRing: false });
    const uids = await Promise.all([link.clusterUid(), twin.clusterUid(), link.clusterUid()]);
    expect(new Set(uids).size).toBe(1);
    expect(await other.clusterUid()).not.toBe(uids[0]);
  });

  it('refuses a cluster record that is none', async () => {
    await put(keys.cluster, '{"uid":"x"}');
    await expect(link.clusterUid()).rejects.toMatchObject({ code: 'InvalidConfiguration', context: { key: '/Cluster/c' } });
  });

  it('gives immutable views of members and mounts as they change, close changes as one', async () => {
    const uid = await link.clusterUid();
    const [a, b] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'];
    await put(keys.registeredWorker(a), worker(a, uid));
    await put(keys.mount('/m'), mount('/m'));
    link.follow((view) => views.push(view));
    await gathered();
    expect(views).toHaveLength(1);
    expect(views[0]).toMatchObject({
      clusterName: 'c',
      clusterUid: uid,
      generation: 1,
      staticRing: false,
      members: [{ online: false }],
      mounts: [{ mountPath: '/m' }],
      fuseClients: 0,
    });
    await put(keys.onlineWorker(b), worker(b, uid));
    await put(keys.onlineWorker(a), worker(a, uid, { fuseClients: 5 }));
    await put(keys.mount('/a'), mount('/a'));
    await store.commit({ changes: [{ type: 'delete', key: keys.mount('/m') }] });
    await gathered();
    expect(views).toHaveLength(2);
    expect(views[1]!.members.map(({ record, online }) => [record.uuid, online])).toEqual([[a, true], [b, true]]); // prettier-ignore
    expect([views[1]!.mounts.map((entry) => entry.mountPath), views[1]!.fuseClients]).toEqual([['/a'], 7]);
    expect(views[1]!.revision).toBe((await store.get('/')).revision);
    expect(views[0]!.members).toHaveLength(1);
    expect(link.view).toBe(views[1]);
  });

  it('leaves out what is broken, under a wrong key or of another cluster, and keeps the rest', async () => {
    const uid = await link.clusterUid();
    const [ours, theirs, moved] = [randomUUID(), randomUUID(), randomUUID()];
    await put(keys.onlineWorker(ours), worker(ours, uid));
    await put(keys.onlineWorker(theirs), worker(theirs, randomUUID()));
    await put(keys.onlineWorker(moved), worker(ours, uid));
    await put(keys.mount('/ok'), mount('/ok'));
    await put(keys.mount('/broken'), '{');
    await put(keys.mount('/uri'), mount('/uri', { ufsUri: 'nonsense' }));
    link.follow((view) => views.push(view));
    await gathered();
    expect(views[0]!.members.map(({ record }) => record.uuid)).toEqual([ours]);
    expect(views[0]!.mounts.map((entry) => entry.mountPath)).toEqual(['/ok']);
    expect(broken.toSorted()).toEqual([keys.mount('/broken'), keys.onlineWorker(moved), keys.mount('/uri')].toSorted());
  });

  it('keeps the last view when the cluster’s record goes', async () => {
    await link.clusterUid();
    link.follow((view) => views.push(view));
    await gathered();
    await store.commit({ changes: [{ type: 'delete', key: keys.cluster }] });
    await gathered();
    expect([views.length, link.view]).toEqual([1, views[0]]);
  });
});

describe('records of a cluster', () => {
  it('are refused when a field is missing or of another kind', () => {
    const uid = randomUUID();
    const uuid = randomUUID();
    const key = keys.onlineWorker(uuid);
    expect(decodeWorkerRecord(key, JSON.stringify(worker(uuid, uid)))).toEqual(worker(uuid, uid));
    for (const field of Object.keys(worker(uuid, uid)).filter((name) => !['Identity', 'startedAtMs'].includes(name))) {
      for (const bad of [undefined, null, [], -1, 1.5]) expect(decodeWorkerRecord(key, JSON.stringify({ ...worker(uuid, uid), [field]: bad }))).toBeUndefined();
    }
    for (const field of ['mountPath', 'ufsUri', 'options', 'sealedOptions', 'generation', 'owner']) {
      for (const bad of [undefined, null, -1, { a: 1 }]) expect(decodeMountEntry(keys.mount('/m'), JSON.stringify({ ...mount('/m'), [field]: bad }))).toBeUndefined();
    }
    for (const text of ['', '[]', '1', '{}', '{"uid":1}', `{"uid":"${uid}","generation":-1}`]) expect(decodeClusterRecord(text)).toBeUndefined();
    expect(decodeClusterRecord(`{"uid":"${uid}"}`)).toEqual({ uid, generation: 1 });
  });
  it('keep names of any bytes apart', () => {
    const names = ['/a', '/\udcff', '/\\xff', '/é', '/e\u0301', '/ ', '/\n'];
    expect(new Set(names.map((name) => keys.mount(name))).size).toBe(names.length);
    for (const name of names) {
      expect(keys.mount(name).isWellFormed()).toBe(true);
      expect(decodeMountEntry(keys.mount(name), JSON.stringify(mount(name)))?.mountPath).toBe(name);
    }
  });
});
