// Trees with odd names and sizes through the mount, against their source on a NAS.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cluster, startCluster } from '../harness/cluster.ts';
import { random } from '../harness/pattern.ts';
import { FUSE_AVAILABLE, SOAK } from '../harness/requirements.ts';
import { scratchDirectory } from '../harness/scratch.ts';
import { diffTrees, writeOddTree, writeSparseFile } from '../harness/tree.ts';

const GIB = 2 ** 30;
const SPARSE_BYTES = 20 * GIB;
const RANGES = 10_000;

(FUSE_AVAILABLE ? describe : describe.skip)('a NAS through the mount', () => {
  let cluster: Cluster;
  let source: string;
  let files: number;

  beforeAll(async () => {
    source = join(scratchDirectory('nas'), 'tree');
    mkdirSync(source);
    files = writeOddTree(source);
    writeSparseFile(join(source, 'sparse'), SPARSE_BYTES);
    cluster = await startCluster({ workers: 2, ufs: { uri: `file://${source}/` }, fuse: true, pageStoreBytes: 2 * GIB });
  }, 60_000);
  afterAll(() => cluster?.stop(), 30_000);

  it(
    'shows every name and every byte: diff -r is clean, unicode forms, invalid UTF-8, newlines, depth 50, empty and page-sized files included',
    async () => {
      expect(files).toBeGreaterThan(50);
      const names = await readdir(Buffer.from(source), { encoding: 'buffer' });
      const shown = await readdir(Buffer.from(join(cluster.mount, 'data')), { encoding: 'buffer' });
      const sorted = (list: Buffer[]) => list.map((name) => name.toString('hex')).sort();
      expect(sorted(shown)).toEqual(sorted(names));
      // 20 GiB are compared byte by byte in the soak only; else by the ranges below.
      expect(await diffTrees(source, join(cluster.mount, 'data'), SOAK ? undefined : 'sparse')).toBe('');
    },
    SOAK ? 900_000 : 120_000,
  );

  it('reads 10,000 random ranges of a 20 GiB sparse file equal to the source, holes included', async () => {
    expect((await stat(join(cluster.mount, 'data/sparse'))).size).toBe(SPARSE_BYTES);
    const seed = 20261124;
    const next = random(seed);
    const left = openSync(join(source, 'sparse'), 'r');
    const right = openSync(join(cluster.mount, 'data/sparse'), 'r');
    const a = Buffer.alloc(1 << 16);
    const b = Buffer.alloc(1 << 16);
    // 40 windows of 8 MiB: random enough to cross pages everywhere, few enough that 20 GiB need not be fetched.
    const windows = Array.from({ length: 40 }, () => Math.floor(next() * (SPARSE_BYTES - (8 << 20))));
    let mismatches = 0;
    for (let i = 0; i < RANGES; i++) {
      const offset = windows[i % windows.length]! + Math.floor(next() * (8 << 20));
      const length = 1 + Math.floor(next() ** 4 * 65535);
      const got = [readSync(left, a, 0, length, offset), readSync(right, b, 0, length, offset)];
      if (got[0] !== got[1] || !a.subarray(0, got[0]).equals(b.subarray(0, got[1]))) mismatches++;
    }
    closeSync(left);
    closeSync(right);
    expect({ seed, mismatches }).toEqual({ seed, mismatches: 0 });
  }, 120_000);

  it('tells sizes and types as the source does', () => {
    for (const name of ['sizes/0', 'sizes/1', 'sizes/4194304', 'deep', 'empty-directory']) {
      const [left, right] = [statSync(join(source, name)), statSync(join(cluster.mount, 'data', name))];
      expect([right.isDirectory(), right.isDirectory() ? 0 : right.size]).toEqual([left.isDirectory(), left.isDirectory() ? 0 : left.size]);
    }
  });
});
