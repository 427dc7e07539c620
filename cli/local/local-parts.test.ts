import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, startProcess, startTimeOf, stopProcess } from './child-process.ts';
import { isMounted, unmountLeftover } from './fuse-support.ts';
import { type LocalRecord, StateDirectory } from './state-directory.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'alluxio-local-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const never = new AbortController().signal;
const start = (script: string, signal = never) =>
  startProcess({
    name: 'worker-1',
    role: 'worker',
    node: process.execPath,
    args: ['-e', script],
    logFile: join(directory, 'worker-1.log'),
    env: { PATH: process.env['PATH'] },
    signal,
  });

describe('processes of local mode', () => {
  it('count as started when they say that they serve, and are gone when stop returns', async () => {
    const { process: child, ended } = await start(`console.log(JSON.stringify({ready:true,role:'worker',ports:{rpc:7}}));setInterval(()=>{},1e6)`);
    expect([child.ports, isAlive(child)]).toEqual([{ rpc: 7 }, true]);
    await stopProcess(child, 5000);
    expect([isAlive(child), await ended]).toEqual([false, 'SIGTERM']);
  });

  it('are killed when SIGTERM does not end them in time', async () => {
    const { process: child, ended } = await start(`process.on('SIGTERM',()=>{});console.log(JSON.stringify({ready:true,ports:{}}));setInterval(()=>{},1e6)`);
    await stopProcess(child, 50);
    expect([isAlive(child), await ended]).toEqual([false, 'SIGKILL']);
  });

  it('that end before they serve are told by their own last words and exit code', async () => {
    const failing = start(`console.error('alluxio worker: Port 29999 is in use. (Choose another.)');process.exit(78)`);
    await expect(failing).rejects.toMatchObject({ code: 'InvalidConfiguration', message: 'worker-1 did not start: Port 29999 is in use. (Choose another.)' });
  });

  it('do not stay behind when the start is interrupted', async () => {
    const interrupt = new AbortController();
    const pending = start(`setInterval(()=>{},1e6)`, interrupt.signal);
    setImmediate(() => interrupt.abort());
    await expect(pending).rejects.toMatchObject({ code: 'Cancelled' });
  });

  it('are not confused with a later process of the same pid', async () => {
    const { process: child } = await start(`console.log(JSON.stringify({ready:true,ports:{}}));setInterval(()=>{},1e6)`);
    const stranger = { ...child, startedAt: '1' };
    expect(isAlive(stranger)).toBe(false);
    await stopProcess(stranger, 0);
    expect(isAlive(child)).toBe(true);
    await stopProcess(child, 5000);
  });
});

describe('the state directory', () => {
  const record: LocalRecord = {
    version: 1,
    coordinator: 'http://127.0.0.1:1',
    confDir: '/c',
    launcher: { pid: process.pid, startedAt: startTimeOf(process.pid) },
    processes: [],
    fuseMount: undefined,
    ownsFuseMount: false,
    ephemeral: false,
  };

  it('is closed to others, also one that was open before', () => {
    const state = new StateDirectory(join(directory, 'state'));
    state.create();
    expect(statSync(state.path).mode & 0o777).toBe(0o700);
    chmodSync(state.path, 0o755);
    expect(() => state.create()).toThrow('is open to others');
  });

  it('keeps the record until it is cleared; an ephemeral one goes as a whole', () => {
    const state = new StateDirectory(join(directory, 'state'));
    expect(state.readRecord()).toBeUndefined();
    state.create();
    state.writeRecord(record);
    expect(state.readRecord()).toEqual(JSON.parse(JSON.stringify(record)));
    state.clear(false);
    expect([existsSync(state.path), state.readRecord()]).toEqual([true, undefined]);
    state.clear(true);
    expect(existsSync(state.path)).toBe(false);
  });

  it('tells a damaged record by name', () => {
    const state = new StateDirectory(join(directory, 'state'));
    state.create();
    writeFileSync(state.recordFile, '{');
    expect(() => state.readRecord()).toThrow('cluster.json is damaged');
  });

  it('keeps unix sockets short enough, however long its own path is', () => {
    const state = new StateDirectory(join(directory, 'x'.repeat(80)));
    state.create();
    expect(Buffer.byteLength(`${state.runDir}/local/${'u'.repeat(36)}.sock`)).toBeLessThanOrEqual(107);
    state.clear(true);
    expect(existsSync(state.runDir)).toBe(false);
  });
});

it('what is not mounted needs no unmounting', () => {
  expect([isMounted(directory), unmountLeftover(directory), isMounted('/proc')]).toEqual([false, true, process.platform === 'linux']);
});
