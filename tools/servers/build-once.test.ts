import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireLock, buildOnce, runGo } from './build-once.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'alluxio-build-once-'));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

const program = (build: (target: string) => Promise<void>) => ({ name: 'tool', version: '1', usually: 'a moment', build: (_scratch: string, target: string) => build(target) });

describe('buildOnce', () => {
  it('lets two builders of one program wait for each other: one builds, both get its path', async () => {
    let builds = 0;
    const tool = program(async (target) => {
      builds++;
      await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(target, 'x');
    });
    const [a, b] = await Promise.all([buildOnce(tool, cache), buildOnce(tool, cache)]);
    expect([builds, a, readFileSync(b, 'utf8')]).toEqual([1, join(cache, 'tool-1/tool'), 'x']);
    expect(readdirSync(cache)).toEqual(['tool-1']);
  });

  it('leaves nothing behind when a build fails, and builds again', async () => {
    await expect(
      buildOnce(
        program(() => Promise.reject(new Error('no network'))),
        cache,
      ),
    ).rejects.toThrow('no network');
    expect(readdirSync(cache)).toEqual([]);
    const tool = program((target) => Promise.resolve(writeFileSync(target, 'y')));
    expect(existsSync(await buildOnce(tool, cache))).toBe(true);
  });

  it('takes over the lock of a dead holder', async () => {
    const dead = spawnSync('true').pid;
    writeFileSync(join(cache, 'l.lock'), JSON.stringify({ pid: dead, startedAt: '1' }));
    const release = await acquireLock(join(cache, 'l.lock'));
    expect(JSON.parse(readFileSync(join(cache, 'l.lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    release();
    expect(readdirSync(cache)).toEqual([]);
  });

  it('names the package to install when Go is missing', async () => {
    await expect(runGo(['version'], { cwd: cache, env: { PATH: cache } })).rejects.toThrow(/golang-go/);
  });
});
