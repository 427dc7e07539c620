import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { KEYS, patternBytes } from '../worker/testing/node-fixture.ts';
import { mountedAt } from './mount/mount-table.ts';
import { ended, eventually, holdOpen, run } from './testing/child.ts';
import { HOST_ID, LocalWorkers } from './testing/local-workers.ts';
import { mountObstacle } from './testing/mounted-fuse.ts';

const obstacle = mountObstacle();
const suite = obstacle === undefined ? describe : describe.skip;
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

interface Started {
  readonly child: ChildProcess;
  readonly ready: { readonly ready: true; readonly role: string; readonly ports: Readonly<Record<string, number>>; readonly mountPoint: string };
}

suite(`the FUSE process${obstacle === undefined ? '' : ` (skipped: ${obstacle})`}`, () => {
  const big = patternBytes(3_000_000, 1);
  let workers: LocalWorkers;
  let conf: string;
  let mountPoint: string;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    workers = await LocalWorkers.startWorkers({ 'big.bin': big });
    conf = join(workers.directory, 'conf');
    mountPoint = join(workers.directory, 'mnt');
    mkdirSync(conf);
    mkdirSync(mountPoint);
    const keyFile = join(workers.directory, 'data-plane.key');
    writeFileSync(keyFile, KEYS.dataPlaneKey, { mode: 0o600 });
    const lines = ['alluxio.fuse.web.port=0', 'alluxio.fuse.bind.host=127.0.0.1', `alluxio.worker.host.id=${HOST_ID}`, `alluxio.security.data.plane.key.file=${keyFile}`];
    writeFileSync(join(conf, 'alluxio-site.properties'), `${lines.join('\n')}\nalluxio.fuse.mount.point=${mountPoint}\n`);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const end = ended(child);
      child.kill('SIGKILL');
      await end;
    }
    if (mountedAt(mountPoint) !== undefined) await run('umount', ['-l', mountPoint]);
  });
  afterAll(() => workers.stop());

  function launch(properties: readonly string[] = []): ChildProcess {
    const args = [
      '--disable-warning=ExperimentalWarning',
      MAIN,
      '--conf',
      conf,
      ...[`alluxio.user.worker.endpoints=${workers.endpoints.join(',')}`, ...properties].map((text) => `-D${text}`),
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } });
    children.push(child);
    return child;
  }
  async function start(properties: readonly string[] = []): Promise<Started> {
    const child = launch(properties);
    const failed = failureOf(child);
    const line = await Promise.race([
      new Promise<string>((resolve) => child.stdout!.once('data', (text: Buffer) => resolve(text.toString()))),
      failed.then(({ text }) => Promise.reject(new Error(text))),
    ]);
    return { child, ready: JSON.parse(line) as Started['ready'] };
  }
  async function failureOf(child: ChildProcess): Promise<{ readonly code: unknown; readonly text: string }> {
    let text = '';
    child.stderr!.on('data', (part: Buffer) => (text += part.toString()));
    const code = await ended(child);
    return { code, text: text.split('\n').findLast((line) => line.startsWith('alluxio fuse:')) ?? text };
  }

  it('mounts, serves bytes, metrics and health, finds the cluster by its workers alone, and SIGTERM ends it without a trace', async () => {
    const { child, ready } = await start();
    expect(ready).toMatchObject({ ready: true, role: 'fuse', mountPoint, ports: { web: expect.any(Number) } });
    expect((await readFile(join(mountPoint, 'data/big.bin'))).equals(big)).toBe(true);
    await eventually(async () => {
      await writeFile('/proc/sys/vm/drop_caches', '1');
      const file = await open(join(mountPoint, 'data/big.bin'));
      await file.read(Buffer.alloc(1000), 0, 1000, 1_000_000);
      await file.close();
      const text = await (await fetch(`http://127.0.0.1:${ready.ports['web']}/metrics/`)).text();
      return Number(/alluxio_fuse_thread_reads_total\{source="local"\} (\d+)/.exec(text)?.[1]) > 0;
    });
    expect((await fetch(`http://127.0.0.1:${ready.ports['web']}/readyz`)).status).toBe(200);
    const end = ended(child);
    child.kill('SIGTERM');
    expect(await end).toBe(0);
    expect(mountedAt(mountPoint)).toBeUndefined();
  });

  it('ends in bounded time while a reader holds a file open', async () => {
    const { child } = await start();
    const holder = await holdOpen(join(mountPoint, 'data/big.bin'));
    children.push(holder);
    const end = ended(child);
    child.kill('SIGINT');
    expect(await end).toBe(0);
    expect(mountedAt(mountPoint)).toBeUndefined();
  });

  it('ends with an error when somebody else unmounts it', async () => {
    const { child } = await start();
    const failure = failureOf(child);
    await run('umount', [mountPoint]);
    expect(await failure).toMatchObject({ code: 130, text: expect.stringContaining('unmounted') });
  });

  it.each([
    [['alluxio.fuse.mount.point=/nonexistent/x'], 78, 'does not exist'],
    [['alluxio.fuse.mount.options=allow_other,atr_timeout=5'], 78, "'atr_timeout=5' is not known"],
    [['alluxio.fuse.mount.options=attr_timeout=soon'], 78, 'needs a number of seconds'],
    [['alluxio.user.worker.endpoints='], 78, 'alluxio.user.worker.endpoints'],
    [['alluxio.security.data.plane.key.file=/nonexistent.key'], 78, '/nonexistent.key'],
    [['alluxio.fuse.threads=0'], 78, 'alluxio.fuse.threads'],
  ])('refuses %j with exit code %i in one line', async (properties, code, text) => {
    const failure = await failureOf(launch(properties));
    expect(failure).toEqual({ code, text: expect.stringContaining(text) });
    expect(mountedAt(mountPoint)).toBeUndefined();
  });

  it('is told when its key is not the workers’', async () => {
    const other = join(workers.directory, 'other.key');
    writeFileSync(other, new Uint8Array(32).fill(9), { mode: 0o600 });
    expect(await failureOf(launch([`alluxio.security.data.plane.key.file=${other}`]))).toEqual({ code: 77, text: expect.stringContaining('alluxio.security.data.plane.key.file') });
  });
});
