// A directory tree with every odd name a file system allows, and its comparison with a mount.
import { execFile } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync, writeSync, closeSync, ftruncateSync } from 'node:fs';
import { promisify } from 'node:util';
import { patternBytes } from './pattern.ts';

const run = promisify(execFile);
const PAGE = 4 << 20;

const join = (dir: Buffer, name: Buffer | string): Buffer => Buffer.concat([dir, Buffer.from('/'), Buffer.isBuffer(name) ? name : Buffer.from(name)]);

/** Names that break systems which treat them as text. */
export const ODD_NAMES: readonly Buffer[] = [
  'plain',
  'with space',
  ' leading and trailing ',
  'new\nline',
  'tab\tand"quotes\'',
  'back\\slash',
  '*?[glob]',
  '-dash',
  '.hidden',
  '...',
  '%2F%00',
  'é composed',
  'e\u0301 decomposed',
  '日本語',
  '🚀',
  'x'.repeat(255),
  'é'.repeat(127),
].map((name) => Buffer.from(name));
export const INVALID_UTF8_NAMES: readonly Buffer[] = [
  Buffer.from([0xff]),
  Buffer.from([0x61, 0x80, 0x62]),
  Buffer.from([0xc3]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf0, 0x9f, 0x9a]),
];

/** Sizes around the borders of pages and words. */
export const SIZES: readonly number[] = [0, 1, 4095, 4096, 4097, 65536, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE + 12345];

/** Writes the tree below `root`. @returns number of files */
export function writeOddTree(root: string, depth = 50): number {
  const base = Buffer.from(root);
  let files = 0;
  const put = (path: Buffer, length: number): void => {
    writeFileSync(path, patternBytes(files, 0, length));
    files++;
  };
  for (const [i, name] of [...ODD_NAMES, ...INVALID_UTF8_NAMES].entries()) {
    put(join(base, name), 100 + i);
    const dir = join(base, Buffer.concat([Buffer.from('d'), name.subarray(0, 200)]));
    mkdirSync(dir);
    put(join(dir, name), 200 + i);
  }
  mkdirSync(join(base, 'sizes'));
  for (const size of SIZES) put(join(join(base, 'sizes'), `${size}`), size);
  mkdirSync(join(base, 'empty-directory'));
  let deep = join(base, 'deep');
  mkdirSync(deep);
  for (let level = 1; level < depth; level++) {
    deep = join(deep, `level ${level}`);
    mkdirSync(deep);
  }
  put(join(deep, 'bottom'), 777);
  return files;
}

/** A sparse file with its own offset (u64 little-endian) at every `stepBytes`. */
export function writeSparseFile(path: string, lengthBytes: number, stepBytes = 1 << 20): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, lengthBytes);
  const word = Buffer.alloc(8);
  for (let offset = 0; offset + 8 <= lengthBytes; offset += stepBytes) {
    word.writeBigUInt64LE(BigInt(offset));
    writeSync(fd, word, 0, 8, offset);
  }
  closeSync(fd);
}

/** `diff -r` of two trees, but for entries named `exclude`; '' when they are equal. */
export async function diffTrees(left: string, right: string, exclude?: string): Promise<string> {
  const args = ['-r', '--no-dereference', ...(exclude === undefined ? [] : ['-x', exclude]), left, right];
  try {
    await run('diff', args, { timeout: 600_000, killSignal: 'SIGKILL', maxBuffer: 1 << 24, encoding: 'latin1', env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' } });
    return '';
  } catch (error) {
    const failed = error as { stdout?: string; stderr?: string; message: string };
    return `${failed.stdout ?? ''}${failed.stderr ?? ''}` || failed.message;
  }
}
