import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomFillSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../testing/captured-terminal.ts';
import { isAlive } from './child-process.ts';
import { fuseObstacle, isMounted } from './fuse-support.ts';
import type { LocalRecord } from './state-directory.ts';

/** Real processes: coordinator, two workers, FUSE where it can run. */
let home = '';
let ufs = '';
let state = '';
const env = (): Record<string, string | undefined> => ({ ...process.env, HOME: home, NODE_OPTIONS: '', ALLUXIO_CONTEXT: join(home, 'context.json') });
const run = (...args: string[]) => runCommand(args, env());
const record = (): LocalRecord => JSON.parse(readFileSync(join(state, 'cluster.json'), 'utf8')) as LocalRecord;
const contents = randomFillSync(Buffer.alloc(9 * 2 ** 20 + 17));

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'alluxio-home-'));
  [ufs, state] = [join(home, 'ufs'), join(home, 'state')];
  mkdirSync(join(ufs, 'train'), { recursive: true });
  writeFileSync(join(ufs, 'train', 'big.bin'), contents);
  writeFileSync(join(ufs, 'train', 'ümlaut \n.txt'), 'hello');
  writeFileSync(join(ufs, 'empty'), '');
  const started = await run('local', 'start', '--detach', '--workers', '2', '--page-store-size', '256MB', '--ufs', ufs, '--state-dir', state);
  if (started.exitCode !== 0) throw new Error(started.err);
}, 90_000);
afterAll(async () => {
  await run('local', 'stop', '--state-dir', state);
  rmSync(home, { recursive: true, force: true });
}, 30_000);

describe('a local cluster', () => {
  it('tells its processes with ports and its mounts', async () => {
    const status = JSON.parse((await run('local', 'status', '-o', 'json', '--state-dir', state)).out) as {
      processes: { name: string; role: string; pid: number; ports: Record<string, number>; state: string }[];
      mounts: unknown[];
    };
    const roles = fuseObstacle(env()) === undefined ? ['coordinator', 'fuse', 'worker', 'worker'] : ['coordinator', 'worker', 'worker'];
    expect(status.processes.map((p) => p.role).toSorted()).toEqual(roles);
    expect(status.processes.every((p) => p.state === 'running' && p.pid > 0 && Object.values(p.ports).every((port) => port > 0))).toBe(true);
    expect(status.mounts).toEqual([{ mountPath: '/data', ufsUri: `file://${ufs}` }]);
  });

  it('keeps its keys and its state to itself', () => {
    expect(statSync(state).mode & 0o777).toBe(0o700);
    for (const key of ['data-plane.key', 'sealing.key']) expect(statSync(join(state, 'keys', key)).mode & 0o777).toBe(0o600);
  });

  it('is found by other commands without being named, and shows nodes and ring', async () => {
    const nodes = JSON.parse((await run('info', 'nodes', '-o', 'json')).out) as { status: string }[];
    expect(nodes.map((node) => node.status)).toEqual(['ONLINE', 'ONLINE']);
    expect((await run('info', 'ring')).out).toMatch(/dynamic ring[^]*worker-[^]*worker-/);
  });

  it('lists, stats and copies files byte for byte, also twice', async () => {
    expect((await run('fs', 'ls', '/data')).out).toMatch(/^d +- .*\/data\/train\n- +0 .*\/data\/empty\n|^- +0 .*\/data\/empty\nd +- .*\/data\/train\n/);
    expect((await run('fs', 'ls', '-R', '/data')).out).toContain('/data/train/ümlaut \\x0a.txt');
    expect((await run('fs', 'cat', '/data/train/ümlaut \\x0a.txt')).out).toBe('hello');
    for (let i = 0; i < 2; i++) {
      const target = join(home, `copy-${i}`);
      expect((await run('fs', 'cp', '/data/train/big.bin', target)).exitCode).toBe(0);
      expect(createHash('sha256').update(readFileSync(target)).digest('hex')).toBe(createHash('sha256').update(contents).digest('hex'));
    }
    expect(Buffer.from((await run('fs', 'tail', '/data/train/big.bin', '-c', '17')).out, 'latin1')).toEqual(contents.subarray(-17));
    expect(Buffer.from((await run('fs', 'head', '/data/train/big.bin', '-c', '5')).out, 'latin1')).toEqual(contents.subarray(0, 5));
  });

  it('tells after a read what is cached, where it is and why a read goes there', async () => {
    await run('fs', 'cp', '/data/train/big.bin', join(home, 'copy'));
    const cached = JSON.parse((await run('fs', 'check-cached', '/data/train/big.bin', '-o', 'json')).out) as { cachedShare: number; ownerId: string };
    expect(cached.cachedShare).toBe(1);
    const explained = JSON.parse((await run('fs', 'explain', `file://${ufs}/train/big.bin`, '-o', 'json')).out) as {
      ownerId: string;
      path: string;
      targets: { workerId: string }[];
    };
    expect([explained.path, explained.ownerId, explained.targets[0]?.workerId]).toEqual(['/data/train/big.bin', cached.ownerId, cached.ownerId]);
  });

  it('what is not there is told in one line with exit code 66', async () => {
    for (const args of [
      ['stat', '/data/nope'],
      ['cat', '/data/nope'],
      ['ls', '/data/nope'],
    ]) {
      const result = await run('fs', ...args);
      expect([result.exitCode, result.out, result.err]).toEqual([66, '', expect.stringMatching(/^alluxio: .*\n$/)]);
    }
  });

  it('refuses a second cluster in the same place, and overlapping mounts', async () => {
    expect(await run('local', 'start', '--detach', '--state-dir', state)).toMatchObject({ exitCode: 73, err: expect.stringContaining('already runs') });
    expect(await run('mount', 'add', '--path', '/inner', '--ufs-uri', `file://${ufs}/train`)).toMatchObject({ exitCode: 73, err: expect.stringMatching(/lies inside \/data/) });
  });

  it('stop leaves no process, mount or record, within 5 s; a start after it finds the mount and the pages again', async () => {
    const before = record();
    const startMs = performance.now();
    expect((await run('local', 'stop', '--state-dir', state)).exitCode).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(5000);
    expect(before.processes.filter(isAlive)).toEqual([]);
    expect([existsSync(join(state, 'cluster.json')), existsSync(join(home, 'context.json')), before.fuseMount !== undefined && isMounted(before.fuseMount)]).toEqual([
      false,
      false,
      false,
    ]);
    expect((await run('local', 'start', '--detach', '--workers', '2', '--page-store-size', '256MB', '--ufs', ufs, '--state-dir', state)).err).toContain('Ready');
    const cached = JSON.parse((await run('fs', 'check-cached', '/data/train/big.bin', '-o', 'json')).out) as { cachedShare: number };
    expect(cached.cachedShare).toBe(1);
  }, 60_000);
});
