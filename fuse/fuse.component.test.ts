import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeName } from '../common/namespace/index.ts';
import { mountedAt } from './mount/mount-table.ts';
import { ended, eventually, holdOpen, run, useMount } from './testing/child.ts';
import { GeneratedDirectory, nameOf } from './testing/generated-directory.ts';
import { mountObstacle, MountedFuse } from './testing/mounted-fuse.ts';

const obstacle = mountObstacle();
const suite = obstacle === undefined ? describe : describe.skip;

const hasFusermount = spawnSync('fusermount3', ['--version']).status === 0;

const bytesOf = (length: number, seed = 1): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
};
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

suite(`a mount in the kernel${obstacle === undefined ? '' : ` (skipped: ${obstacle})`}`, () => {
  const big = bytesOf(3_000_001);
  const ODD_NAMES = ['é', 'e\u0301', 'with space', 'new\nline', 'x'.repeat(255), 'bad\udc80\udcffbytes', '日本', '-rf', '\\'];

  describe('of a small tree', () => {
    let fuse: MountedFuse;
    beforeAll(async () => {
      fuse = await MountedFuse.start((ufs) => {
        ufs.put('a.txt', 'hello');
        ufs.put('empty', '');
        ufs.put('page', bytesOf(64 * 1024, 7));
        ufs.put('dir/big', big);
        for (const name of ODD_NAMES) ufs.put(`odd/${name}`, `is ${name.length}`);
        for (const key of ['hidden//x', 'hidden/./x', 'hidden/..', 'hidden/shown', `hidden/${'y'.repeat(256)}`]) ufs.put(key, 'x');
        ufs.put('both', 'object');
        ufs.put('both/inside', 'file');
      });
    });
    afterAll(() => fuse.stop());

    it('lists the mounts and their directories', async () => {
      expect(await readdir(fuse.directory)).toEqual(['data']);
      expect(await readdir(fuse.path(''))).toEqual(['a.txt', 'both', 'dir', 'empty', 'hidden', 'odd', 'page']);
    });
    it('shows sizes, modes and owners', async () => {
      const file = await stat(fuse.path('a.txt'));
      expect([file.size, file.mode & 0o7777, file.isFile(), file.uid, file.nlink]).toEqual([5, 0o444, true, 0, 1]);
      const directory = await stat(fuse.path('dir'));
      expect([directory.mode & 0o7777, directory.isDirectory()]).toEqual([0o555, true]);
    });
    it('answers ENOENT, ENOTDIR and ENAMETOOLONG where they belong', async () => {
      await expect(stat(fuse.path('nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(stat(fuse.path('a.txt/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
      await expect(stat(fuse.path('n'.repeat(256)))).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
    });
    it('reads whole files and ranges, nothing behind the end', async () => {
      expect(await readFile(fuse.path('a.txt'), 'utf8')).toBe('hello');
      expect((await readFile(fuse.path('empty'))).length).toBe(0);
      expect(sha256(await readFile(fuse.path('page')))).toBe(sha256(bytesOf(64 * 1024, 7)));
      expect(big.equals(await readFile(fuse.path('dir/big')))).toBe(true);
      const file = await open(fuse.path('dir/big'));
      const { bytesRead, buffer } = await file.read(Buffer.alloc(1000), 0, 1000, 2_999_500);
      const { bytesRead: behind } = await file.read(Buffer.alloc(10), 0, 10, 4_000_000);
      await file.close();
      expect([bytesRead, big.subarray(2_999_500).equals(buffer.subarray(0, bytesRead)), behind]).toEqual([501, true, 0]);
    });
    it('shows odd names as the bytes that they are, invalid UTF-8 included', async () => {
      const names = await readdir(Buffer.from(fuse.path('odd')), { encoding: 'buffer' });
      expect(names.map((name) => name.toString('hex')).toSorted()).toEqual(ODD_NAMES.map((name) => encodeName(name).toString('hex')).toSorted());
      for (const name of ODD_NAMES) {
        const path = Buffer.concat([Buffer.from(`${fuse.path('odd')}/`), encodeName(name)]);
        expect(await readFile(path, 'utf8')).toBe(`is ${name.length}`);
      }
    });
    it('counts keys that POSIX cannot show, and shows the directory where an object and a directory share a name', async () => {
      const before = await fuse.metric('alluxio_fuse_hidden_names_total');
      expect(await readdir(fuse.path('hidden'))).toEqual(['shown']);
      expect((await fuse.metric('alluxio_fuse_hidden_names_total')) - before).toBeGreaterThanOrEqual(3);
      expect((await stat(fuse.path('both'))).isDirectory()).toBe(true);
    });
    it('serves mappings and O_DIRECT reads', async () => {
      expect(sha256(Buffer.from(await useMount<string>('mmap', fuse.path('dir/big')), 'base64'))).toBe(sha256(big));
      const direct = Buffer.from(await useMount<string>('direct', fuse.path('dir/big'), String(1 << 20)), 'base64');
      expect(direct.equals(big.subarray(0, 1 << 20))).toBe(true);
    });
    it('answers EROFS to everything that writes', async () => {
      const outcomes = await useMount<Record<string, string | number>>('writes', fuse.path('a.txt'), fuse.path('dir'));
      expect(new Set(Object.entries(outcomes).map(([op, outcome]) => (outcome === 'EROFS' || outcome === 30 ? 'EROFS' : `${op} ${outcome}`)))).toEqual(new Set(['EROFS']));
      expect(await readFile(fuse.path('a.txt'), 'utf8')).toBe('hello');
    });
    it('tells by extended attributes where a file comes from', async () => {
      expect(await useMount('listxattr', fuse.path('a.txt'))).toEqual(['ufs_uri', 'version', 'owner', 'cached_share'].map((name) => `user.alluxio.${name}`));
      const status = (await fuse.client.status('/data/a.txt'))!;
      expect(await useMount('getxattr', fuse.path('a.txt'), 'user.alluxio.ufs_uri')).toBe('s3://bucket/a.txt');
      expect(await useMount('getxattr', fuse.path('a.txt'), 'user.alluxio.version')).toBe(status.version);
      expect(await useMount('getxattr', fuse.path('a.txt'), 'user.alluxio.owner')).toBe(fuse.client.route('/data/a.txt').owner!.workerId);
      expect(await useMount('getxattr', fuse.path('a.txt'), 'user.other')).toBe('errno 61');
      expect(await useMount('listxattr', fuse.path('dir'))).toEqual(['user.alluxio.ufs_uri']);
    });
    it('gives 16 parallel readers the right bytes', async () => {
      const sums = await Promise.all(Array.from({ length: 16 }, () => run('sha256sum', [fuse.path('dir/big')])));
      expect(new Set(sums.map((line) => line.slice(0, 64)))).toEqual(new Set([sha256(big)]));
    });
    it('walks like any file system: find and cp -r agree with the source', async () => {
      const found = (await run('find', [fuse.path('dir'), '-type', 'f', '-size', '-4000k'])).trim();
      expect(found).toBe(fuse.path('dir/big'));
    });
    it('leaks no handle when a reader is killed', async () => {
      const holder = await holdOpen(fuse.path('page'));
      const end = ended(holder);
      holder.kill('SIGKILL');
      await end;
      await eventually(async () => (await fuse.metric('alluxio_fuse_open_handles')) === 0);
    });
  });

  describe('while the bucket changes', () => {
    let fuse: MountedFuse;
    const AGE_MS = 150;
    const v1 = bytesOf(200_000, 1);
    const v2 = bytesOf(100_000, 2);
    beforeAll(async () => {
      fuse = await MountedFuse.start((ufs) => ufs.put('f', v1), {
        client: { settings: { metadataMaxAgeMs: AGE_MS, readAheadEnabled: false } },
        // The kernel keeps names for an hour, whatever the freshness rules say.
        daemon: { timeouts: { attrTimeoutMs: 3_600_000, entryTimeoutMs: 3_600_000 } },
      });
    });
    afterAll(() => fuse.stop());

    it('a new open sees the new version though the kernel has the entry cached; an old handle keeps old bytes or gets ESTALE', async () => {
      const old = await open(fuse.path('f'));
      await old.read(Buffer.alloc(1000), 0, 1000, 0);
      fuse.ufs.put('f', v2);
      await eventually(async () => sha256(await readFile(fuse.path('f'))) === sha256(v2));
      expect((await stat(fuse.path('f'))).size).toBe(v2.length);
      const { buffer } = await old.read(Buffer.alloc(1000), 0, 1000, 0);
      expect(buffer.equals(v1.subarray(0, 1000))).toBe(true);
      expect((await old.stat()).size).toBe(v1.length);
      for (const { pages } of fuse.cluster.workers) pages.clear();
      // Bytes that the kernel has not cached and nobody holds any more.
      await expect(old.read(Buffer.alloc(1000), 0, 1000, 190_000)).rejects.toMatchObject({ errno: -116 });
      await old.close();
    });
    it('a file that went away is ENOENT after its age, also when the kernel has the entry cached', async () => {
      fuse.ufs.put('gone', 'x');
      await eventually(() =>
        readFile(fuse.path('gone')).then(
          () => true,
          () => false,
        ),
      );
      await fuse.ufs.delete('gone');
      await eventually(() =>
        open(fuse.path('gone')).then(
          async (file) => (await file.close(), false),
          (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
        ),
      );
    });
  });

  describe('of a large directory', () => {
    const COUNT = 100_000;
    const directory = new GeneratedDirectory(COUNT);
    let fuse: MountedFuse;
    beforeAll(async () => {
      fuse = await MountedFuse.start(() => undefined, { wrapClient: (client) => directory.over(client), daemon: { inodesMax: 5000 } });
    });
    afterAll(() => fuse.stop());

    it('lists 100,000 entries, each once and in order, a page at a time', async () => {
      const names = (await run('ls', ['-f', fuse.path('')])).split('\n').filter((name) => name !== '' && !name.startsWith('.'));
      expect([names.length, names[0], names.at(-1), new Set(names).size]).toEqual([COUNT, nameOf(0), nameOf(COUNT - 1), COUNT]);
      expect(directory.largestPage).toBeLessThanOrEqual(1000);
    });
    it('keeps the number of inodes near its limit through a walk that stats everything', async () => {
      const found = await run('find', [fuse.path(''), '-name', '0000*', '-type', 'f', '-size', '1']);
      expect(found.trim().split('\n')).toHaveLength(10_000);
      expect(await fuse.metric('alluxio_fuse_inodes_pruned_total')).toBeGreaterThan(0);
      await eventually(async () => (await fuse.metric('alluxio_fuse_inodes')) <= 5000);
    });
    it('goes back to a place in the listing (telldir, seekdir), also to one whose page has left memory', async () => {
      const { first, again } = await useMount<{ first: string[]; again: string[] }>('seekBack', fuse.path(''), '1234');
      expect(again).toEqual(first);
      expect(first).toHaveLength(50);
    });
  });

  describe('with a slow fill', () => {
    let fuse: MountedFuse;
    const released = Promise.withResolvers<void>();
    let asked = 0;
    beforeAll(async () => {
      fuse = await MountedFuse.start((ufs) => {
        ufs.put('slow', bytesOf(1000));
        ufs.before = async (op) => {
          if (op !== 'read') return;
          asked++;
          await released.promise;
        };
      });
    });
    afterAll(async () => {
      released.resolve();
      await fuse.stop();
    });

    it('a reader that is interrupted ends at once, and its request with it where the kernel says so', async () => {
      for (const flags of [[], ['iflag=direct']]) {
        asked = 0;
        const reader = spawn('dd', [`if=${fuse.path('slow')}`, 'of=/dev/null', 'bs=4096', ...flags], { stdio: 'ignore' });
        const end = ended(reader);
        await eventually(() => asked > 0 && fuse.daemon.inFlight > 0);
        reader.kill('SIGTERM');
        expect(await end).toBe('SIGTERM');
        // Read-ahead belongs to the page cache: the kernel interrupts only what nobody else may wait for.
        if (flags.length > 0) await eventually(() => fuse.daemon.inFlight === 1);
      }
    });
  });

  describe('beginning and end', () => {
    const made: string[] = [];
    const newDirectory = (): string => {
      const directory = mkdtempSync(join(tmpdir(), 'alluxio-fuse-test-'));
      made.push(directory);
      return directory;
    };
    afterEach(async () => {
      for (const directory of made.splice(0)) {
        if (mountedAt(directory) !== undefined) await run('umount', ['-l', directory]);
        rmSync(directory, { recursive: true, force: true });
      }
    });
    const start = (mountPoint: string): Promise<MountedFuse> => MountedFuse.start((ufs) => ufs.put('a', 'a'), { daemon: { mountPoint } });

    it('unmounts cleanly, and in bounded time while somebody has a file open', async () => {
      const directory = newDirectory();
      const first = await start(directory);
      await first.stop();
      expect(mountedAt(directory)).toBeUndefined();
      mkdirSync(directory, { recursive: true });
      const second = await start(directory);
      const holder = await holdOpen(second.path('a'));
      await second.stop(200);
      expect(mountedAt(directory)).toBeUndefined();
      const end = ended(holder);
      holder.kill();
      await end;
    });
    (hasFusermount ? it : it.skip)('mounts, unmounts and takes away by fusermount3, as without root (skipped where there is none)', async () => {
      const directory = newDirectory();
      const fuse = await MountedFuse.start((ufs) => ufs.put('a', 'a'), { daemon: { mountPoint: directory, mountMethod: 'fusermount' } });
      expect(await readFile(fuse.path('a'), 'utf8')).toBe('a');
      await fuse.stop();
      expect(mountedAt(directory)).toBeUndefined();
    });
    it('clears the dead mount of a daemon that was killed', async () => {
      const directory = newDirectory();
      const doomed = spawn(process.execPath, [fileURLToPath(new URL('./testing/doomed-daemon.ts', import.meta.url)), directory], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise((resolve) => doomed.stdout.once('data', resolve));
      const end = ended(doomed);
      doomed.kill('SIGKILL');
      await end;
      await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOTCONN' });
      const fuse = await start(directory);
      expect(await readdir(fuse.directory)).toEqual(['data']);
      expect(fuse.logLines.join()).toContain('Dead mounts');
      await fuse.stop();
    });
    it('refuses a busy, full, missing or wrong mount point in one line with the remedy', async () => {
      const directory = newDirectory();
      const fuse = await start(directory);
      const refused = (mountPoint: string, text: string) =>
        expect(start(mountPoint)).rejects.toMatchObject({
          code: 'InvalidConfiguration',
          message: expect.stringContaining(text),
          context: { value: mountPoint, remedy: expect.any(String) },
        });
      await refused(directory, 'is busy');
      await fuse.stop();
      const full = newDirectory();
      writeFileSync(join(full, 'file'), '');
      await refused(full, 'is not empty');
      await refused(join(full, 'file'), 'is not a directory');
      await refused(join(full, 'nothing'), 'does not exist');
    });
  });
});
