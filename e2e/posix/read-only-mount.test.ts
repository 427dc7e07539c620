// POSIX as programs use it, as a table of named checks over the mount of a NAS.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, mkdirSync, opendirSync, openSync, readdirSync, readFileSync, readSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Cluster, startCluster } from '../harness/cluster.ts';
import { patternBytes, patternMismatch } from '../harness/pattern.ts';
import { MIB } from '../harness/reading.ts';
import { FUSE_AVAILABLE, SOAK } from '../harness/requirements.ts';
import { scratchDirectory } from '../harness/scratch.ts';

const run = promisify(execFile);
const ENTRIES = SOAK ? 1_000_000 : 20_000;
const BIG_BYTES = 20 * MIB + 5;
const RSS_GROWTH_MAX_BYTES = 300 * MIB;

const codeOf = async (action: () => unknown): Promise<string> => {
  try {
    await action();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
};
const rssOf = (pid: number): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** What answers EROFS, by operation. `file`, `dir` exist; `free` does not. */
const WRITES: Readonly<Record<string, (paths: { file: string; dir: string; free: string }) => unknown>> = {
  'open for writing': ({ file }) => closeSync(openSync(file, 'r+')),
  'open to append': ({ file }) => closeSync(openSync(file, 'a')),
  'open with truncation': ({ file }) => closeSync(openSync(file, 'w')),
  'creating a file': ({ free }) => closeSync(openSync(free, 'wx')),
  mkdir: ({ free }) => fs.mkdir(free),
  unlink: ({ file }) => fs.unlink(file),
  rmdir: ({ dir }) => fs.rmdir(dir),
  rename: ({ file, free }) => fs.rename(file, free),
  link: ({ file, free }) => fs.link(file, free),
  symlink: ({ free }) => fs.symlink('target', free),
  chmod: ({ file }) => fs.chmod(file, 0o600),
  chown: ({ file }) => fs.chown(file, 1, 1),
  truncate: ({ file }) => fs.truncate(file, 0),
  utimes: ({ file }) => fs.utimes(file, 1, 1),
};

(FUSE_AVAILABLE ? describe : describe.skip)('the mount of a NAS', () => {
  let cluster: Cluster;
  let source: string;
  let mount: string;

  beforeAll(async () => {
    source = join(scratchDirectory('posix'), 'tree');
    for (const name of ['', 'dir', 'empty', 'many']) mkdirSync(join(source, name), { recursive: true });
    writeFileSync(join(source, 'file'), patternBytes(1, 0, 10_000));
    writeFileSync(join(source, 'dir/big'), patternBytes(2, 0, BIG_BYTES));
    writeFileSync(join(source, 'zero'), '');
    for (let i = 0; i < ENTRIES; i++) writeFileSync(join(source, `many/entry-${i}`), '');
    cluster = await startCluster({ workers: 2, ufs: { uri: `file://${source}/` }, fuse: true });
    mount = join(cluster.mount, 'data');
  }, 600_000);
  afterAll(() => cluster?.stop(), 60_000);

  it.each(Object.entries(WRITES))('answers EROFS: %s', async (_name, action) => {
    const paths = { file: join(mount, 'file'), dir: join(mount, 'empty'), free: join(mount, 'free') };
    expect(await codeOf(() => action(paths))).toBe('EROFS');
  });

  it('answers ENOENT, ENOTDIR, EISDIR and ENAMETOOLONG as a local file system does', async () => {
    for (const path of ['nowhere', 'file/below', `${'x'.repeat(256)}`, 'dir/nowhere/deep'])
      expect([path, await codeOf(() => readFileSync(join(mount, path)))]).toEqual([path, await codeOf(() => readFileSync(join(source, path)))]);
    expect(await codeOf(() => readFileSync(join(mount, 'dir')))).toBe('EISDIR');
    expect(await codeOf(() => readdirSync(join(mount, 'file')))).toBe('ENOTDIR');
    expect(await codeOf(() => accessSync(join(mount, 'file'), constants.R_OK))).toBe('ok');
    expect(await codeOf(() => accessSync(join(mount, 'file'), constants.W_OK))).toMatch(/EROFS|EACCES/);
  });

  it('shows the mounts as the root, which can be listed and not changed', async () => {
    expect(readdirSync(cluster.mount)).toEqual(['data']);
    expect(statSync(cluster.mount).isDirectory()).toBe(true);
    expect(await codeOf(() => fs.mkdir(join(cluster.mount, 'other')))).toMatch(/EROFS|EACCES/);
    expect(await codeOf(() => statSync(join(cluster.mount, 'other')))).toBe('ENOENT');
  });

  it('reads at any offset, beyond the end and with a buffer larger than the file', () => {
    const fd = openSync(join(mount, 'file'), 'r');
    const into = Buffer.alloc(20_000);
    expect([readSync(fd, into, 0, 20_000, 0), patternMismatch(1, 0, into.subarray(0, 10_000))]).toEqual([10_000, -1]);
    expect([readSync(fd, into, 0, 5, 9_997), patternMismatch(1, 9_997, into.subarray(0, 3))]).toEqual([3, -1]);
    expect([readSync(fd, into, 0, 5, 10_000), readSync(fd, into, 0, 5, 1e9)]).toEqual([0, 0]);
    closeSync(fd);
    expect(readFileSync(join(mount, 'zero')).length).toBe(0);
  });

  it('reads with O_DIRECT', async () => {
    const { stdout } = await run('sh', ['-c', `dd if=${join(mount, 'dir/big')} bs=1M iflag=direct status=none | cmp - ${join(source, 'dir/big')} && echo same`]);
    expect(stdout).toBe('same\n');
  }, 60_000);

  it('reads one file from many descriptors at once', async () => {
    const bytes = await Promise.all(Array.from({ length: 16 }, () => fs.readFile(join(mount, 'dir/big'))));
    expect(bytes.map((b) => [b.length, patternMismatch(2, 0, b)])).toEqual(bytes.map(() => [BIG_BYTES, -1]));
  }, 60_000);

  it('tells sizes, types, read-only modes and inode numbers that stay', () => {
    const [file, directory] = [statSync(join(mount, 'file')), statSync(join(mount, 'dir'))];
    expect([file.size, file.isFile(), file.mode & 0o222, directory.isDirectory(), directory.mode & 0o222]).toEqual([10_000, true, 0, true, 0]);
    expect(statSync(join(mount, 'file')).ino).toBe(file.ino);
    expect(statSync(join(mount, 'file')).ino).not.toBe(directory.ino);
    expect(Math.abs(file.mtimeMs - statSync(join(source, 'file')).mtimeMs)).toBeLessThan(1);
    expect(statfsSync(mount).bsize).toBeGreaterThan(0);
    expect(readdirSync(mount, { withFileTypes: true }).map((entry) => [entry.name, entry.isDirectory()])).toEqual(
      expect.arrayContaining([
        ['dir', true],
        ['file', false],
      ]),
    );
  });

  it(`lists ${ENTRIES} entries once each, in bounded memory, also for two readers at once and when one starts again`, async () => {
    const before = rssOf(cluster.fuse!.pid);
    const names = async (): Promise<number> => {
      const seen = new Set<string>();
      for await (const entry of opendirSync(join(mount, 'many'), { bufferSize: 256 })) {
        expect(seen.has(entry.name)).toBe(false);
        seen.add(entry.name);
      }
      return seen.size;
    };
    expect(await Promise.all([names(), names()])).toEqual([ENTRIES, ENTRIES]);
    const directory = opendirSync(join(mount, 'many'));
    for (let i = 0; i < 100; i++) directory.readSync();
    directory.closeSync();
    expect(await names()).toBe(ENTRIES);
    expect(rssOf(cluster.fuse!.pid) - before).toBeLessThan(RSS_GROWTH_MAX_BYTES);
  }, 600_000);

  it('serves the everyday programs: find, tar, cp, du, grep, wc', async () => {
    const shell = async (script: string, cwd: string): Promise<string> => (await run('sh', ['-c', script], { cwd, maxBuffer: 1 << 26 })).stdout;
    for (const script of [
      'find . -path ./many -prune -o -type f -print | sort',
      'tar cf - --mtime=@0 --owner=0 --group=0 --mode=0444 file zero dir/big | sha256sum',
      'wc -c file zero dir/big',
      'grep -c . file || true',
    ])
      expect([script, await shell(script, mount)]).toEqual([script, await shell(script, source)]);
    const copy = join(scratchDirectory('copy'), 'c');
    await run('cp', ['-r', join(mount, 'dir'), copy]);
    expect((await run('diff', ['-r', join(source, 'dir'), copy])).stdout).toBe('');
  }, 120_000);

  (has('python3') ? it : it.skip)('maps files, and tells in extended attributes where a file comes from', async () => {
    const script = [
      'import os, mmap, json, sys',
      'path = sys.argv[1]',
      'with open(path, "rb") as f:',
      '    m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)',
      '    data = bytes(m[:])',
      'names = os.listxattr(path)',
      'print(json.dumps({"length": len(data), "names": names, "values": {n: os.getxattr(path, n).decode() for n in names}, "sum": sum(data) % 65521}))',
    ].join('\n');
    const told = JSON.parse((await run('python3', ['-c', script, join(mount, 'file')])).stdout) as { length: number; names: string[]; values: Record<string, string>; sum: number };
    expect([told.length, told.sum]).toEqual([10_000, patternBytes(1, 0, 10_000).reduce((sum, byte) => sum + byte, 0) % 65521]);
    for (const name of ['ufs_uri', 'version', 'owner', 'cached_share']) expect(told.names).toContain(`user.alluxio.${name}`);
    expect(told.values['user.alluxio.ufs_uri']).toBe(`file://${source}/file`);
  });

  it('unmounts cleanly on SIGTERM, mounts again over what a killed daemon left', async () => {
    await cluster.fuse!.stop();
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(` ${cluster.mount} `);
    await cluster.startFuse();
    expect(readFileSync(join(mount, 'file')).length).toBe(10_000);
    await cluster.fuse!.kill();
    expect(await codeOf(() => readFileSync(join(mount, 'file')))).toMatch(/ENOTCONN|ECONNABORTED/);
    await cluster.startFuse();
    expect(readFileSync(join(mount, 'file')).length).toBe(10_000);
  }, 60_000);
});
