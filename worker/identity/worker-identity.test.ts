import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostIdOf, loadIdentity, vnodesOf } from './worker-identity.ts';

const clusterUid = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const directories: string[] = [];
function newFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'worker-identity-'));
  directories.push(directory);
  return join(directory, 'deep', 'identity');
}
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

describe('the identity', () => {
  it('is random once and the same at every start', async () => {
    const file = newFile();
    const first = await loadIdentity({ file, clusterUid });
    expect(await loadIdentity({ file, clusterUid })).toBe(first);
    expect(await loadIdentity({ file: newFile(), clusterUid })).not.toBe(first);
    expect(readFileSync(file, 'utf8')).toBe(`${first}\n`);
    expect(readdirSync(join(file, '..'))).toEqual(['identity']);
  });

  it('is one for processes that start at the same time', async () => {
    const file = newFile();
    const all = await Promise.all(Array.from({ length: 20 }, () => loadIdentity({ file, clusterUid })));
    expect(new Set(all).size).toBe(1);
  });

  it('follows from cluster and name when there is a name, whatever happened to the file', async () => {
    const first = await loadIdentity({ file: newFile(), clusterUid, name: 'workers/node-1' });
    expect(await loadIdentity({ file: newFile(), clusterUid, name: 'workers/node-1' })).toBe(first);
    expect(await loadIdentity({ file: newFile(), clusterUid, name: 'workers/node-2' })).not.toBe(first);
    expect(first[14]).toBe('5');
  });

  it('refuses a broken file and one of another worker, and leaves them as they are', async () => {
    const file = newFile();
    await loadIdentity({ file, clusterUid, name: 'a' });
    const before = readFileSync(file, 'utf8');
    await expect(loadIdentity({ file, clusterUid, name: 'b' })).rejects.toMatchObject({ code: 'InvalidConfiguration', message: expect.stringContaining('another worker') });
    expect(readFileSync(file, 'utf8')).toBe(before);
    writeFileSync(file, '');
    await expect(loadIdentity({ file, clusterUid })).rejects.toMatchObject({ code: 'InvalidConfiguration', context: { value: file, remedy: expect.any(String) } });
    expect(readFileSync(file, 'utf8')).toBe('');
  });

  it('says what to do when the file cannot be reached', async () => {
    const file = newFile();
    await loadIdentity({ file, clusterUid });
    const below = loadIdentity({ file: join(file, 'identity'), clusterUid });
    await expect(below).rejects.toMatchObject({ code: 'InvalidConfiguration', context: { remedy: 'Check its permissions.' } });
  });
});

describe('the weight', () => {
  it.each([
    ['DEFAULT', 1, 2000],
    ['CAPACITY', 2 ** 40, 2000],
    ['CAPACITY', 1, 1],
    ['CAPACITY', 2 ** 50, 20_000],
  ] as const)('%s of %d bytes is %d points', (provider, capacityBytes, points) => {
    expect(vnodesOf({ provider, vnodes: 2000, capacityBytes })).toBe(points);
    expect(vnodesOf({ provider, vnodes: 2000, capacityBytes }, 77)).toBe(77);
  });

  it('the host is what was configured, else the host name', () => {
    expect([hostIdOf('node'), hostIdOf(undefined), hostIdOf('')]).toEqual(['node', hostname(), hostname()]);
  });
});
