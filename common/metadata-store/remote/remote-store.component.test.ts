import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../../log/index.ts';
import { type RpcServer, serveRpc } from '../../rpc/index.ts';
import { type EmbeddedStore, openEmbeddedStore } from '../embedded/embedded-store.ts';
import { metadataStoreContract, RecordingListener, untilAborted } from '../metadata-store.contract.ts';
import { RemoteStore } from './remote-store.ts';
import { metadataStoreService } from './store-service.ts';

const logger = createLogger({ component: 'test', sink: () => undefined });
const KEY = randomBytes(32);

/** A coordinator's part of it: the embedded store behind a gRPC door. */
class ServedStore {
  readonly directory = mkdtempSync(join(tmpdir(), 'alluxio-store-'));
  store!: EmbeddedStore;
  port = 0;
  #server!: RpcServer;

  async start(): Promise<void> {
    this.store = openEmbeddedStore({ directory: this.directory });
    this.#server = await serveRpc({ host: '127.0.0.1', port: this.port, portProperty: 'x', services: [metadataStoreService(this.store, KEY)], logger });
    this.port = this.#server.port;
  }
  async stop(): Promise<void> {
    await this.#server.close(100);
    await this.store.close();
  }
  remote(dataPlaneKey: Uint8Array = KEY, callTimeoutMs = 5000): RemoteStore {
    return new RemoteStore({ address: `127.0.0.1:${this.port}`, dataPlaneKey, callTimeoutMs });
  }
  async end(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

metadataStoreContract('remote', async () => {
  const served = new ServedStore();
  await served.start();
  const [store, other] = [served.remote(), served.remote()];
  return {
    store,
    other,
    endLease: async (id) => served.store.revokeLease(id),
    close: async () => {
      await store.close();
      await other.close();
      await served.end();
    },
  };
});

describe('the served store', () => {
  let served: ServedStore;
  let store: RemoteStore;
  const put = (key: string, value: string, leaseId?: string) => store.commit({ changes: [{ type: 'put', key, value, ...(leaseId === undefined ? {} : { leaseId }) }] });

  beforeEach(async () => {
    served = new ServedStore();
    await served.start();
    store = served.remote();
  });
  afterEach(async () => {
    await store.close();
    await served.end();
  });

  it('is refused to callers without the key', async () => {
    const stranger = served.remote(randomBytes(32));
    await expect(stranger.get('/a')).rejects.toMatchObject({ code: 'Unauthenticated', context: { remedy: expect.stringContaining('data.plane.key') } });
    await expect(stranger.commit({ changes: [{ type: 'put', key: '/a', value: 'x' }] })).rejects.toMatchObject({ code: 'Unauthenticated' });
    await stranger.close();
    expect((await store.get('/a')).entry).toBeUndefined();
  });

  it('keeps a lease and its keys over a restart of the coordinator', async () => {
    const lease = await store.lease(3);
    await put('/leased', 'x', lease.id);
    const listener = new RecordingListener();
    store.watch(['/'], listener);
    await listener.until(() => listener.isConnected);
    await served.stop();
    await listener.until(() => !listener.isConnected);
    await served.start();
    await listener.until(() => listener.isConnected);
    const beforeMs = lease.deadlineMs;
    while (lease.deadlineMs < beforeMs + 1000 && !lease.lost.aborted) await new Promise((resolve) => setTimeout(resolve, 20)); // a keepalive went through
    expect([lease.isValid(), (await store.get('/leased')).entry?.leaseId]).toEqual([true, lease.id]);
    await put('/later', 'y');
    await listener.until(() => listener.known['/later'] === 'y');
    expect(listener.known).toEqual({ '/leased': 'x', '/later': 'y' });
  });

  it('fails calls within their deadline while the coordinator is away, and leases are lost by the own clock', async () => {
    const hasty = served.remote(KEY, 400);
    const lease = await hasty.lease(1);
    await served.stop();
    const calls = [hasty.get('/a'), hasty.range('/a'), hasty.commit({ changes: [{ type: 'put', key: '/a', value: 'x' }] }), hasty.lease(1)];
    for (const result of await Promise.allSettled(calls)) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'MetadataStoreUnavailable' } });
    await untilAborted(lease.lost);
    expect(lease.isValid()).toBe(false);
    await served.start();
    expect((await hasty.get('/a', { timeoutMs: 10_000 })).entry).toBeUndefined();
    await hasty.close();
  });
});
