import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { xxh64 } from './index.ts';
import { buildRing, capacityVnodes, type HashRing, pathHash, type RingWorker } from './ring.ts';

/** Worker i of a test: uuids spread over the whole range. */
const uuidOf = (i: number): string => {
  const hex = (
    xxh64(Buffer.from(`worker ${i}`))
      .toString(16)
      .padStart(16, '0') +
    xxh64(Buffer.from(`reworker ${i}`))
      .toString(16)
      .padStart(16, '0')
  ).slice(0, 32);
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
};
const workersOf = (count: number, vnodes = 2000): RingWorker[] => Array.from({ length: count }, (_, i) => ({ uuid: uuidOf(i), vnodes }));

/** The rules told once more, by bigint and sorting, sharing only xxh64 with the product. */
function naiveOwners(workers: readonly RingWorker[], path: string): string[] {
  const points = workers.flatMap(({ uuid, vnodes }) =>
    Array.from({ length: vnodes }, (_, i) => {
      const index = Buffer.alloc(4);
      index.writeUInt32LE(i);
      return { hash: xxh64(Buffer.concat([Buffer.from(uuid.replaceAll('-', ''), 'hex'), index])), uuid };
    }),
  );
  points.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.uuid < b.uuid ? -1 : 1));
  const key = xxh64(Buffer.from(path));
  const first = points.findIndex((point) => point.hash >= key);
  const from = first < 0 ? 0 : first;
  return [...new Set([...points.slice(from), ...points.slice(0, from)].map((point) => point.uuid))];
}

const ownersOf = (ring: HashRing, path: string, count: number): string[] => {
  const { high, low } = pathHash(path);
  return ring.replicas(high, low, count);
};
const ownerOf = (ring: HashRing, path: string): string | undefined => {
  const { high, low } = pathHash(path);
  return ring.owner(high, low);
};

interface VectorFile {
  readonly cases: readonly {
    readonly vnodes: number;
    readonly workers: readonly RingWorker[];
    readonly lookups: readonly { readonly path: string; readonly owners: readonly string[] }[];
  }[];
}
const vectors = JSON.parse(readFileSync(new URL('../../proto/ring-vectors.json', import.meta.url), 'utf8')) as VectorFile;

describe('proto/ring-vectors.json', () => {
  it.each(vectors.cases.map((c, i) => [i, c] as const))('case %i is what the ring says, and what its rules say when told naively', (_, { workers, lookups }) => {
    const ring = buildRing(workers, 1);
    for (const { path, owners } of lookups) {
      expect(ownersOf(ring, path, owners.length)).toEqual(owners);
      expect(naiveOwners(workers, path).slice(0, owners.length)).toEqual(owners);
    }
  });
  it('covers one worker, unlike vnodes, every replica, and paths of many bytes', () => {
    const lookups = vectors.cases.flatMap((c) => c.lookups.map((lookup) => ({ workers: c.workers, ...lookup })));
    expect(vectors.cases.some((c) => c.workers.length === 1)).toBe(true);
    expect(vectors.cases.some((c) => new Set(c.workers.map((w) => w.vnodes)).size > 1)).toBe(true);
    expect(lookups.some((l) => l.owners.length === l.workers.length && l.workers.length > 2)).toBe(true);
    expect(lookups.some((l) => Buffer.byteLength(l.path) > l.path.length)).toBe(true);
  });
});

describe('membership', () => {
  it('one worker more than N takes at most 1.1/(N+1) of the keys, and no key moves to anyone else', () => {
    const keys = 30_000;
    for (const count of [3, 10, 30]) {
      const before = buildRing(workersOf(count), 1);
      const added = { uuid: uuidOf(1000), vnodes: 2000 };
      const after = before.withWorker(added, 2);
      let moved = 0;
      for (let i = 0; i < keys; i++) {
        const [was, is] = [ownerOf(before, `/data/${i}`), ownerOf(after, `/data/${i}`)];
        if (was === is) continue;
        moved++;
        if (is !== added.uuid) expect(is).toBe(added.uuid);
      }
      expect(moved).toBeGreaterThan(0);
      expect(moved / keys).toBeLessThanOrEqual(1.1 / (count + 1));
    }
  });

  it('a worker that leaves gives its keys to their first replica, and nobody else’s keys move', () => {
    const before = buildRing(workersOf(5, 200), 1);
    const after = before.withoutWorker(uuidOf(2), 2);
    for (let i = 0; i < 3000; i++) {
      const [owner, replica] = ownersOf(before, `/data/${i}`, 2);
      const expected = owner === uuidOf(2) ? replica : owner;
      if (ownerOf(after, `/data/${i}`) !== expected) expect(ownerOf(after, `/data/${i}`)).toBe(expected);
    }
  });

  it('static mode is the list: an offline worker that stays on it keeps its keys', () => {
    const registered = buildRing(workersOf(4, 200), 1);
    const online = registered.withoutWorker(uuidOf(1), 2);
    const keys = Array.from({ length: 1000 }, (_, i) => `/data/${i}`);
    expect(keys.filter((key) => ownerOf(registered, key) === uuidOf(1)).length).toBeGreaterThan(100);
    expect(keys.some((key) => ownerOf(online, key) === uuidOf(1))).toBe(false);
  });

  it('any order of joins, leaves and re-weightings ends in the ring that is built at once (model, seed 41)', () => {
    let seed = 41;
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    const members = new Map<string, RingWorker>();
    let ring = buildRing([], 0);
    for (let step = 1; step <= 400; step++) {
      const uuid = uuidOf(random(12));
      if (random(3) === 0) {
        members.delete(uuid);
        ring = ring.withoutWorker(uuid, step);
      } else {
        const worker = { uuid, vnodes: 1 + random(40) };
        members.set(uuid, worker);
        ring = ring.withWorker(worker, step);
      }
      const path = `/p/${random(1000)}`;
      const naive = naiveOwners([...members.values()], path);
      expect({ step, owners: ownersOf(ring, path, 20) }).toEqual({ step, owners: naive });
      expect(ownerOf(ring, path)).toBe(naive[0]);
      expect([ring.version, ring.size]).toEqual([step, members.size]);
    }
  });

  it('a new ring leaves the old one as it was', () => {
    const before = buildRing(workersOf(3, 50), 1);
    const owners = Array.from({ length: 500 }, (_, i) => ownerOf(before, `/${i}`));
    before.withWorker({ uuid: uuidOf(9), vnodes: 500 }, 2);
    before.withoutWorker(uuidOf(0), 3);
    expect(Array.from({ length: 500 }, (_, i) => ownerOf(before, `/${i}`))).toEqual(owners);
    expect([before.version, before.size, before.pointCount]).toEqual([1, 3, 150]);
  });
});

describe('points', () => {
  it('the whole hash space has an owner, both ends included, and the shares add up to one', () => {
    const ring = buildRing(workersOf(7, 100), 1);
    for (const [high, low] of [
      [0, 0],
      [0xffffffff, 0xffffffff],
      [0x80000000, 0],
    ] as const)
      expect(ring.owner(high, low)).toBeDefined();
    expect(ring.owner(0xffffffff, 0xffffffff)).toBe(ring.owner(0, 0));
    const shares = [...ring.shares().values()];
    expect(shares).toHaveLength(7);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    expect([...buildRing(workersOf(1, 1), 1).shares().values()]).toEqual([1]);
  });

  it('a key on a point belongs to that point’s worker', () => {
    const ring = buildRing(workersOf(3, 20), 1);
    for (const { uuid } of workersOf(3)) {
      const hash = xxh64(Buffer.concat([Buffer.from(uuid.replaceAll('-', ''), 'hex'), Buffer.from([5, 0, 0, 0])]));
      expect(ring.owner(Number(hash >> 32n), Number(hash & 0xffffffffn))).toBe(uuid);
    }
  });

  it('replicas are distinct and never more than there are workers', () => {
    const ring = buildRing(workersOf(3, 500), 1);
    for (let i = 0; i < 200; i++) {
      const owners = ownersOf(ring, `/${i}`, 10);
      expect(new Set(owners).size).toBe(3);
      expect(ownersOf(ring, `/${i}`, 1)).toEqual([ownerOf(ring, `/${i}`)]);
    }
    expect(ownersOf(buildRing([], 1), '/a', 3)).toEqual([]);
    expect(ownerOf(buildRing([], 1), '/a')).toBeUndefined();
  });

  it('refuses repeated or malformed uuids and vnodes out of range', () => {
    const [worker] = workersOf(1) as [RingWorker];
    expect(() => buildRing([worker, worker], 1)).toThrow('twice on the ring');
    expect(() => buildRing([{ ...worker, uuid: 'worker-1' }], 1)).toThrow('not a UUID');
    for (const vnodes of [0, -1, 1.5, 20_001]) expect(() => buildRing([{ ...worker, vnodes }], 1)).toThrow('1 to 20000 points');
  });

  it('capacity gives 2000 points per TiB, between 1 and 20000', () => {
    expect([0, 2 ** 29, 2 ** 39, 2 ** 40, 3 * 2 ** 40, 2 ** 50].map(capacityVnodes)).toEqual([1, 1, 1000, 2000, 6000, 20_000]);
  });

  it('load follows capacity', () => {
    const ring = buildRing([{ uuid: uuidOf(0), vnodes: 4000 }, ...workersOf(3).slice(1)], 1);
    expect(ring.shares().get(uuidOf(0))).toBeGreaterThan(0.45);
    expect(ring.shares().get(uuidOf(0))).toBeLessThan(0.55);
  });
});
