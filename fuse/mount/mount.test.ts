import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { canonicalMountPoint, parseMountOptions } from './index.ts';
import { parseMountInfo } from './mount-table.ts';

describe('mount options', () => {
  it('are sorted into what the kernel is told, what the daemon does, and what has no effect', () => {
    expect(parseMountOptions(['allow_other', 'attr_timeout=3600', 'entry_timeout=0.5', 'big_writes', 'max_background=128', 'noexec'])).toEqual({
      allowOther: true,
      defaultPermissions: true,
      nonEmpty: false,
      noExec: true,
      attrTimeoutMs: 3_600_000,
      entryTimeoutMs: 500,
      ignored: ['big_writes', 'max_background=128'],
    });
    expect(parseMountOptions([])).toMatchObject({ allowOther: false, attrTimeoutMs: undefined });
  });
  it.each(['alow_other', 'attr_timeout', 'attr_timeout=-1', 'allow_other=yes', 'user_id=5'])('%s is refused by name with the known ones', (option) => {
    expect(() => parseMountOptions([option])).toThrow(expect.objectContaining({ code: 'InvalidConfiguration', context: expect.objectContaining({ value: option }) }));
  });
});

describe('the kernel’s table of mounts', () => {
  it('is read with its escapes, and the topmost mount of a path wins', () => {
    const text = [
      '22 1 254:0 / / rw,relatime - ext4 /dev/root rw',
      '31 22 0:52 / /mnt/with\\040space ro shared:1 master:2 - fuse.alluxio alluxio ro,user_id=0',
      '32 22 0:53 / /mnt/\\303\\251 ro - fuse alluxio ro',
      '',
    ].join('\n');
    expect(parseMountInfo(text)).toEqual([
      { device: '254:0', mountPoint: '/', type: 'ext4' },
      { device: '0:52', mountPoint: '/mnt/with space', type: 'fuse.alluxio' },
      { device: '0:53', mountPoint: '/mnt/é', type: 'fuse' },
    ]);
  });
});

describe('the mount point', () => {
  it('is the real path of its directory, its own last segment left alone; the root is refused', () => {
    const directory = mkdtempSync(join(tmpdir(), 'alluxio-fuse-test-'));
    symlinkSync(directory, join(directory, 'link'));
    expect(canonicalMountPoint(join(directory, 'link/mnt'))).toBe(join(directory, 'mnt'));
    expect(canonicalMountPoint('/nonexistent/mnt/')).toBe('/nonexistent/mnt');
    expect(() => canonicalMountPoint('/')).toThrow(expect.objectContaining({ code: 'InvalidConfiguration' }));
    rmSync(directory, { recursive: true });
  });
});
