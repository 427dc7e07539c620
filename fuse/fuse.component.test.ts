import { open, readdir, readFile, stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mountObstacle, MountedFuse } from './testing/mounted-fuse.ts';

const obstacle = mountObstacle();
const suite = obstacle === undefined ? describe : describe.skip;

const bytesOf = (length: number, seed = 1): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
};

suite(`a mount of the kernel${obstacle === undefined ? '' : ` (skipped: ${obstacle})`}`, () => {
  let fuse: MountedFuse;
  const big = bytesOf(3_000_001);
  beforeAll(async () => {
    fuse = await MountedFuse.start((ufs) => {
      ufs.put('a.txt', 'hello');
      ufs.put('empty', '');
      ufs.put('dir/big', big);
    });
  });
  afterAll(() => fuse.stop());

  it('lists the mounts and their directories', async () => {
    expect(await readdir(fuse.directory)).toEqual(['data']);
    expect(await readdir(fuse.path(''))).toEqual(['a.txt', 'dir', 'empty']);
  });
  it('shows sizes, modes and owners', async () => {
    const file = await stat(fuse.path('a.txt'));
    expect([file.size, file.mode & 0o7777, file.isFile(), file.uid]).toEqual([5, 0o444, true, 0]);
    const directory = await stat(fuse.path('dir'));
    expect([directory.mode & 0o7777, directory.isDirectory()]).toEqual([0o555, true]);
    await expect(stat(fuse.path('nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
  it('reads whole files and ranges', async () => {
    expect(await readFile(fuse.path('a.txt'), 'utf8')).toBe('hello');
    expect((await readFile(fuse.path('empty'))).length).toBe(0);
    expect(big.equals(await readFile(fuse.path('dir/big')))).toBe(true);
    const file = await open(fuse.path('dir/big'));
    const { bytesRead, buffer } = await file.read(Buffer.alloc(1000), 0, 1000, 2_999_500);
    await file.close();
    expect([bytesRead, big.subarray(2_999_500).equals(buffer.subarray(0, bytesRead))]).toEqual([501, true]);
  });
});
