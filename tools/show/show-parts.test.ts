import { describe, expect, it } from '@jest/globals';
import { BLOCK_BYTES, blocksOf, contentsOf, type DatasetFile, datasetFiles, shuffled } from './dataset.ts';
import { epoch, type Reader } from './reader.ts';
import { bar, createScreen, rate } from './screen.ts';
import { hitShare, metricSum } from './worker-metrics.ts';

/** Serves contents from memory, changed as the test wants. */
const memoryReader = (files: ReadonlyMap<string, Buffer>): Reader => ({
  description: 'from memory',
  open: (name) => {
    const bytes = files.get(name);
    if (bytes === undefined) return Promise.reject(new Error('ENOENT'));
    return Promise.resolve({ read: (offset, into) => Promise.resolve(bytes.copy(into, 0, offset, offset + into.length)), close: () => Promise.resolve() });
  },
});
const small = (): DatasetFile[] =>
  datasetFiles()
    .filter((file) => file.length <= BLOCK_BYTES + 1)
    .slice(-30);
const options = { seed: 1, streams: 3, signal: new AbortController().signal };

describe('the dataset', () => {
  it('is the same each time, with files of every awkward size', () => {
    const [a, b] = [small(), small()];
    for (const [i, file] of a.entries()) expect(contentsOf(file).equals(contentsOf(b[i]!))).toBe(true);
    expect(a.map((file) => file.checksums)).toEqual(b.map((file) => file.checksums));
    const lengths = datasetFiles().map((file) => file.length);
    for (const length of [0, 1, BLOCK_BYTES, BLOCK_BYTES + 1]) expect(lengths).toContain(length);
    expect(new Set(datasetFiles().map((file) => file.name)).size).toBe(lengths.length);
  });
  it('blocks cover a file without gap or overlap', () => {
    expect(blocksOf(0)).toEqual([]);
    expect(blocksOf(BLOCK_BYTES * 2 + 1).map(({ from, to }) => to - from)).toEqual([BLOCK_BYTES, BLOCK_BYTES, 1]);
  });
  it('an epoch’s order holds every file once', () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    expect(shuffled(items, 1)).not.toEqual(items);
    expect(shuffled(items, 1).toSorted((a, b) => a - b)).toEqual(items);
    expect(shuffled(items, 1)).not.toEqual(shuffled(items, 2));
  });
});

describe('an epoch', () => {
  const contents = (files: readonly DatasetFile[]): Map<string, Buffer> => new Map(files.map((file) => [file.name, contentsOf(file)]));

  it('finds nothing wrong in right bytes and counts them', async () => {
    const files = small();
    const result = await epoch(memoryReader(contents(files)), files, options);
    expect(result).toMatchObject({ files: files.length, bytes: files.reduce((sum, file) => sum + file.length, 0), wrong: [], errors: [] });
  });

  it('notices one changed bit, a missing byte, a byte too many and a file that is not there', async () => {
    const files = small();
    const stored = contents(files);
    const [changed, short, long, gone] = files.filter((file) => file.length > 100) as [DatasetFile, DatasetFile, DatasetFile, DatasetFile];
    stored.get(changed.name)![50]! ^= 1;
    stored.set(short.name, stored.get(short.name)!.subarray(0, -1));
    stored.set(long.name, Buffer.concat([stored.get(long.name)!, Buffer.alloc(1)]));
    stored.delete(gone.name);
    const result = await epoch(memoryReader(stored), files, options);
    expect([result.wrong.toSorted(), result.errors]).toEqual([[changed.name, short.name, long.name].toSorted(), [`${gone.name}: ENOENT`]]);
  });

  it('of unknown data takes the first reading as the truth for the next', async () => {
    const files = small();
    const stored = contents(files);
    for (const file of files) file.checksums = undefined;
    expect((await epoch(memoryReader(stored), files, options)).wrong).toEqual([]);
    const victim = files.find((file) => file.length > 100)!;
    stored.get(victim.name)![0]! ^= 1;
    expect((await epoch(memoryReader(stored), files, options)).wrong).toEqual([victim.name]);
  });
});

describe('what the screen says', () => {
  it('is counted: a claim that does not hold decides the exit code', () => {
    let text = '';
    const screen = createScreen({ write: (piece) => ((text += piece), true) });
    screen.claim(true, 'holds');
    screen.claim(false, 'does not');
    expect([screen.claims, screen.failed]).toEqual([2, 1]);
    expect(text).toBe('   ✓ holds\n   ✗ does not\n');
  });
  it('aligns tables', () => {
    let text = '';
    createScreen({ write: (piece) => ((text += piece), true) }).table([
      ['', 'cold', 'warm'],
      ['time', '10.00 s', '1.00 s'],
    ]);
    expect(text).toBe('             cold     warm\n   time   10.00 s   1.00 s\n');
  });
  it('reads counters over their labels, not those of longer names', () => {
    const page = '# TYPE a_total counter\na_total{op="x"} 3\na_total{op="y z"} 4\na_total_other 9\nb 5\n';
    expect([metricSum(page, 'a_total'), metricSum(page, 'b'), metricSum(page, 'c')]).toEqual([7, 5, 0]);
    expect(hitShare({ cachedBytes: 3, missedBytes: 1, ufsBytes: 0, storedBytes: 0 })).toBe(0.75);
    expect([hitShare({ cachedBytes: 0, missedBytes: 0, ufsBytes: 0, storedBytes: 0 }), bar(0.5, 4), rate(2 ** 21, 2)]).toEqual([0, '██░░', '1 MiB/s']);
  });
});
