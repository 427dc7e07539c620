// Against a real etcd.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Etcd, startEtcd } from '../../../tools/servers/index.ts';
import { metadataStoreContract, RecordingListener, untilAborted } from '../metadata-store.contract.ts';
import { EtcdStore } from './etcd-store.ts';

let etcd: Etcd;
const stores: EtcdStore[] = [];
/** The machine may be busy; calls while etcd is away take as long. */
const CALL_TIMEOUT_MS = 1500;
const open = (endpoints: readonly string[] = [etcd.endpoint], callTimeoutMs = CALL_TIMEOUT_MS): EtcdStore => {
  const store = new EtcdStore({ endpoints, callTimeoutMs });
  stores.push(store);
  return store;
};

beforeAll(async () => {
  etcd = await startEtcd();
}, 600_000);
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await etcd.close();
});

metadataStoreContract('etcd', async () => {
  const [store, other] = [open([etcd.endpoint], 10_000), open([etcd.endpoint], 10_000)];
  return {
    store,
    other,
    endLease: async (id) => {
      const { Etcd3 } = await import('etcd3');
      const client = new Etcd3({ hosts: etcd.endpoint });
      await client.leaseClient.leaseRevoke({ ID: id });
      client.close();
    },
    close: async () => {
      await store.close();
      await other.close();
    },
  };
});

describe('the etcd store while etcd is away', () => {
  const put = (store: EtcdStore, key: string, value: string) => store.commit({ changes: [{ type: 'put', key, value }] });

  it('fails calls within their deadline, loses leases by its own clock, and recovers without a restart', async () => {
    const [store, writer] = [open(), open()];
    const listener = new RecordingListener();
    await put(store, '/cut/a', '1');
    store.watch(['/cut/', '/cut-too/'], listener);
    await listener.until(() => listener.isConnected);
    const lease = await store.lease(2);
    await etcd.stop();
    await listener.until(() => !listener.isConnected);
    const calls = [store.get('/cut/a'), store.range('/cut/'), put(store, '/cut/a', 'lost'), store.lease(2)];
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'MetadataStoreUnavailable' } });
    }
    await untilAborted(lease.lost);
    expect([lease.isValid(), lease.lost.reason]).toEqual([false, expect.objectContaining({ code: 'LeaseLost' })]);
    await etcd.start();
    await listener.until(() => listener.isConnected);
    await put(writer, '/cut-too/b', '2');
    await put(writer, '/cut/a', '3');
    await listener.until(() => listener.texts.includes('/cut/a=3'));
    expect([listener.texts, listener.snapshots.length]).toEqual([['/cut-too/b=2', '/cut/a=3'], 1]);
    const again = await store.lease(2);
    expect(again.isValid()).toBe(true);
    await again.revoke();
  }, 60_000);

  it('misses no change across cuts', async () => {
    const [store, writer] = [open(), open()];
    const listener = new RecordingListener();
    store.watch(['/steady/'], listener);
    await listener.until(() => listener.isConnected);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20; i++) await put(writer, `/steady/${round}-${i}`, 'x');
      await etcd.stop();
      await etcd.start();
      // A writer of its own connection: it may be ahead of the watch.
      for (let i = 20; i < 30; i++) await put(open(), `/steady/${round}-${i}`, 'x');
    }
    await listener.until(() => listener.events.length >= 90);
    const { entries } = await writer.range('/steady/');
    expect([listener.events.length, Object.keys(listener.known).length, entries.length]).toEqual([90, 90, 90]);
    expect(listener.texts).toEqual(entries.toSorted((a, b) => a.modRevision - b.modRevision).map((entry) => `${entry.key}=x`));
  }, 60_000);

  it('answers from a snapshot when etcd compacted the changes in between', async () => {
    const store = open();
    const { revision } = await put(store, '/compacted/a', '1');
    await put(store, '/compacted/a', '2');
    const last = await put(store, '/compacted/a', '3');
    const { Etcd3 } = await import('etcd3');
    const client = new Etcd3({ hosts: etcd.endpoint });
    await client.kv.compact({ revision: last.revision, physical: true });
    client.close();
    const listener = new RecordingListener();
    store.watch(['/compacted/'], listener, { fromRevision: revision });
    await listener.until(() => listener.snapshots.length === 1);
    expect(listener.known).toEqual({ '/compacted/a': '3' });
  }, 60_000);

  it('goes on at another endpoint when one is dead', async () => {
    const store = open(['127.0.0.1:1', etcd.endpoint]);
    for (let i = 0; i < 5; i++) expect((await put(store, '/endpoints/a', String(i))).committed).toBe(true);
    expect((await store.get('/endpoints/a')).entry?.value).toBe('4');
  });

  it('fails calls within their deadline when etcd hangs, and goes on when it wakes', async () => {
    const store = open();
    await put(store, '/hang/a', '1');
    etcd.signal('SIGSTOP');
    try {
      for (const result of await Promise.allSettled([store.get('/hang/a'), put(store, '/hang/b', '2')])) {
        expect(result).toMatchObject({ status: 'rejected', reason: { code: 'MetadataStoreUnavailable' } });
      }
    } finally {
      etcd.signal('SIGCONT');
    }
    expect((await store.get('/hang/a', { timeoutMs: 10_000 })).entry?.value).toBe('1');
  }, 60_000);
});

describe('an etcd that wants users', () => {
  it('lets the right ones in and tells the others which property to check', async () => {
    const guarded = await startEtcd();
    const { Etcd3 } = await import('etcd3');
    const admin = new Etcd3({ hosts: guarded.endpoint });
    try {
      await admin.role('root').create();
      await admin.user('root').create('right');
      await admin.user('root').addRole('root');
      await admin.auth.authEnable();
      const as = (password: string): EtcdStore => {
        const store = new EtcdStore({ endpoints: [guarded.endpoint], callTimeoutMs: 10_000, username: 'root', password });
        stores.push(store);
        return store;
      };
      await expect(as('wrong').get('/a')).rejects.toMatchObject({ code: 'Unauthenticated', context: { remedy: expect.stringContaining('alluxio.etcd.password') } });
      const store = as('right');
      const listener = new RecordingListener();
      store.watch(['/a'], listener);
      const lease = await store.lease(30);
      await store.commit({ changes: [{ type: 'put', key: '/a', value: 'x', leaseId: lease.id }] });
      await listener.until(() => listener.known['/a'] === 'x');
      await lease.revoke();
      await listener.until(() => listener.known['/a'] === undefined);
    } finally {
      admin.close();
      await guarded.close();
    }
  }, 60_000);
});
