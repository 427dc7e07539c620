import { afterAll, describe, expect, it } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Property } from '../config/index.ts';
import { CacheError } from '../errors/index.ts';
import { processConfiguration, type ProcessContext, type ProcessHost, runProcess, type RunningProcess } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'process-'));
writeFileSync(join(directory, 'alluxio-site.properties'), 'alluxio.cluster.name=c1\nalluxio.shutdown.timeout=0s\n');
afterAll(() => rmSync(directory, { recursive: true }));

class FakeHost extends EventEmitter {
  argv: string[];
  env = {};
  out = '';
  err = '';
  exitCode: number | undefined;
  readonly stdout = { write: (text: string) => (this.out += text) };
  readonly stderr = { write: (text: string) => (this.err += text) };
  readonly exit = (code: number): never => {
    this.exitCode ??= code;
    return undefined as never;
  };
  constructor(...args: string[]) {
    super();
    this.argv = ['node', 'main.ts', ...args];
  }
  get host(): ProcessHost {
    return this as unknown as ProcessHost;
  }
}
const conf = ['--conf', directory, '-Dalluxio.log.level=error', `-Dalluxio.logs.dir=${directory}/logs`];
const serving = (change: Partial<RunningProcess> = {}) => Promise.resolve<RunningProcess>({ ports: { web: 7 }, stop: () => Promise.resolve(), ...change });

describe('the frame of a process', () => {
  it('reads the site file, -D beats it', () => {
    const config = processConfiguration(new FakeHost('--conf', directory, '-Dalluxio.cluster.name=c2').host);
    expect(config.get(Property.clusterName)).toBe('c2');
    expect(config.get(Property.shutdownTimeout)).toBe(0);
  });
  it('prints the ready line, stops on SIGTERM and ends with 0', async () => {
    const fake = new FakeHost(...conf);
    let stops = 0;
    const ended = runProcess('worker', fake.host, () => serving({ details: { uuid: 'u' }, stop: () => Promise.resolve(void stops++) }));
    while (fake.out === '') await new Promise((resolve) => setImmediate(resolve));
    expect(JSON.parse(fake.out)).toEqual({ ready: true, role: 'worker', ports: { web: 7 }, uuid: 'u' });
    fake.emit('SIGTERM');
    await ended;
    expect([stops, fake.exitCode, fake.err]).toEqual([1, 0, '']);
  });
  it('says in one line why it cannot start and ends with the exit code of the error', async () => {
    const fake = new FakeHost(...conf);
    await runProcess('fuse', fake.host, () => Promise.reject(new CacheError('AddressInUse', 'Port 1 is in use.', { context: { remedy: 'Set another.' } })));
    expect([fake.exitCode, fake.err]).toEqual([69, 'alluxio fuse: Port 1 is in use (Set another.)\n']);
  });
  it('names unknown arguments, properties and a missing site file', async () => {
    for (const [args, said, code] of [
      [['--what'], /Unknown option '--what'/, 64],
      [['--conf', join(directory, 'none')], /There is no alluxio-site\.properties/, 78],
      [['-Dalluxio.cluster.nam=x'], /did you mean alluxio\.cluster\.name/, 78],
    ] as const) {
      const fake = new FakeHost(...args);
      await runProcess('coordinator', fake.host, () => serving());
      expect(fake.err).toMatch(said);
      expect([fake.err.trimEnd().split('\n').length, fake.exitCode]).toEqual([1, code]);
    }
  });
  it('stops in order and ends with its code when something breaks that it cannot live with', async () => {
    const fake = new FakeHost(...conf);
    let stops = 0;
    await runProcess('worker', fake.host, (context: ProcessContext) => {
      context.fail(new CacheError('LeaseLost', 'Another life has the identity.'));
      return serving({ stop: () => Promise.resolve(void stops++) });
    });
    expect([stops, fake.exitCode]).toEqual([1, 75]);
    expect(fake.err).toMatch(/Another life/);
  });
});
