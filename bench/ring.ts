// The ring: look-ups from a hash and from a path, building, merging, and how evenly it spreads keys.
import { randomFillSync } from 'node:crypto';
import { buildRing, type HashRing, pathHash, type RingWorker } from '../common/hash/ring.ts';
import { type BenchRow, goalRow, median } from './row.ts';

const ROUNDS = 7;
const uuid = (): string =>
  randomFillSync(Buffer.alloc(16))
    .toString('hex')
    .replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
const workersOf = (count: number, vnodes = 2000): RingWorker[] => Array.from({ length: count }, () => ({ uuid: uuid(), vnodes }));

function rounds(measure: () => number): number[] {
  measure(); // the compiler's round
  return Array.from({ length: ROUNDS }, measure);
}
const milliseconds = (work: () => unknown): number => {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
};

function lookupsPerSecond(ring: HashRing): number {
  const count = 4_000_000;
  const hashes = randomFillSync(new Uint32Array(2 * 65_536));
  let found = 0;
  const ms = milliseconds(() => {
    for (let i = 0; i < count; i++) {
      const at = (i & 0xffff) * 2;
      if (ring.owner(hashes[at]!, hashes[at + 1]!) !== undefined) found++;
    }
  });
  return (found / ms) * 1000;
}

function pathLookupsPerSecond(ring: HashRing): number {
  const count = 1_000_000;
  // Flat strings, as they come from a request: concatenated ones would be flattened inside the loop.
  const paths = Array.from({ length: 65_536 }, (_, i) => Buffer.from(`/data/imagenet/train/n${String(i % 1000).padStart(8, '0')}/image-${i}.jpg`).toString());
  let found = 0;
  const ms = milliseconds(() => {
    for (let i = 0; i < count; i++) {
      const { high, low } = pathHash(paths[i & 0xffff]!);
      if (ring.owner(high, low) !== undefined) found++;
    }
  });
  return (found / ms) * 1000;
}

/** Largest load of a worker over the mean. @param keys paths drawn; 0: by the owned part of the hash space, which needs no sample */
function imbalance(workers: readonly RingWorker[], keys: number): number {
  const ring = buildRing(workers, 1);
  if (keys === 0) return Math.max(...ring.shares().values()) * workers.length;
  const load = new Map<string, number>();
  for (let i = 0; i < keys; i++) {
    const { high, low } = pathHash(`/data/object-${i}`);
    const owner = ring.owner(high, low)!;
    load.set(owner, (load.get(owner) ?? 0) + 1);
  }
  return (Math.max(...load.values()) * workers.length) / keys;
}

export async function* run(): AsyncIterable<BenchRow> {
  const [hundred, thousand] = [workersOf(100), workersOf(1000)];
  const [small, large] = [buildRing(hundred, 1), buildRing(thousand, 1)];
  const perSecond = (goal: number, what: string) => ({ value: goal, note: `goal ≥ ${goal / 1e6} M/s, ${what}` });
  yield goalRow(
    'owner from a hash, 100 workers',
    'look-ups/s',
    rounds(() => lookupsPerSecond(small)),
    perSecond(5e6, '2000 vnodes each'),
  );
  yield goalRow(
    'owner from a hash, 1000 workers',
    'look-ups/s',
    rounds(() => lookupsPerSecond(large)),
    perSecond(5e6, '2000 vnodes each'),
  );
  yield goalRow(
    'owner from a path, 100 workers',
    'look-ups/s',
    rounds(() => pathLookupsPerSecond(small)),
    perSecond(1e6, 'paths of 51 bytes'),
  );
  yield goalRow(
    'owner from a path, 1000 workers',
    'look-ups/s',
    rounds(() => pathLookupsPerSecond(large)),
    perSecond(1e6, 'paths of 51 bytes'),
  );
  const build = rounds(() => milliseconds(() => buildRing(thousand, 2)));
  yield goalRow('build 1000 workers × 2000 vnodes', 'ms', build, { value: 1000, note: 'goal < 1000 ms' });
  yield goalRow(
    'merge one worker into 1000',
    'ms',
    rounds(() => milliseconds(() => large.withWorker({ uuid: uuid(), vnodes: 2000 }, 2))),
    { value: 50, note: 'goal < 50 ms' },
  );
  yield goalRow(
    'remove one worker of 1000',
    'ms',
    rounds(() => milliseconds(() => large.withoutWorker(thousand[500]!.uuid, 2))),
    { value: 50, note: 'as for a merge' },
  );
  const goal = 'goal ≤ 1.08';
  yield goalRow(
    'max/mean load, 100 workers, 2 M paths',
    'ratio',
    Array.from({ length: 5 }, () => imbalance(workersOf(100), 2_000_000)),
    { value: 1.08, note: `${goal}; median of 5 clusters` },
  );
  const clusters = Array.from({ length: 51 }, () => imbalance(workersOf(100), 0));
  const worst = Math.max(...clusters).toFixed(3);
  yield {
    name: 'max/mean owned part of the ring, 100 workers',
    value: median(clusters),
    unit: 'ratio',
    baseline: 1.08,
    ratio: median(clusters) / 1.08,
    note: `${goal}; median of 51 clusters, worst ${worst}`,
  };
}
