// Renders proto/ring-vectors.json: what every implementation of the ring, in any language, must answer.
import { createHash } from 'node:crypto';
import { buildRing, pathHash, type RingWorker } from '../../common/hash/ring.ts';

/** Deterministic uuids. */
const uuidOf = (seed: string): string =>
  createHash('sha256')
    .update(seed)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
const equal = (name: string, count: number, vnodes: number): RingWorker[] => Array.from({ length: count }, (_, i) => ({ uuid: uuidOf(`${name}/${i}`), vnodes }));

const PATHS: readonly string[] = [
  '/data/a',
  '/data/train/0.jpg',
  '/data/train/1.jpg',
  '/data/a//b',
  '/data/a/./b',
  '/data/a b\n',
  '/data/\u00e9',
  '/data/e\u0301',
  '/data/日本/😀.bin',
  `/data/${'d/'.repeat(50)}leaf`,
  ...Array.from({ length: 20 }, (_, i) => `/data/shard-${String(i).padStart(5, '0')}.tar`),
];

const CASES: readonly { readonly vnodes: number; readonly workers: readonly RingWorker[]; readonly paths: readonly string[] }[] = [
  { vnodes: 2000, workers: equal('one', 1, 2000), paths: PATHS.slice(0, 3) },
  { vnodes: 1, workers: equal('sparse', 5, 1), paths: PATHS },
  { vnodes: 2000, workers: equal('three', 3, 2000), paths: PATHS },
  { vnodes: 100, workers: equal('many', 25, 100), paths: PATHS },
  { vnodes: 2000, workers: [1, 500, 2000, 8000].map((vnodes, i) => ({ uuid: uuidOf(`weighted/${i}`), vnodes })), paths: PATHS },
];

export function ringVectors(): string {
  const cases = CASES.map(({ vnodes, workers, paths }) => {
    const ring = buildRing(workers, 1);
    const lookups = paths.map((path) => {
      const { high, low } = pathHash(path);
      return { path, owners: ring.replicas(high, low, Math.min(5, workers.length)) };
    });
    return { vnodes, workers, lookups };
  });
  const lines = cases.map(({ vnodes, workers, lookups }) =>
    [
      `{"vnodes":${vnodes},"workers":[`,
      workers.map((worker) => JSON.stringify(worker)).join(',\n'),
      '],"lookups":[',
      lookups.map((lookup) => JSON.stringify(lookup)).join(',\n'),
      ']}',
    ].join('\n'),
  );
  return `{"cases":[\n${lines.join(',\n')}\n]}\n`;
}
