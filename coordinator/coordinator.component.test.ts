import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RemoteStore } from '../common/metadata-store/remote/remote-store.ts';
import { ROOT } from '../e2e/harness/process.ts';
import { CoordinatorFixture, eventually, type StartedCoordinator, workerRecord } from './testing/coordinator-fixture.ts';

const CALL = { timeoutMs: 10_000 };
const OFFLINE = randomUUID();
const ONLINE = randomUUID();

async function rest(coordinator: StartedCoordinator, method: string, path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
  const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await fetch(coordinator.url + path, { method, ...init });
  const text = await response.text();
  return { status: response.status, json: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text } };
}

describe('a coordinator with the embedded store', () => {
  let fixture: CoordinatorFixture;
  let coordinator: StartedCoordinator;
  let store: RemoteStore;

  beforeAll(async () => {
    fixture = new CoordinatorFixture();
    coordinator = await fixture.start(fixture.embedded);
    store = new RemoteStore({ address: coordinator.rpcAddress, dataPlaneKey: fixture.dataPlaneKey, callTimeoutMs: 10_000 });
  });
  afterAll(async () => {
    await store.close();
    await fixture.close();
  });

  it('adds, lists, updates and removes mounts at both doors', async () => {
    await coordinator.api.addMount({ mountPath: '/data', ufsUri: fixture.ufs('a'), options: {} });
    const added = await coordinator.rpc.call('AddMount', { mountPath: '/n\\xff', ufsUri: `file://${fixture.ufs('b')}`, options: {} }, CALL);
    expect(added).toMatchObject({ mountPath: '/n\\xff', owner: 'cli', generation: 2 });
    expect((await coordinator.api.mounts()).map((mount) => mount.mountPath).toSorted()).toEqual(['/data', '/n\udcff']);
    const moved = { mountPath: '/data', ufsUri: fixture.ufs('c'), options: {} };
    expect(await rest(coordinator, 'PUT', '/api/v1/mounts', moved)).toMatchObject({ status: 200, json: { ufsUri: moved.ufsUri, generation: 3 } });
    expect((await coordinator.rpc.call('ListMounts', {}, CALL)).mounts.find((mount) => mount.mountPath === '/data')?.ufsUri).toBe(moved.ufsUri);
    await coordinator.api.removeMount('/n\udcff');
    await coordinator.rpc.call('RemoveMount', { mountPath: '/data' }, CALL);
    expect(await coordinator.api.mounts()).toEqual([]);
    await expect(coordinator.api.removeMount('/data')).rejects.toMatchObject({ code: 'MountNotFound' });
  });

  it('refuses bad mounts with field and remedy, stores nothing, and says the same at both doors', async () => {
    const ufs = fixture.ufs('base/inner');
    await coordinator.api.addMount({ mountPath: '/base', ufsUri: ufs, options: {} });
    writeFileSync(join(fixture.directory, 'ufs', 'file'), 'x');
    const other = fixture.ufs('other');
    const table: readonly (readonly [code: string, request: { mountPath: string; ufsUri: string; options?: Record<string, string> }])[] = [
      ['InvalidArgument', { mountPath: '/', ufsUri: other }],
      ['InvalidArgument', { mountPath: 'data', ufsUri: other }],
      ['InvalidArgument', { mountPath: '/a/b', ufsUri: other }],
      ['InvalidArgument', { mountPath: '/base/b', ufsUri: other }],
      ['InvalidArgument', { mountPath: '/..', ufsUri: other }],
      ['InvalidArgument', { mountPath: `/${'x'.repeat(256)}`, ufsUri: other }],
      ['InvalidArgument', { mountPath: '/x', ufsUri: 'nonsense' }],
      ['InvalidArgument', { mountPath: '/x', ufsUri: 's3://key:secret@bucket/' }],
      ['InvalidArgument', { mountPath: '', ufsUri: other }],
      ['AlreadyExists', { mountPath: '/base', ufsUri: other }],
      ['AlreadyExists', { mountPath: '/x', ufsUri: ufs }],
      ['AlreadyExists', { mountPath: '/x', ufsUri: `file://${ufs}/` }],
      ['AlreadyExists', { mountPath: '/x', ufsUri: fixture.ufs('base/inner/deep') }],
      ['AlreadyExists', { mountPath: '/x', ufsUri: fixture.ufs('base') }],
      ['InvalidConfiguration', { mountPath: '/x', ufsUri: 'ftp://host/dir' }],
      ['InvalidConfiguration', { mountPath: '/x', ufsUri: other, options: { 's3a.accessKeyIdd': 'x' } }],
      ['InvalidConfiguration', { mountPath: '/x', ufsUri: other, options: { colour: 'blue' } }],
      ['PathNotFound', { mountPath: '/x', ufsUri: '/nowhere/at/all' }],
      ['NotADirectory', { mountPath: '/x', ufsUri: join(fixture.directory, 'ufs', 'file') }],
    ];
    for (const [code, request] of table) {
      const full = { options: {}, ...request };
      const expected = { code, message: expect.stringMatching(/^[^\n]+$/), context: expect.objectContaining({ remedy: expect.any(String) }) };
      await expect(coordinator.api.addMount(full)).rejects.toMatchObject(expected);
      await expect(coordinator.rpc.call('AddMount', full, CALL)).rejects.toMatchObject(expected);
    }
    expect((await coordinator.api.mounts()).map((mount) => mount.mountPath)).toEqual(['/base']);
    await coordinator.api.removeMount('/base');
  });

  it('answers broken requests by the field that is wrong', async () => {
    const bodies: readonly (readonly [field: string, body: unknown])[] = [
      ['body', []],
      ['mountPath', { ufsUri: '/x' }],
      ['mountPath', { mountPath: 1, ufsUri: '/x' }],
      ['mountPath', { mountPath: '/\ud800', ufsUri: '/x' }],
      ['ufsUri', { mountPath: '/x' }],
      ['options', { mountPath: '/x', ufsUri: '/x', options: { a: 1 } }],
      ['options', { mountPath: '/x', ufsUri: '/x', options: ['a'] }],
      ['colour', { mountPath: '/x', ufsUri: '/x', colour: 'blue' }],
    ];
    for (const [field, body] of bodies) {
      expect(await rest(coordinator, 'POST', '/api/v1/mounts', body)).toMatchObject({ status: 400, json: { code: 'InvalidArgument', context: { field } } });
    }
    expect(await rest(coordinator, 'DELETE', '/api/v1/mounts')).toMatchObject({ status: 400, json: { context: { field: 'path' } } });
    expect(await rest(coordinator, 'DELETE', '/api/v1/nodes/nobody')).toMatchObject({ status: 400, json: { context: { field: 'uuid' } } });
    expect(await rest(coordinator, 'GET', '/api/v2/mounts')).toMatchObject({ status: 404 });
  });

  it('seals secrets before they are stored and never shows them', async () => {
    const secrets = { 's3a.accessKeyId': 'AK-very-private', 's3a.secretKey': 'SK-very-private' };
    const request = { mountPath: '/sealed', ufsUri: fixture.ufs('sealed'), options: { ...secrets, 'alluxio.underfs.s3.endpoint.region': 'eu-west-1' } };
    const { status, json } = await rest(coordinator, 'POST', '/api/v1/mounts', request);
    expect([status, json['options'], json['hasSecrets']]).toEqual([201, { 'alluxio.underfs.s3.endpoint.region': 'eu-west-1' }, true]);
    await eventually('seen', async () => (await coordinator.api.membership()).mounts.length === 1);
    const shown = await Promise.all(['mounts', 'membership', 'config'].map((path) => fetch(`${coordinator.url}/api/v1/${path}`).then((response) => response.text())));
    const everything = [...shown, fixture.storedText(), coordinator.process.stderr(), JSON.stringify(await store.range('/'))].join();
    expect(everything).not.toContain('very-private');
    expect(fixture.storedText()).toContain('sealedOptions');
    await coordinator.api.removeMount('/sealed');
  });

  it('leaves mounts of a resource to their owner', async () => {
    const request = { mountPath: '/owned', ufsUri: fixture.ufs('owned'), options: {}, owner: 'uid-1' };
    expect(await rest(coordinator, 'POST', '/api/v1/mounts', request)).toMatchObject({ status: 201 });
    const refusal = { code: 'AlreadyExists', message: expect.stringContaining('uid-1') };
    await expect(coordinator.api.removeMount('/owned')).rejects.toMatchObject(refusal);
    expect(await rest(coordinator, 'PUT', '/api/v1/mounts', { ...request, owner: 'cli' })).toMatchObject({ status: 409, json: refusal });
    expect(await rest(coordinator, 'DELETE', '/api/v1/mounts?path=/owned&owner=uid-1')).toMatchObject({ status: 200 });
  });

  it('lists workers, and forgets one only when it is offline', async () => {
    const { clusterUid } = await coordinator.api.membership();
    const lease = await store.lease(60);
    const put = (kind: string, uuid: string, uid: string, leaseId?: string) =>
      store.commit({ changes: [{ type: 'put', key: `/${kind}/test/worker-${uuid}`, value: JSON.stringify(workerRecord(uuid, uid)), ...(leaseId !== undefined && { leaseId }) }] });
    await put('Registered', OFFLINE, clusterUid);
    await put('Registered', ONLINE, clusterUid);
    await put('ServiceDiscovery', ONLINE, clusterUid, lease.id);
    await put('Registered', randomUUID(), randomUUID()); // another cluster's
    await eventually('both are seen', async () => {
      const { members } = await coordinator.api.membership();
      return members.length === 2 && members.some(({ online }) => online);
    });
    const view = await coordinator.api.membership();
    expect(new Map(view.members.map(({ record, online }) => [record.uuid, online]))).toEqual(new Map([[OFFLINE, false], [ONLINE, true]])); // prettier-ignore
    expect(view.fuseClients).toBe(3);
    const { nodes } = await coordinator.rpc.call('ListNodes', {}, CALL);
    expect(nodes.map(({ uuid, online, host, capacityBytes }) => ({ uuid, online, host, capacityBytes }))).toContainEqual({
      uuid: ONLINE,
      online: true,
      host: 'node-a',
      capacityBytes: 2 ** 40,
    });
    await expect(coordinator.api.removeWorker(ONLINE)).rejects.toMatchObject({ code: 'PreconditionFailed', context: { remedy: expect.any(String) } });
    await expect(coordinator.api.removeWorker(randomUUID())).rejects.toMatchObject({ code: 'PathNotFound' });
    await coordinator.api.removeWorker(`worker-${OFFLINE}`);
    await lease.revoke();
    await eventually('offline', async () => (await coordinator.api.membership()).members.every(({ online }) => !online));
    await coordinator.rpc.call('RemoveNode', { uuid: ONLINE }, CALL);
    await eventually('forgotten', async () => (await coordinator.api.membership()).members.length === 0);
  });

  it('tells version, configuration, health and metrics', async () => {
    expect(await coordinator.api.version()).toMatchObject({ version: expect.any(String), clusterName: 'test' });
    expect(await coordinator.rpc.call('GetVersion', {}, CALL)).toMatchObject({ clusterName: 'test' });
    for (const path of ['/healthz', '/livez', '/readyz']) expect((await rest(coordinator, 'GET', path)).status).toBe(200);
    const { json } = await rest(coordinator, 'GET', '/api/v1/config');
    expect(json['properties']).toContainEqual(expect.objectContaining({ name: 'alluxio.cluster.name', value: 'test' }));
    expect((await rest(coordinator, 'GET', '/metrics/')).json['text']).toMatch(/alluxio_coordinator_operations_total\{op="mount-add",result="error"\} [1-9]/);
  });

  it('has mounts and cluster UID again after kill -9', async () => {
    await coordinator.api.addMount({ mountPath: '/kept', ufsUri: fixture.ufs('kept'), options: {} });
    const { clusterUid } = await coordinator.api.membership();
    await coordinator.process.kill();
    await fixture.stop(coordinator);
    coordinator = await fixture.start(fixture.embedded);
    const view = await coordinator.api.membership();
    expect([view.clusterUid, view.mounts.map((mount) => mount.mountPath)]).toEqual([clusterUid, ['/kept']]);
  });
});

describe('a coordinator that cannot start', () => {
  let fixture: CoordinatorFixture;
  beforeAll(() => {
    fixture = new CoordinatorFixture();
  });
  afterAll(() => fixture.close());

  it('says why in one line with the remedy, and ends with the code of the table', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const running = await fixture.start(fixture.embedded);
    const elsewhere = ['alluxio.metadata.store.type=EMBEDDED', `alluxio.metadata.store.path=${join(fixture.directory, 'meta-2')}`];
    const table: readonly (readonly [code: number, says: RegExp, properties: readonly string[]])[] = [
      [78, /alluxio\.etcd\.endpoints is not set/, []],
      [78, /holds 'nonsense', which is no endpoint/, ['alluxio.etcd.endpoints=nonsense']],
      [78, /plain although TLS/, ['alluxio.etcd.endpoints=http://a:1', `alluxio.etcd.tls.ca.cert=${join(fixture.directory, 'sealing.key')}`]],
      [78, /key file \/nowhere cannot be read/, [...elsewhere, 'alluxio.security.sealing.key.file=/nowhere']],
      [78, /key file \/nowhere cannot be read/, [...elsewhere, 'alluxio.security.data.plane.key.file=/nowhere']],
      [73, /Another process uses the metadata store/, fixture.embedded],
      [78, /cannot be used \(E/, ['alluxio.metadata.store.type=EMBEDDED', 'alluxio.metadata.store.path=/dev/null/x']],
      [69, /alluxio\.coordinator\.web\.port/, [...elsewhere, `alluxio.coordinator.web.port=${port}`]],
      [69, /alluxio\.coordinator\.rpc\.port/, [...elsewhere, `alluxio.coordinator.rpc.port=${port}`]],
      [78, /metadata\.store\.address is not set/, ['alluxio.metadata.store.type=REMOTE']],
    ];
    for (const [expected, says, properties] of table) {
      const { code, stderr, stdout } = await fixture.run(properties);
      const complaint = stderr.split('\n').filter((line) => line.startsWith('alluxio coordinator:'));
      expect([code, complaint, stdout]).toEqual([expected, [expect.stringMatching(says)], '']);
    }
    taken.close();
    await fixture.stop(running);
  }, 180_000);

  it('waits for a metadata store that is away, and leaves at once when asked to', async () => {
    const env = { ...process.env };
    delete env['NODE_OPTIONS'];
    const args = [join(ROOT, 'coordinator/main.ts'), ...fixture.args(['alluxio.etcd.endpoints=http://127.0.0.1:1'])];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    await eventually('it tries', () => log.includes('trying again'));
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code).toBe(0);
    rmSync(join(fixture.directory, 'meta-2'), { recursive: true, force: true });
  });
});
