import { describe, expect, it } from '@jest/globals';
import type { MountEntry } from '../api/index.ts';
import { baseName, checkNewMount, isPosixName, joinPath, MountTable, parentPath, parseUfsUri, pathOfUfsUri, ufsRootUri } from './index.ts';

const entry = (mountPath: string, ufsUri: string): MountEntry => ({ mountPath, ufsUri, options: {}, sealedOptions: '', generation: 1, owner: 'cli' });
const table = new MountTable([entry('/data', 's3://bucket/train'), entry('/nas', 'file:///exports/'), entry('/whole', 's3://other')]);

describe('look-up', () => {
  it.each([
    ['/data', '', 's3://bucket/train/'],
    ['/data/', '', 's3://bucket/train/'],
    ['/data/a', 'a', 's3://bucket/train/a'],
    ['/data//a', '/a', 's3://bucket/train//a'],
    ['/data/a/./b', 'a/./b', 's3://bucket/train/a/./b'],
    ['/data/..', '..', 's3://bucket/train/..'],
    ['/nas/x\udcff', 'x\udcff', 'file:///exports/x\udcff'],
    ['/whole/k', 'k', 's3://other/k'],
  ])('%s is key %j', (path, key, ufsUri) => {
    const { mount, ...rest } = table.resolve(path)!;
    expect(rest).toEqual({ key, ufsUri });
    expect(path.startsWith(mount.mountPath)).toBe(true);
  });

  it('goes by whole segments', () => {
    expect(table.resolve('/data2/a')).toBeUndefined();
    expect(table.resolve('/dat')).toBeUndefined();
    expect(table.resolve('/')).toBeUndefined();
    expect(table.resolve('')).toBeUndefined();
  });

  it('finds the path of a UFS URI, by whole segments too', () => {
    expect(table.pathOfUfsUri('s3://bucket/train')).toBe('/data');
    expect(table.pathOfUfsUri('s3://bucket/train/')).toBe('/data');
    expect(table.pathOfUfsUri('s3a://bucket/train//x')).toBe('/data//x');
    expect(table.pathOfUfsUri('/exports/x')).toBe('/nas/x');
    expect(table.pathOfUfsUri('s3://bucket/training/x')).toBeUndefined();
    expect(pathOfUfsUri(table.entries, 's3://other/k')).toBe('/whole/k');
  });
});

describe('new mounts', () => {
  const entries = table.entries;
  it.each([
    ['the root', '/', 's3://x', 'InvalidArgument', 'root'],
    ['two segments', '/a/b', 's3://x', 'InvalidArgument', 'more than one segment'],
    ['a closing slash', '/a/', 's3://x', 'InvalidArgument', 'more than one segment'],
    ['no leading slash', 'a', 's3://x', 'InvalidArgument', 'begin with a slash'],
    ['dots', '/..', 's3://x', 'InvalidArgument', 'not a file name'],
    ['no scheme', '/a', 'bucket/x', 'InvalidArgument', 'not a UFS URI'],
    ['a path in use', '/data', 's3://x', 'AlreadyExists', 'has the path of /data (s3://bucket/train)'],
    ['the same UFS URI', '/a', 's3://bucket/train/', 'AlreadyExists', 'same UFS URI as /data (s3://bucket/train)'],
    ['a UFS URI inside another', '/a', 's3://bucket/train/sub', 'AlreadyExists', 'lies inside /data'],
    ['a UFS URI around another', '/a', 's3a://bucket', 'AlreadyExists', 'contains /data'],
    ['a directory inside another, told with dots', '/a', '/exports/../exports/x', 'AlreadyExists', 'lies inside /nas'],
  ])('%s is refused with both entries and a remedy', (_, mountPath, ufsUri, code, text) => {
    const refusal = checkNewMount(entries, { mountPath, ufsUri })!;
    expect(refusal.code).toBe(code);
    expect(refusal.message).toContain(text);
    expect(refusal.context['remedy'] === undefined).toBe(false);
  });

  it('accepts siblings that only share a prefix of letters', () => {
    expect(checkNewMount(entries, { mountPath: '/data2', ufsUri: 's3://bucket/train2' })).toBeUndefined();
    expect(checkNewMount(entries, { mountPath: '/\udcff', ufsUri: 'file:///exports2' })).toBeUndefined();
  });
});

describe('paths and URIs', () => {
  it('parents and names meet again, empty segments included', () => {
    for (const path of ['/a', '/a/b', '/a//b', '/a/b/', '/a/./..']) expect(joinPath(parentPath(path), baseName(path))).toBe(path);
    expect(parentPath('/')).toBe('/');
  });
  it('POSIX names are 1 to 255 bytes without slash or NUL', () => {
    expect(['', '.', '..', 'a/b', 'a\0', 'é'.repeat(128), 'a'.repeat(256)].some(isPosixName)).toBe(false);
    expect(['a', '...', ' ', '\n', 'é'.repeat(127), 'a'.repeat(255), '\udcff'.repeat(255)].every(isPosixName)).toBe(true);
  });
  it('URIs keep their bytes', () => {
    expect(parseUfsUri('S3A://b/p%20q//x?')).toEqual({ scheme: 's3', authority: 'b', path: '/p%20q//x?' });
    expect(parseUfsUri('/dir')).toEqual({ scheme: 'file', authority: '', path: '/dir' });
    expect(ufsRootUri('s3://b')).toBe('s3://b/');
    expect(ufsRootUri('/a/../b')).toBe('file:///b/');
  });
});
