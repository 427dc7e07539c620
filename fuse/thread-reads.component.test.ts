import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { patternBytes } from '../worker/testing/node-fixture.ts';
import { eventually } from './testing/child.ts';
import { LocalWorkers, PAGE_BYTES } from './testing/local-workers.ts';
import { mountObstacle } from './testing/mounted-fuse.ts';

const obstacle = mountObstacle();
const suite = obstacle === undefined ? describe : describe.skip;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

suite(`serve threads that read by themselves${obstacle === undefined ? '' : ` (skipped: ${obstacle})`}`, () => {
  const big = patternBytes(PAGE_BYTES * 5 + 1000, 1);
  const small = patternBytes(10_000, 2);
  let workers: LocalWorkers;
  afterEach(() => workers.stop());
  const start = async (isCoLocated: boolean, daemon: Parameters<typeof LocalWorkers.start>[2] = {}): Promise<void> => {
    workers = await LocalWorkers.start({ 'big.bin': big, 'dir/small.bin': small, empty: new Uint8Array() }, isCoLocated, daemon);
  };
  const source = (name: string): Promise<number> => workers.metric('alluxio_fuse_thread_reads_total', `source="${name}"`);
  /** Reads past the kernel's page cache, which a new open keeps. */
  const readFresh = async (key: string, offset: number, length: number): Promise<Buffer> => {
    await dropPages();
    const file = await open(workers.path(key));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    await file.close();
    return buffer.subarray(0, bytesRead);
  };
  const dropPages = async (): Promise<void> => {
    const { writeFile } = await import('node:fs/promises');
    await writeFile('/proc/sys/vm/drop_caches', '1');
  };

  it('a complete file of a worker on this host is read through its descriptor, and still is after its pages were freed', async () => {
    await start(true);
    expect(sha256(await readFile(workers.path('big.bin')))).toBe(sha256(big));
    await eventually(async () => {
      expect((await readFresh('big.bin', PAGE_BYTES - 100, 50_000)).equals(big.subarray(PAGE_BYTES - 100, PAGE_BYTES + 49_900))).toBe(true);
      return (await source('local')) > 0;
    });
    expect(await workers.metric('alluxio_fuse_local_descriptors')).toBe(1);
    const { fileId } = (await workers.client.status('/data/big.bin'))!;
    await workers.free(Buffer.from(fileId, 'hex'));
    const before = await source('local');
    expect((await readFresh('big.bin', 3 * PAGE_BYTES, 1000)).equals(big.subarray(3 * PAGE_BYTES, 3 * PAGE_BYTES + 1000))).toBe(true);
    expect(await source('local')).toBeGreaterThan(before);
  });

  it('small cached reads of a worker elsewhere go over the thread’s own connection, across page borders too', async () => {
    await start(false, { readAheadBytes: 0 });
    expect(sha256(await readFile(workers.path('big.bin')))).toBe(sha256(big));
    const { reads } = workers.ufs;
    await eventually(async () => {
      const from = PAGE_BYTES * 2 - 5000;
      expect((await readFresh('big.bin', from, 9000)).equals(big.subarray(from, from + 9000))).toBe(true);
      return (await source('worker')) > 0;
    });
    expect(await source('local')).toBe(0);
    expect(workers.ufs.reads).toBe(reads);
  });

  it('without descriptors a co-located worker is read over its socket, and what is not cached comes through the main thread', async () => {
    await start(true, { handOver: false });
    expect((await readFile(workers.path('dir/small.bin'))).equals(small)).toBe(true);
    expect((await readFile(workers.path('empty'))).length).toBe(0);
    expect(await workers.metric('alluxio_fuse_read_bytes_total', 'source="client"')).toBeGreaterThanOrEqual(small.length);
    await eventually(async () => {
      expect((await readFresh('dir/small.bin', 0, 10_000)).equals(small)).toBe(true);
      return (await source('worker')) > 0;
    });
    expect(await source('local')).toBe(0);
  });
});
