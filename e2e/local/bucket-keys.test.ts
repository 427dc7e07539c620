// Keys that are no POSIX paths: each object's bytes are its own at every door, and what POSIX cannot show is counted.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheClient } from '../../client/index.ts';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, startCluster } from '../harness/cluster.ts';
import { pathOf } from '../harness/reading.ts';
import { FUSE_AVAILABLE } from '../harness/requirements.ts';

/** Unicode in both normal forms among them. */
const KEYS = ['a', 'a/', 'a/b', 'a//b', 'a/./b', '..', 'a/../b', '/lead', 'dir/', 'dir/in', 'é', 'e\u0301', 'space here', 'plus+percent%2F', 'new\nline', `${'x'.repeat(256)}`];
const bytesOf = (key: string): Buffer => (key === 'dir/' ? Buffer.alloc(0) : Buffer.from(`bytes of ${JSON.stringify(key)}`));
const SHOWN = ['a/b', 'dir/in', 'é', 'e\u0301', 'space here', 'plus+percent%2F', 'new\nline'];
/** Readable by the library and the command line only. */
const HIDDEN = ['a//b', 'a/./b', '..', 'a/../b', '/lead', 'x'.repeat(256)];

describe('a bucket whose keys are no POSIX paths', () => {
  let bucket: Bucket;
  let cluster: Cluster;
  let client: CacheClient;

  beforeAll(async () => {
    bucket = await startBucket({ server: 'memory' });
    for (const key of KEYS) await bucket.put(key, bytesOf(key));
    cluster = await startCluster({ workers: 2, ufs: bucket.ufs, fuse: FUSE_AVAILABLE });
    client = await cluster.client();
  }, 60_000);
  afterAll(async () => {
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  const read = async (key: string): Promise<Buffer> => {
    const handle = await client.openFile(pathOf(key));
    const into = Buffer.alloc(1000);
    const count = await handle.read(0, into);
    handle.close();
    return into.subarray(0, count);
  };

  it('gives each object its own bytes through the client library, cold and warm', async () => {
    for (let round = 0; round < 2; round++) for (const key of [...SHOWN, ...HIDDEN]) expect([key, (await read(key)).toString()]).toEqual([key, bytesOf(key).toString()]);
    await expect(read('a')).rejects.toMatchObject({ code: 'IsADirectory' });
    await expect(read('a/b/c')).rejects.toMatchObject({ code: 'PathNotFound' });
  });

  it('gives each object its own bytes on the command line, by path and by URI', async () => {
    const names = [...SHOWN, ...HIDDEN].map((key) => ({ key, printed: key.replaceAll('\n', '\\x0a') }));
    const arguments_ = [
      ...names.map(({ key, printed }) => ({ key, name: pathOf(printed) })),
      ...names.slice(6, 10).map(({ key, printed }) => ({ key, name: `s3://bucket/${printed}` })),
    ];
    const pending = [...arguments_];
    const outputs = new Map<string, string>();
    const run = async (): Promise<void> => {
      for (let next = pending.pop(); next !== undefined; next = pending.pop()) outputs.set(next.name, (await cluster.cli('fs', 'cat', next.name)).stdout);
    };
    await Promise.all([run(), run(), run()]);
    for (const { key, name } of arguments_) expect([name, outputs.get(name)]).toEqual([name, bytesOf(key).toString()]);
    const directory = await cluster.cli('fs', 'cat', '/data/a');
    expect([directory.code, directory.stderr]).toEqual([66, expect.stringMatching(/^alluxio: .*directory.*\n$/)]);
  }, 120_000);

  it('lists what POSIX can show and counts the rest', async () => {
    const root = await client.list('/data');
    expect(root.entries.map((entry) => [entry.path, entry.type])).toEqual(
      [['/data/a', 'directory'], ['/data/dir', 'directory'], ...['é', 'e\u0301', 'space here', 'plus+percent%2F', 'new\nline'].map((key) => [pathOf(key), 'file'])].toSorted(
        (x, y) => Buffer.compare(Buffer.from(x[0]!), Buffer.from(y[0]!)),
      ),
    );
    // `a` (a directory wins), `..`, the empty first segment of `/lead`, the name of 256 bytes.
    expect(root.hidden).toBe(4);
    const inner = await client.list('/data/a');
    expect(inner.entries.map((entry) => entry.path)).toEqual(['/data/a/b']);
    // `a//b`, `a/./b`, `a/../b`, and `a/`, which has bytes.
    expect(inner.hidden).toBeGreaterThanOrEqual(3);
    expect((await client.list('/data/dir')).entries.map((entry) => entry.path)).toEqual(['/data/dir/in']);
  });

  (FUSE_AVAILABLE ? it : it.skip)('shows through the mount exactly what POSIX can hold, each with its own bytes', async () => {
    const mount = join(cluster.mount, 'data');
    expect((await readdir(mount)).toSorted()).toEqual(['a', 'dir', 'é', 'e\u0301', 'space here', 'plus+percent%2F', 'new\nline'].toSorted());
    expect(await readdir(join(mount, 'a'))).toEqual(['b']);
    for (const key of SHOWN) expect([key, (await readFile(`${mount}/${key}`)).toString()]).toEqual([key, bytesOf(key).toString()]);
    expect((await stat(join(mount, 'a'))).isDirectory()).toBe(true);
    await expect(readFile(join(mount, 'lead'))).rejects.toThrow(/ENOENT/);
    await expect(readFile(join(mount, 'x'.repeat(256)))).rejects.toThrow(/ENAMETOOLONG/);
  });
});
