import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MembershipView, WorkerRecord } from '../../common/api/index.ts';
import { FakeClock } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { createLogger } from '../../common/log/index.ts';
import { type EmbeddedStore, type MetadataStore, openEmbeddedStore } from '../../common/metadata-store/index.ts';
import { Registration } from './registration.ts';

const KEYS = { online: '/ServiceDiscovery/test/worker-1', registered: '/Registered/test/worker-1' };
const UUID = '00000000-0000-4000-8000-000000000001';

let directory: string;
let clock: FakeClock;
let store: EmbeddedStore;
let isAway: boolean;
/** Commits reach the store, and their answers nobody. */
let losesAnswers: boolean;
const started: Registration[] = [];

const recordOf = (instanceId: string, startedAtMs: number): Omit<WorkerRecord, 'vnodes' | 'fuseClients'> => ({
  Identity: { version: 1, identifier: UUID.replaceAll('-', '') },
  WorkerNetAddress: {
    Host: 'h',
    ContainerHost: '',
    RpcPort: 1,
    DataPort: 2,
    SecureRpcPort: 0,
    NettyDataPort: 2,
    WebPort: 3,
    DomainSocketPath: '',
    HttpServerPort: 0,
  },
  uuid: UUID,
  instanceId,
  clusterUid: 'c',
  capacityBytes: 1,
  pageSizeBytes: 1,
  hostId: 'h',
  build: 'test',
  startedAtMs,
});

/** The store, which the test can take away. */
function reachable(): MetadataStore {
  const guarded =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      isAway ? Promise.reject(new CacheError('MetadataStoreUnavailable', 'The metadata store is away.', { source: 'metadata-store' })) : call(...args);
  return {
    get: guarded(store.get.bind(store)),
    range: guarded(store.range.bind(store)),
    commit: guarded(async (...call: Parameters<MetadataStore['commit']>) => {
      const answer = await store.commit(...call);
      if (losesAnswers) throw new CacheError('MetadataStoreUnavailable', 'The answer was lost.', { source: 'metadata-store' });
      return answer;
    }),
    lease: guarded(store.lease.bind(store)),
    watch: store.watch.bind(store),
    close: store.close.bind(store),
  };
}
function start(instanceId: string, startedAtMs: number, vnodes: (registered: number | undefined) => number = (registered) => registered ?? 100): Registration {
  const registration = new Registration({
    store: reachable(),
    keys: KEYS,
    record: recordOf(instanceId, startedAtMs),
    vnodes,
    leaseTtlSeconds: 10,
    logger: createLogger({ component: 'test', sink: () => undefined }),
    clock,
  });
  started.push(registration);
  registration.start();
  return registration;
}
const recordAt = async (key: string): Promise<WorkerRecord | undefined> => {
  const { entry } = await store.get(key);
  return entry === undefined ? undefined : (JSON.parse(entry.value) as WorkerRecord);
};
const viewOf = (revision: number, record: WorkerRecord | undefined): MembershipView => ({
  clusterName: 'test',
  clusterUid: 'c',
  generation: 1,
  revision,
  staticRing: false,
  members: record === undefined ? [] : [{ record, online: true }],
  mounts: [],
  fuseClients: 0,
});

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'registration-'));
  clock = new FakeClock();
  isAway = false;
  losesAnswers = false;
  store = openEmbeddedStore({ directory, clock });
});
afterEach(async () => {
  isAway = false;
  for (const registration of started.splice(0)) {
    const left = registration.leave();
    await clock.advance(2000);
    await left;
  }
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('registration', () => {
  it('puts the record under a lease and a copy that stays when the worker leaves', async () => {
    const registration = start('one', 1000);
    await clock.advance(0);
    expect(registration.isRegistered).toBe(true);
    expect(await recordAt(KEYS.online)).toMatchObject({ instanceId: 'one', vnodes: 100 });
    await registration.leave();
    expect(registration.isRegistered).toBe(false);
    expect(await recordAt(KEYS.online)).toBeUndefined();
    expect(await recordAt(KEYS.registered)).toMatchObject({ instanceId: 'one' });
  });

  it('replaces the record of an earlier life at once, without waiting for its lease, and its old lease takes nothing away', async () => {
    const lease = await store.lease(10);
    await store.commit({ changes: [{ type: 'put', key: KEYS.online, value: JSON.stringify({ ...recordOf('dead', 1000), vnodes: 7 }), leaseId: lease.id }] });
    const registration = start('alive', 2000);
    await clock.advance(0);
    expect(registration.isRegistered).toBe(true);
    await lease.revoke();
    expect(await recordAt(KEYS.online)).toMatchObject({ instanceId: 'alive' });
  });

  it('keeps the ring weight that an earlier life registered', async () => {
    const first = start('one', 1000, () => 300);
    await clock.advance(0);
    await first.leave();
    start('two', 2000, (registered) => registered ?? 999);
    await clock.advance(0);
    expect(await recordAt(KEYS.online)).toMatchObject({ instanceId: 'two', vnodes: 300 });
  });

  it('leaves a later instance of its uuid alone and takes its place when that has gone', async () => {
    const first = start('one', 1000);
    await clock.advance(0);
    const second = start('two', 2000);
    await clock.advance(0);
    const { revision, entry } = await store.get(KEYS.online);
    first.observe(viewOf(revision, JSON.parse(entry!.value) as WorkerRecord));
    await clock.advance(5000);
    expect([first.isRegistered, second.isRegistered]).toEqual([false, true]);
    expect(first.lastError).toMatchObject({ code: 'AlreadyExists' });
    await second.leave();
    await clock.advance(5000);
    expect(first.isRegistered).toBe(true);
  });

  it('goes on trying while the store is away, and registers when it returns', async () => {
    isAway = true;
    const registration = start('one', 1000);
    await clock.advance(30_000);
    expect(registration.isRegistered).toBe(false);
    expect(registration.lastError).toMatchObject({ code: 'MetadataStoreUnavailable' });
    isAway = false;
    await clock.advance(2000);
    expect(registration.isRegistered).toBe(true);
  });

  it('registers again when the lease was lost', async () => {
    const registration = start('one', 1000);
    await clock.advance(0);
    const { entry } = await store.get(KEYS.online);
    store.revokeLease(entry!.leaseId);
    expect(await recordAt(KEYS.online)).toBeUndefined();
    await clock.advance(10_000);
    expect(registration.isRegistered).toBe(true);
    expect(registration.registrations).toBe(2);
    expect(await recordAt(KEYS.online)).toMatchObject({ instanceId: 'one' });
  });

  it('takes a new lease at once when the store has dropped the old one and a view tells so', async () => {
    const registration = start('one', 1000);
    await clock.advance(0);
    const { entry } = await store.get(KEYS.online);
    store.revokeLease(entry!.leaseId);
    registration.observe(viewOf((await store.get(KEYS.online)).revision, undefined));
    await clock.advance(100);
    expect(registration.isRegistered).toBe(true);
    expect(await recordAt(KEYS.online)).toMatchObject({ instanceId: 'one' });
  });

  it('registers again when a view shows that the record was deleted, not when the view is older than the record', async () => {
    const registration = start('one', 1000);
    await clock.advance(0);
    registration.observe(viewOf(0, undefined));
    await clock.advance(0);
    expect(registration.registrations).toBe(1);
    const { revision } = await store.commit({ changes: [{ type: 'delete', key: KEYS.online }] });
    registration.observe(viewOf(revision, undefined));
    await clock.advance(0);
    expect(registration.registrations).toBe(2);
    expect(await recordAt(KEYS.online)).toMatchObject({ instanceId: 'one' });
  });

  it('writes the number of FUSE clients once for many changes', async () => {
    const registration = start('one', 1000);
    await clock.advance(0);
    const before = (await store.get(KEYS.online)).entry!.version;
    for (const count of [1, 2, 3]) registration.setFuseClients(count);
    await clock.advance(1500);
    const { entry } = await store.get(KEYS.online);
    expect(JSON.parse(entry!.value)).toMatchObject({ fuseClients: 3 });
    expect(entry!.version).toBe(before + 1);
  });

  it('writes the number of FUSE clients also after a write that failed, or whose answer was lost', async () => {
    const registration = start('one', 1000);
    await clock.advance(0);
    const written = async (count: number): Promise<number | undefined> => {
      registration.setFuseClients(count);
      await clock.advance(1500);
      return (await recordAt(KEYS.online))?.fuseClients;
    };
    isAway = true;
    expect(await written(3)).toBe(0);
    isAway = false;
    expect(await written(3)).toBe(3);
    losesAnswers = true;
    expect(await written(4)).toBe(4); // there, but the worker was told that it failed
    losesAnswers = false;
    await written(5); // meets a revision that it does not know
    expect(await written(5)).toBe(5);
  });
});
