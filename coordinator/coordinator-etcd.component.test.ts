// Several coordinators on one real etcd.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Etcd, startEtcd } from '../tools/servers/index.ts';
import { CoordinatorFixture, eventually, type StartedCoordinator } from './testing/coordinator-fixture.ts';

let etcd: Etcd;
let fixture: CoordinatorFixture;
let first: StartedCoordinator;
let second: StartedCoordinator;
let stranger: StartedCoordinator;
const mounted = async ({ api }: StartedCoordinator): Promise<string[]> => (await api.mounts()).map((mount) => mount.mountPath).toSorted();

beforeAll(async () => {
  etcd = await startEtcd();
  fixture = new CoordinatorFixture();
  const store = [`alluxio.etcd.endpoints=http://${etcd.endpoint}`];
  [first, second, stranger] = await Promise.all([fixture.start(store), fixture.start(store), fixture.start([...store, 'alluxio.cluster.name=test-two'])]);
}, 600_000);
afterAll(async () => {
  await fixture.close();
  await etcd.close();
});

describe('two coordinators on one etcd', () => {
  it('agree on the cluster and see each other’s changes', async () => {
    const [a, b] = await Promise.all([first.api.membership(), second.api.membership()]);
    expect(a.clusterUid).toBe(b.clusterUid);
    await first.api.addMount({ mountPath: '/one', ufsUri: fixture.ufs('one'), options: {} });
    expect(await mounted(second)).toEqual(['/one']);
    await eventually('the view follows', async () => (await second.api.membership()).mounts.length === 1);
    await second.api.removeMount('/one');
    expect(await mounted(first)).toEqual([]);
  });

  it('let one of many overlapping mounts in, however they race', async () => {
    const root = fixture.ufs('race');
    const attempts = Array.from({ length: 12 }, (_, i) => {
      const ufsUri = i % 3 === 0 ? root : fixture.ufs(`race/${i % 2 === 0 ? 'x' : 'x/y'}`);
      return (i % 2 === 0 ? first : second).api.addMount({ mountPath: `/race-${i}`, ufsUri, options: {} });
    });
    const results = await Promise.allSettled(attempts);
    const losers = results.filter((result) => result.status === 'rejected').map((result) => (result.reason as { code: string }).code);
    expect(await mounted(first)).toHaveLength(1);
    expect(losers).toHaveLength(11);
    for (const code of losers) expect(['AlreadyExists', 'OperationPending']).toContain(code);
    await first.api.removeMount((await mounted(second))[0]!);
  });

  it('do not see another cluster on the same etcd', async () => {
    await first.api.addMount({ mountPath: '/shared', ufsUri: fixture.ufs('shared'), options: {} });
    await stranger.api.addMount({ mountPath: '/shared', ufsUri: fixture.ufs('shared'), options: {} });
    await stranger.api.addMount({ mountPath: '/theirs', ufsUri: fixture.ufs('theirs'), options: {} });
    expect([await mounted(first), await mounted(stranger)]).toEqual([['/shared'], ['/shared', '/theirs']]);
    const [ours, theirs] = await Promise.all([first.api.membership(), stranger.api.membership()]);
    expect(ours.clusterUid).not.toBe(theirs.clusterUid);
    await first.api.removeMount('/shared');
  });

  it('answer reads from the last view while etcd is away, refuse changes, and go on by themselves when it is back', async () => {
    await first.api.addMount({ mountPath: '/before', ufsUri: fixture.ufs('before'), options: {} });
    await eventually('seen', async () => (await second.api.membership()).mounts.length === 1);
    await etcd.stop();
    await eventually('stale', async () => ((await second.api.membership()) as unknown as { staleMs: number }).staleMs > 0);
    expect(await mounted(second)).toEqual(['/before']);
    expect((await second.api.membership()).mounts.map((mount) => mount.mountPath)).toEqual(['/before']);
    await expect(second.api.addMount({ mountPath: '/during', ufsUri: fixture.ufs('during'), options: {} })).rejects.toMatchObject({ code: 'MetadataStoreUnavailable' });
    await expect(second.api.removeMount('/before')).rejects.toMatchObject({ code: 'MetadataStoreUnavailable' });
    expect((await fetch(`${second.url}/readyz`)).status).toBe(200);
    await etcd.start();
    await eventually('a change goes through', () => second.api.removeMount('/before').then(() => true, () => false)); // prettier-ignore
    await eventually('the other follows', async () => (await first.api.membership()).mounts.length === 0);
    expect(((await first.api.membership()) as unknown as { staleMs: number }).staleMs).toBe(0);
  }, 60_000);
});
