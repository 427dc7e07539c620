import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Terminal } from '../command-context.ts';
import { writeScriptedProcesses } from '../testing/scripted-processes.ts';
import { isAlive } from './child-process.ts';
import { LocalCluster, type LocalOptions, stopRecorded } from './local-cluster.ts';
import { StateDirectory } from './state-directory.ts';

let home = '';
let state: StateDirectory;
let interrupt: AbortController;
const lines: string[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'alluxio-scripted-'));
  state = new StateDirectory(join(home, 'state'));
  interrupt = new AbortController();
  lines.length = 0;
  writeScriptedProcesses(home);
});
afterEach(async () => {
  const record = state.readRecord();
  if (record !== undefined) await stopRecorded(state, {}, record);
  rmSync(home, { recursive: true, force: true });
});

const terminal = (env: Record<string, string> = {}): Terminal => ({
  out: { write: () => true },
  err: { write: () => true },
  env: { PATH: process.env['PATH'], ALLUXIO_CONTEXT: join(home, 'context.json'), EVENTS: join(home, 'events'), ...env },
  signal: interrupt.signal,
  root: home,
  node: process.execPath,
});
const options = (change: Partial<LocalOptions> = {}): LocalOptions => ({
  state,
  workers: 2,
  pageStoreBytes: 2 ** 30,
  withFuse: false,
  ephemeral: false,
  properties: [],
  foreground: false,
  progress: (line) => lines.push(line),
  ...change,
});
const events = (): string[] => readFileSync(join(home, 'events'), 'utf8').trim().split('\n');
/** Processes whose command line names this test's directory. */
const leftovers = (): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(home) &&
        isAlive({
          pid: Number(pid),
          startedAt: readFileSync(`/proc/${pid}/stat`, 'latin1')
            .replace(/^.*\) /, '')
            .split(' ')[19]!,
        })
      );
    } catch {
      return false;
    }
  });

describe('starting', () => {
  it('brings up the coordinator, then the workers, then the mount, and lets other commands find it', async () => {
    const cluster = await LocalCluster.start(terminal(), options({ mount: { path: '/data', ufsUri: 's3://b/p', options: { a: 'b' } } }));
    expect(cluster.record.processes.map((p) => p.name).toSorted()).toEqual(['coordinator', 'worker-1', 'worker-2']);
    expect(await cluster.coordinator.mounts()).toEqual([{ mountPath: '/data', ufsUri: 's3://b/p', options: { a: 'b' } }]);
    expect(JSON.parse(readFileSync(join(home, 'context.json'), 'utf8'))).toEqual({ coordinator: cluster.record.coordinator, confDir: state.confDir });
    await cluster.stop();
    expect([leftovers(), existsSync(state.recordFile), existsSync(join(home, 'context.json')), existsSync(state.confDir)]).toEqual([[], false, false, true]);
  });

  it('a mount that a former life left is no error', async () => {
    const cluster = await LocalCluster.start(terminal(), options());
    await cluster.coordinator.addMount({ mountPath: '/data', ufsUri: 's3://b/p', options: {} });
    await expect(LocalCluster.start(terminal(), options())).rejects.toMatchObject({ code: 'AlreadyExists' });
    await cluster.stop();
  });

  it('one worker that fails leaves nothing behind, and its own words are told', async () => {
    await expect(LocalCluster.start(terminal({ BROKEN: 'worker-2' }), options())).rejects.toMatchObject({ message: 'worker-2 did not start: The disk is full. (Free some.)' });
    expect([leftovers(), existsSync(state.recordFile)]).toEqual([[], false]);
  });

  it('an interrupt in the middle leaves nothing behind', async () => {
    const pending = LocalCluster.start(
      terminal({ HANGING: 'worker-1' }),
      options({
        progress: (line) => {
          if (line.includes('workers')) setTimeout(() => interrupt.abort(), 100);
        },
      }),
    );
    await expect(pending).rejects.toMatchObject({ code: 'Cancelled' });
    expect([leftovers(), existsSync(state.recordFile)]).toEqual([[], false]);
  });

  it('what a cluster that died at once left is taken over', async () => {
    const first = await LocalCluster.start(terminal(), options());
    for (const { pid } of first.record.processes) process.kill(pid, 'SIGKILL');
    while (first.record.processes.some(isAlive)) await new Promise((resolve) => setImmediate(resolve));
    const second = await LocalCluster.start(terminal(), options());
    expect(second.record.processes.every(isAlive)).toBe(true);
    await second.stop();
  });
});

describe('stopping', () => {
  it('goes FUSE, workers, coordinator, and an ephemeral cluster takes its directory along', async () => {
    const cluster = await LocalCluster.start(terminal(), options({ withFuse: true, ephemeral: true }));
    const withFuse = cluster.fuseObstacle === undefined;
    await cluster.stop();
    const stopped = events().filter((event) => event.endsWith('stopped'));
    expect(stopped.slice(withFuse ? 1 : 0, -1).toSorted()).toEqual(['worker-1 stopped', 'worker-2 stopped']);
    expect([stopped[0] === 'fuse stopped', stopped.at(-1), existsSync(state.path)]).toEqual([withFuse, 'coordinator stopped', false]);
  });

  it('does not wait for a process that will not end', async () => {
    const cluster = await LocalCluster.start(terminal({ STUBBORN: 'fuse' }), options({ withFuse: true }));
    await cluster.stop();
    expect(leftovers()).toEqual([]);
  });

  it('a killed worker is told by name and can be started again under its name', async () => {
    const cluster = await LocalCluster.start(terminal(), options());
    const victim = cluster.record.processes.find((p) => p.name === 'worker-1')!;
    process.kill(victim.pid, 'SIGKILL');
    expect(await Promise.race(cluster.endings(new Set()))).toEqual({ name: 'worker-1', how: 'SIGKILL' });
    const again = await cluster.startWorker(1);
    expect([again.pid === victim.pid, cluster.record.processes.filter((p) => p.name === 'worker-1')]).toEqual([false, [again]]);
    await cluster.stop();
  });
});
