import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COORDINATOR_SERVICE, type CoordinatorDefinition, METADATA_STORE_SERVICE, type MetadataStoreDefinition } from '../../proto/services.ts';
import { FakeClock } from '../async/index.ts';
import { CacheError } from '../errors/index.ts';
import { createLogger } from '../log/index.ts';
import { CallSignature, loadService, RpcClient, type RpcHandlers, type RpcServer, rpcService, serveRpc } from './index.ts';

const logLines: string[] = [];
const logger = createLogger({ component: 'test', sink: (line) => logLines.push(line) });
const coordinator = loadService<CoordinatorDefinition>(COORDINATOR_SERVICE);
const store = loadService<MetadataStoreDefinition>(METADATA_STORE_SERVICE);
const KEY = randomBytes(32);
const CALL = { timeoutMs: 5000 };

let server: RpcServer;
let client: RpcClient<CoordinatorDefinition>;
let cancelled: () => void;
const wasCancelled = new Promise<void>((resolve) => (cancelled = resolve));

/** ListMounts fails as it is told by RemoveMount's argument; the rest is not there. */
const handlers = {
  AddMount: { unary: async (request: object) => ({ ...request, generation: 2 ** 40, owner: 'cli' }) },
  RemoveMount: {
    unary: async ({ mountPath }: { mountPath: string }, { signal }: { signal: AbortSignal }) => {
      if (mountPath === '/typed') throw new CacheError('MountNotFound', 'There is no mount é.', { context: { field: 'path', value: '/typed', remedy: 'Look.' } });
      if (mountPath === '/broken') throw new TypeError('an inner secret');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      cancelled();
      return {};
    },
  },
} as unknown as RpcHandlers<CoordinatorDefinition>;

const watchHandlers = {
  Watch: {
    stream: async ({ fromRevision }: { fromRevision: number }, call: { write(message: object): void; signal: AbortSignal }) => {
      for (let revision = 1; revision <= 3; revision++) call.write({ changes: { revision, events: [] } });
      if (fromRevision === 1) throw new CacheError('Overloaded', 'Too slow.');
      if (fromRevision === 2) await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve(), { once: true }));
    },
  },
} as unknown as RpcHandlers<MetadataStoreDefinition>;

beforeAll(async () => {
  const services = [rpcService(coordinator, handlers), rpcService(store, watchHandlers, new CallSignature(KEY, 'test'))];
  server = await serveRpc({ host: '127.0.0.1', port: 0, portProperty: 'alluxio.x.port', services, logger });
  client = new RpcClient(coordinator, { address: `127.0.0.1:${server.port}`, unavailable: 'MetadataStoreUnavailable' });
});
afterAll(async () => {
  client.close();
  await server.close(1000);
});

describe('the gRPC door', () => {
  it('carries values both ways, large integers included', async () => {
    const mount = { mountPath: '/data', ufsUri: 's3://b/é', options: { a: 'b' } };
    expect(await client.call('AddMount', mount, CALL)).toEqual({ ...mount, generation: 2 ** 40, owner: 'cli' });
  });
  it('rebuilds the error at the caller: code, message and context', async () => {
    await expect(client.call('RemoveMount', { mountPath: '/typed' }, CALL)).rejects.toMatchObject({
      code: 'MountNotFound',
      message: 'There is no mount é.',
      context: { field: 'path', value: '/typed', remedy: 'Look.' },
    });
  });
  it('keeps what is inside to the log', async () => {
    await expect(client.call('RemoveMount', { mountPath: '/broken' }, CALL)).rejects.toMatchObject({ code: 'Internal', message: expect.not.stringContaining('secret') });
    expect(logLines.join()).toContain('an inner secret');
  });
  it('ends calls at their deadline and tells the handler', async () => {
    await expect(client.call('RemoveMount', { mountPath: '/slow' }, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    await wasCancelled;
  });
  it('ends calls with the caller’s signal', async () => {
    const stop = new AbortController();
    const call = client.call('RemoveMount', { mountPath: '/slow' }, { ...CALL, signal: stop.signal });
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'Cancelled' });
  });
  it('falls back to the status where there is no code', async () => {
    await expect(client.call('GetVersion', {}, CALL)).rejects.toMatchObject({ code: 'Unsupported' });
  });
  it('tells a server that is not there by the code of its kind', async () => {
    const nobody = new RpcClient(coordinator, { address: '127.0.0.1:1', unavailable: 'WorkerUnavailable' });
    await expect(nobody.call('GetVersion', {}, CALL)).rejects.toMatchObject({ code: 'WorkerUnavailable' });
    nobody.close();
  });
  it('streams, ends streams with an error by the table, and cuts them when it stops', async () => {
    const watcher = new RpcClient(store, { address: `127.0.0.1:${server.port}`, unavailable: 'MetadataStoreUnavailable', signature: new CallSignature(KEY, 'test') });
    const watch = async (fromRevision: number, signal = new AbortController().signal): Promise<number[]> => {
      const revisions: number[] = [];
      await watcher.stream('Watch', { prefixes: ['/'], fromRevision }, ({ changes }) => revisions.push(changes!.revision), signal);
      return revisions;
    };
    expect(await watch(0)).toEqual([1, 2, 3]);
    await expect(watch(1)).rejects.toMatchObject({ code: 'Overloaded' });
    const stop = new AbortController();
    const endless = watch(2, stop.signal);
    stop.abort();
    await expect(endless).rejects.toMatchObject({ code: 'Cancelled' });
    watcher.close();
  });
  it('lets nobody in without the signature', async () => {
    for (const signature of [undefined, new CallSignature(randomBytes(32), 'test'), new CallSignature(KEY, 'another purpose')]) {
      const stranger = new RpcClient(store, { address: `127.0.0.1:${server.port}`, unavailable: 'MetadataStoreUnavailable', ...(signature === undefined ? {} : { signature }) });
      await expect(stranger.stream('Watch', { prefixes: ['/'] }, () => undefined, new AbortController().signal)).rejects.toMatchObject({ code: 'Unauthenticated' });
      stranger.close();
    }
  });
  it('names the property when its port is in use', async () => {
    const twin = serveRpc({ host: '127.0.0.1', port: server.port, portProperty: 'alluxio.x.port', services: [], logger });
    await expect(twin).rejects.toMatchObject({ code: 'AddressInUse', context: { remedy: expect.stringContaining('alluxio.x.port') } });
    const elsewhere = serveRpc({ host: '192.0.2.1', port: 0, portProperty: 'alluxio.x.port', services: [], logger });
    await expect(elsewhere).rejects.toMatchObject({ code: 'InvalidConfiguration' });
  });
});

describe('a call signature', () => {
  const clock = new FakeClock();
  const signature = new CallSignature(KEY, 'p', clock);
  it('is good once, for its method, for a minute', async () => {
    const signed = signature.sign('/a/B');
    expect(() => signature.verify('/a/C', signed)).toThrow(expect.objectContaining({ code: 'Unauthenticated' }));
    signature.verify('/a/B', signed);
    expect(() => signature.verify('/a/B', signed)).toThrow(/received before/);
    const late = signature.sign('/a/B');
    await clock.advance(61_000);
    expect(() => signature.verify('/a/B', late)).toThrow(/too long ago/);
    for (const bad of [undefined, '', 'v1', signed.slice(0, -1)]) expect(() => signature.verify('/a/B', bad)).toThrow(/not signed/);
  });
});
