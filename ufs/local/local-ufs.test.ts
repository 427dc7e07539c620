import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeName, encodeName } from '../../common/namespace/index.ts';
import { checkUfs, openUfs, type UnderFileSystem } from '../index.ts';
import { describeUfsContract, entriesOf, patterned, readAll, versionOf } from '../ufs.contract.ts';

describeUfsContract(
  'local',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'alluxio-ufs-local-'));
    return { ufs: openUfs({ ufsUri: directory, options: {} }), close: () => rmSync(directory, { recursive: true, force: true }) };
  },
  { hasOpaqueKeys: false },
);

describe('local UFS', () => {
  let top: string;
  let root: string;
  let ufs: UnderFileSystem;
  const keys = async (prefix = '', recursive = true): Promise<string[]> => (await entriesOf(ufs.list(prefix, { recursive }))).map(({ key }) => key);
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'alluxio-ufs-local-'));
    root = join(top, 'root');
    mkdirSync(root);
    ufs = openUfs({ ufsUri: `file://${root}`, options: {} });
  });
  afterEach(async () => {
    await ufs.close();
    rmSync(top, { recursive: true, force: true });
  });

  it('names that are no UTF-8 pass through, in status, listing, read and write', async () => {
    const raw = Buffer.from([0x61, 0xff, 0x80, 0x62]);
    mkdirSync(Buffer.concat([Buffer.from(`${root}/`), raw]));
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), raw, Buffer.from('/'), raw]), 'raw');
    const key = `${decodeName(raw)}/${decodeName(raw)}`;
    expect(await keys()).toEqual([key]);
    expect(await ufs.status(key)).toMatchObject({ type: 'file', length: 3, ufsUri: ufs.rootUri + key });
    expect((await readAll(ufs, await versionOf(ufs, key))).toString()).toBe('raw');
    const written = decodeName(Buffer.from([0xc3, 0x28]));
    await ufs.write(written, Buffer.from('x'));
    expect((await keys('', false)).map((name) => encodeName(name).toString('hex')).toSorted()).toEqual(['61ff8062', 'c328']);
  });

  it('a file that changes while it is read gives UfsObjectChanged, whatever way it changes', async () => {
    const path = join(root, 'file');
    const changes: (() => void)[] = [
      () => appendFileSync(path, 'more'),
      () => truncateSync(path, 5),
      () => {
        const fd = openSync(path, 'r+');
        writeSync(fd, 'X', 1);
        closeSync(fd);
      },
      () => utimesSync(path, 1, 1),
      () => chmodSync(path, 0o600),
      () => {
        writeFileSync(join(root, 'new'), '0123456789');
        renameSync(join(root, 'new'), path);
      },
      () => rmSync(path),
    ];
    for (const change of changes) {
      writeFileSync(path, '0123456789');
      utimesSync(path, 100, 100);
      const file = await versionOf(ufs, 'file');
      change();
      await expect(readAll(ufs, file)).rejects.toMatchObject({ code: 'UfsObjectChanged' });
    }
  });

  it('links are followed while they stay below the root; what lies outside does not exist', async () => {
    writeFileSync(join(top, 'secret'), 'secret');
    mkdirSync(join(top, 'root-beside'));
    writeFileSync(join(top, 'root-beside/secret'), 'secret');
    mkdirSync(join(root, 'dir'));
    writeFileSync(join(root, 'dir/file'), 'inside');
    symlinkSync('dir/file', join(root, 'good'));
    symlinkSync(join(root, 'dir'), join(root, 'gooddir'));
    symlinkSync('../secret', join(root, 'out'));
    symlinkSync(join(top, 'root-beside'), join(root, 'outdir'));
    symlinkSync('/proc/self/environ', join(root, 'proc'));
    symlinkSync('nowhere', join(root, 'dangling'));
    symlinkSync('loop', join(root, 'loop'));
    symlinkSync('.', join(root, 'dir/self'));
    expect(await keys('', false)).toEqual(['dir', 'good', 'gooddir']);
    expect(await keys()).toEqual(['dir/file', 'good', 'gooddir/file']);
    expect((await readAll(ufs, await versionOf(ufs, 'gooddir/file'))).toString()).toBe('inside');
    for (const key of ['out', 'outdir', 'outdir/secret', 'proc', 'dangling', 'loop']) expect(await ufs.status(key)).toBeUndefined();
    // The attributes are known: only the place of the file stands between the reader and its bytes.
    const outside = openUfs({ ufsUri: top, options: {} });
    const secret = await versionOf(outside, 'secret');
    const into = Buffer.alloc(secret.length, 0xee);
    await expect(ufs.read({ ...secret, key: 'out' }, 0, into)).rejects.toMatchObject({ code: 'UfsObjectChanged' });
    expect(into.every((byte) => byte === 0xee)).toBe(true);
    await expect(ufs.write('outdir/new', Buffer.from('x'))).rejects.toMatchObject({ code: 'PermissionDenied' });
    await expect(ufs.delete('outdir/secret')).rejects.toMatchObject({ code: 'PermissionDenied' });
    expect((await readAll(outside, await versionOf(outside, 'root-beside/secret'))).toString()).toBe('secret');
  });

  it('a root that is itself a link is fine', async () => {
    symlinkSync(root, join(top, 'link'));
    writeFileSync(join(root, 'file'), 'x');
    const linked = openUfs({ ufsUri: join(top, 'link'), options: {} });
    expect((await readAll(linked, await versionOf(linked, 'file'))).toString()).toBe('x');
  });

  it('special files are skipped and never block', async () => {
    execFileSync('mkfifo', [join(root, 'fifo')]);
    writeFileSync(join(root, 'file'), 'x');
    expect(await keys('', false)).toEqual(['file']);
    expect(await ufs.status('fifo')).toBeUndefined();
    await expect(ufs.read({ key: 'fifo', version: 'file:1-1-1-1', length: 1 }, 0, Buffer.alloc(1))).rejects.toMatchObject({ code: 'UfsObjectChanged' });
  });

  it('a root that vanishes is an outage, not a tree without files', async () => {
    writeFileSync(join(root, 'file'), 'x');
    const file = await versionOf(ufs, 'file');
    renameSync(root, join(top, 'away'));
    for (const call of [ufs.status('file'), ufs.status('other'), keys(), readAll(ufs, file), ufs.delete('file')])
      await expect(call).rejects.toMatchObject({ code: 'UfsUnavailable' });
    renameSync(join(top, 'away'), root);
    expect((await readAll(ufs, file)).toString()).toBe('x');
  });

  it('keys that no file can have do not exist and cannot be written', async () => {
    writeFileSync(join(root, 'a'), 'x');
    for (const key of ['../root/a', './a', 'a/', '/a', 'a//b', 'nul\0', 'x'.repeat(256)]) {
      expect(await ufs.status(key)).toBeUndefined();
      await expect(ufs.write(key, Buffer.from(''))).rejects.toMatchObject({ code: 'InvalidArgument' });
    }
    expect(await ufs.status('')).toMatchObject({ type: 'directory', version: '' });
    expect(await ufs.status('a')).toMatchObject({ mode: expect.any(Number), version: expect.stringMatching(/^file:\d+-1-\d+-\d+$/) });
  });

  it('writes in progress are never seen', async () => {
    mkdirSync(join(root, '.alluxio-tmp-0'));
    writeFileSync(join(root, '.alluxio-tmp-1'), 'half');
    const upload = await ufs.createMultipart('target');
    await ufs.uploadPart(upload, 1, Buffer.from('x'));
    expect(await keys()).toEqual([]);
    expect(await keys('', false)).toEqual([]);
    expect(await ufs.status('.alluxio-tmp-1')).toBeUndefined();
    for (const uploadId of ['../../x', upload.uploadId.toUpperCase(), 'f'.repeat(32)]) {
      await expect(ufs.uploadPart({ uploadId, key: 'target' }, 1, Buffer.from('x'))).rejects.toMatchObject({ code: 'UploadNotFound' });
    }
  });

  it('a large directory is listed once, in order, page by page, and seen anew when it changes', async () => {
    const count = 2500;
    for (let index = 0; index < count; index++) closeSync(openSync(join(root, `${(index * 7919) % count}.bin`), 'w'));
    utimesSync(root, 1, 1);
    const all = await keys('', false);
    expect(all).toHaveLength(count);
    expect(all).toEqual(all.toSorted());
    const paged: string[] = [];
    for (let after: string | undefined; ; after = paged.at(-1)) {
      const page = await ufs
        .list('', { recursive: false, batchSize: 1000, ...(after !== undefined && { startAfter: after }) })
        [Symbol.asyncIterator]()
        .next();
      if (page.done === true) break;
      paged.push(...page.value.map(({ key }) => key));
    }
    expect(paged).toEqual(all);
    rmSync(join(root, '0.bin'));
    writeFileSync(join(root, '0a.bin'), '');
    expect((await keys('', false))[0]).toBe('0a.bin');
  }, 60_000);

  it('holes read as zeros, far offsets as they are', async () => {
    const path = join(root, 'sparse');
    const far = 20 * 2 ** 30 - 8;
    const fd = openSync(path, 'w');
    writeSync(fd, 'far away', far);
    closeSync(fd);
    const file = await versionOf(ufs, 'sparse');
    const into = Buffer.alloc(16, 0xee);
    expect(await ufs.read(file, far - 8, into)).toBe(16);
    expect(into.toString('latin1')).toBe('\0\0\0\0\0\0\0\0far away');
  });

  it('many readers share the buffers and none sees the bytes of another', async () => {
    const files = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        await ufs.write(`f${index}`, patterned(3 * 2 ** 20 + index, index));
        return await versionOf(ufs, `f${index}`);
      }),
    );
    const results = await Promise.all([...files, ...files, ...files].map((file) => readAll(ufs, file)));
    for (const [index, bytes] of results.entries()) expect(bytes.equals(patterned(3 * 2 ** 20 + (index % 6), index % 6))).toBe(true);
  });

  it('tells at mount time what is wrong, with a remedy', async () => {
    await checkUfs({ ufsUri: root, options: {} });
    writeFileSync(join(root, 'file'), 'x');
    const remedy = expect.any(String);
    await expect(checkUfs({ ufsUri: `${root}/none`, options: {} })).rejects.toMatchObject({ code: 'PathNotFound', context: { remedy } });
    await expect(checkUfs({ ufsUri: `${root}/file`, options: {} })).rejects.toMatchObject({ code: 'NotADirectory', context: { remedy } });
    await expect(checkUfs({ ufsUri: 'file://host/dir', options: {} })).rejects.toMatchObject({ code: 'InvalidConfiguration', context: { remedy } });
  });
});
