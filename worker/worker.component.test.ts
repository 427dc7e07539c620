import { createServer } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sleep } from '../common/async/index.ts';
import { loadService, RpcClient } from '../common/rpc/index.ts';
import { WORKER_SERVICE, type WorkerDefinition } from '../proto/services.ts';
import { patternBytes } from './testing/node-fixture.ts';
import { ProcessFixture, type StartedWorker } from './testing/process-fixture.ts';

const MIB = 2 ** 20;
const BYTES = patternBytes(5 * MIB + 1000, 1);
/** Until a file of a NAS counts as settled. */
const SETTLING_MS = 2100;
let fixture: ProcessFixture;

beforeEach(() => {
  fixture = new ProcessFixture();
});
afterEach(() => fixture.close());

async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await holds()) return;
    await sleep(10);
  }
  throw new Error(`never: ${what}`);
}
async function startAll(count: number): Promise<StartedWorker[]> {
  const workers: StartedWorker[] = [];
  for (let i = 0; i < count; i++) workers.push(await fixture.start(i));
  for (const { uuid } of workers) await eventually('registered', async () => (await fixture.record(uuid)) !== undefined);
  return workers;
}
async function readAll(workers: readonly StartedWorker[], path: string): Promise<Buffer> {
  const client = await fixture.client(workers);
  await eventually('the client sees mount and workers', () => client.view.mounts.length > 0 && client.view.members.filter(({ online }) => online).length >= workers.length);
  const handle = await client.openFile(path);
  const into = Buffer.alloc(handle.status.length);
  for (let at = 0; at < into.length; ) at += await handle.read(at, into.subarray(at));
  handle.close();
  await client.close();
  return into;
}
const info = async (worker: StartedWorker): Promise<Record<string, unknown>> =>
  (await (await fetch(`http://127.0.0.1:${worker.running.ports['web']}/api/v1/info`)).json()) as Record<string, unknown>;
const get = async (worker: StartedWorker, path: string): Promise<number> => (await fetch(`http://127.0.0.1:${worker.running.ports['web']}${path}`)).status;

describe('a worker', () => {
  it('registers, serves reads from the UFS once and from the cache afterwards, and keeps uuid and pages over a restart', async () => {
    fixture.write('a.bin', BYTES);
    await fixture.mount();
    await sleep(SETTLING_MS);
    let [worker] = await startAll(1);
    const { uuid } = worker!;
    expect((await readAll([worker!], '/data/a.bin')).equals(BYTES)).toBe(true);
    expect(await fixture.metric(worker!, 'alluxio_worker_page_fills_total')).toBe(6);
    await fixture.stop(worker!);
    expect(await fixture.record(uuid)).toBeUndefined();
    worker = await fixture.start(0);
    expect(worker.uuid).toBe(uuid);
    expect((await readAll([worker], '/data/a.bin')).equals(BYTES)).toBe(true);
    expect(await fixture.metric(worker, 'alluxio_ufs_data_access_bytes_total')).toBe(0);
    expect(await fixture.metric(worker, 'alluxio_worker_page_hits_total')).toBe(6);
    expect(await fixture.metric(worker, 'alluxio_cached_data_read_bytes_total')).toBe(BYTES.length);
  });

  it('does not keep what changed on a NAS a moment ago, and serves it nevertheless', async () => {
    await fixture.mount();
    const [worker] = await startAll(1);
    fixture.write('new.bin', BYTES);
    expect((await readAll([worker!], '/data/new.bin')).equals(BYTES)).toBe(true);
    expect(await fixture.metric(worker!, 'alluxio_worker_pages')).toBe(0);
    expect(await fixture.metric(worker!, 'alluxio_worker_pages_unstored_total')).toBeGreaterThanOrEqual(6);
  });

  it('reads and fills go on while the lease is lost and the store is away, and it registers again when the store returns', async () => {
    fixture.write('a.bin', BYTES);
    await fixture.mount();
    await sleep(SETTLING_MS);
    const [worker] = await startAll(1);
    const { entry } = await fixture.embedded.get(`/ServiceDiscovery/test/worker-${worker!.uuid}`);
    const client = await fixture.client([worker!]);
    await eventually('the client sees the mount', () => client.view.mounts.length > 0);
    const handle = await client.openFile('/data/a.bin');
    fixture.isStoreAway = true;
    fixture.embedded.revokeLease(entry!.leaseId);
    await eventually('the lease is lost', async () => (await info(worker!))['registered'] === false);
    const into = Buffer.alloc(BYTES.length);
    for (let at = 0; at < into.length; ) at += await handle.read(at, into.subarray(at));
    expect(into.equals(BYTES)).toBe(true);
    expect([await get(worker!, '/healthz'), await get(worker!, '/readyz')]).toEqual([200, 200]);
    fixture.isStoreAway = false;
    await eventually('registered again', async () => (await info(worker!))['registered'] === true);
    expect(await fixture.metric(worker!, 'alluxio_worker_registrations_total')).toBe(2);
  });

  it('starts without the metadata store when it knows its cluster, says so, and registers when the store returns', async () => {
    fixture.write('a.bin', BYTES);
    await fixture.mount();
    const [first] = await startAll(1);
    await fixture.stop(first!);
    fixture.isStoreAway = true;
    const worker = await fixture.start(0);
    expect(worker.uuid).toBe(first!.uuid);
    expect(await get(worker, '/readyz')).toBe(200);
    expect(await info(worker)).toMatchObject({ serving: true, registered: false });
    expect(worker.log.join()).toContain('serves what it holds and registers later');
    fixture.isStoreAway = false;
    await eventually('registered', async () => (await fixture.record(worker.uuid)) !== undefined);
  });

  it('follows a mount that is added, and forgets one that is removed, without a restart', async () => {
    const [worker] = await startAll(1);
    const client = await fixture.client([worker!]);
    fixture.write('a.bin', BYTES);
    expect(await client.status('/data/a.bin')).toBeUndefined();
    await fixture.mount();
    await eventually('the mount', () => client.view.mounts.length === 1);
    expect(await client.status('/data/a.bin', { maxAgeMs: 0 })).toMatchObject({ length: BYTES.length });
    await fixture.embedded.commit({ changes: [{ type: 'delete', key: '/MountTable/test/data' }] });
    await eventually('no mount', () => client.view.mounts.length === 0);
    expect(await client.status('/data/a.bin', { maxAgeMs: 0 })).toBeUndefined();
  });

  it('tells the same of itself over HTTP and gRPC, and its record names the ports', async () => {
    const [worker] = await startAll(1);
    const { ports } = worker!.running;
    const client = new RpcClient(loadService<WorkerDefinition>(WORKER_SERVICE), { address: `127.0.0.1:${ports['rpc']}`, unavailable: 'WorkerUnavailable' });
    await eventually('registered', async () => (await info(worker!))['registered'] === true);
    const told = await client.call('GetInfo', {}, { timeoutMs: 5000 });
    client.close();
    expect(told).toMatchObject({ uuid: worker!.uuid, clusterName: 'test', serving: true, registered: true, obstacle: '' });
    expect(await info(worker!)).toMatchObject({ uuid: told.uuid, instanceId: told.instanceId, ports, serving: true });
    expect((await fixture.record(worker!.uuid))!.WorkerNetAddress).toMatchObject({ RpcPort: ports['rpc'], NettyDataPort: ports['data'], WebPort: ports['web'] });
  });

  it('tells everybody the number of FUSE clients in the view', async () => {
    const workers = await startAll(2);
    const clients = [await fixture.client(workers, 'fuse/a'), await fixture.client(workers, 'fuse/b')];
    for (const client of clients) await eventually('two clients', () => client.view.fuseClients === 2);
  }, 20_000);
});

describe('a start that cannot succeed', () => {
  const fails = (index: number, change: Record<string, string>): Promise<unknown> =>
    fixture.start(index, change).then(
      () => undefined,
      (error: unknown) => error,
    );

  it.each(['web', 'data', 'rpc'])('names the property when the %s port is in use, and leaves nothing running', async (kind) => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    const { port } = squatter.address() as { port: number };
    expect(await fails(0, { [`alluxio.worker.${kind}.port`]: String(port) })).toMatchObject({ code: 'AddressInUse', context: { remedy: expect.any(String) } });
    await new Promise((resolve) => squatter.close(resolve));
    // Directories are free again: the same worker starts.
    await fixture.start(0);
  });

  it('refuses another worker’s page-store directory', async () => {
    const worker = await fixture.start(0);
    await fixture.stop(worker);
    const dirs = fixture.properties(0)['alluxio.worker.page.store.dirs']!;
    expect(await fails(1, { 'alluxio.worker.page.store.dirs': dirs })).toMatchObject({
      code: 'InvalidConfiguration',
      message: expect.stringContaining('belongs to another worker'),
    });
  });

  it('refuses a directory that another process has, one of another format, and one that is a file', async () => {
    await fixture.start(0);
    const dirs = fixture.properties(0)['alluxio.worker.page.store.dirs']!;
    expect(await fails(0, { 'alluxio.worker.web.port': '0' })).toMatchObject({ code: 'InvalidConfiguration', message: expect.stringContaining(dirs.split(',')[0]!) });
    const worker = await fixture.start(1);
    await fixture.stop(worker);
    const [own] = fixture.properties(1)['alluxio.worker.page.store.dirs']!.split(',');
    const stamp = JSON.parse(readFileSync(join(own!, 'stamp.json'), 'utf8')) as Record<string, unknown>;
    writeFileSync(join(own!, 'stamp.json'), JSON.stringify({ ...stamp, formatVersion: 99 }));
    expect(await fails(1, {})).toMatchObject({ code: 'InvalidConfiguration', message: expect.stringContaining('format version') });
    const file = join(fixture.directory, 'file');
    writeFileSync(file, '');
    expect(await fails(2, { 'alluxio.worker.page.store.dirs': file, 'alluxio.worker.page.store.sizes': '128MB' })).toMatchObject({ code: 'InvalidConfiguration' });
  });

  it('names a key file that is missing, and directories without sizes', async () => {
    expect(await fails(0, { 'alluxio.security.data.plane.key.file': '/nowhere/key' })).toMatchObject({ code: 'InvalidConfiguration', context: { file: '/nowhere/key' } });
    expect(await fails(0, { 'alluxio.worker.page.store.sizes': '128MB' })).toMatchObject({ code: 'InvalidConfiguration', context: { field: 'alluxio.worker.page.store.sizes' } });
  });

  it('refuses pages of another cluster, and ends when its metadata store turns out to be another cluster’s', async () => {
    const worker = await fixture.start(0);
    await fixture.embedded.commit({ changes: [{ type: 'put', key: '/Cluster/test', value: JSON.stringify({ uid: '11111111-0000-4000-8000-000000000000', generation: 1 }) }] });
    await eventually('it ends', () => worker.failures.length > 0);
    expect(worker.failures[0]).toMatchObject({ code: 'InvalidConfiguration', message: expect.stringContaining('another cluster') });
    await fixture.stop(worker);
    expect(await fails(0, {})).toMatchObject({ code: 'InvalidConfiguration', message: expect.stringContaining('cluster') });
  });
});
