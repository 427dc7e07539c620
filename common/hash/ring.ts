// The ring: who owns which part of the hash space. Immutable; a change builds a new ring by merge. The rules are shared with other
// languages through proto/ring-vectors.json. It decides efficiency only: any worker can serve any page.
import type { ByteName } from '../api/index.ts';
import { CacheError } from '../errors/index.ts';
import { encodeName } from '../namespace/index.ts';
import { type Hash64, xxh64Halves } from './index.ts';
import { emptyPoints, mergePoints, type Points, pointsWithout, prefixBits, prefixTable, sortedPoints, writePoints } from './ring-points.ts';

export interface RingWorker {
  /** Canonical form, lower case. */
  readonly uuid: string;
  /** Points on the ring, at least 1. */
  readonly vnodes: number;
}

export const VNODES_DEFAULT = 2000;
export const VNODES_MAX = 20_000;
const TIB = 2 ** 40;

/** Points by capacity: 2000 per TiB of page store, between 1 and 20000. */
export const capacityVnodes = (bytes: number): number => Math.min(VNODES_MAX, Math.max(1, Math.round((VNODES_DEFAULT * bytes) / TIB)));

/** Where a path lies on the ring: xxh64 of its bytes. */
export const pathHash = (path: ByteName): Hash64 => xxh64Halves(encodeName(path));

export class HashRing {
  /** Of the membership view that the ring was built from; not interpreted. */
  readonly version: number;
  readonly workers: readonly RingWorker[];
  readonly #points: Points;
  readonly #table: Uint32Array;
  readonly #shift: number;

  /** Use `buildRing`. @param points sorted, owners are indexes into `workers` */
  constructor(workers: readonly RingWorker[], points: Points, version: number) {
    this.workers = workers;
    this.version = version;
    this.#points = points;
    const bits = prefixBits(points.high.length);
    this.#shift = 32 - bits;
    this.#table = prefixTable(points.high, bits);
  }

  /** Workers on the ring. */
  get size(): number {
    return this.workers.length;
  }

  /** Points of all workers. */
  get pointCount(): number {
    return this.#points.high.length;
  }

  /** uuid of the first worker at or after the hash; undefined on an empty ring. */
  owner(high: number, low: number): string | undefined {
    const at = this.#firstPoint(high, low);
    return at < 0 ? undefined : this.workers[this.#points.owner[at]!]!.uuid;
  }

  /** The owner and the next distinct workers clockwise, at most `count` and at most all of them. */
  replicas(high: number, low: number, count: number): string[] {
    const found: number[] = [];
    const wanted = Math.min(count, this.workers.length);
    const { owner } = this.#points;
    let at = this.#firstPoint(high, low);
    while (found.length < wanted) {
      const candidate = owner[at]!;
      if (!found.includes(candidate)) found.push(candidate);
      if (++at === owner.length) at = 0;
    }
    return found.map((index) => this.workers[index]!.uuid);
  }

  /** With one worker more (or with other vnodes): only keys that it takes over move. */
  withWorker(worker: RingWorker, version: number): HashRing {
    const base = this.withoutWorker(worker.uuid, version);
    checkVnodes(worker);
    const workers = [...base.workers, { uuid: worker.uuid, vnodes: worker.vnodes }];
    const uuids = workers.map((w) => w.uuid);
    const added = emptyPoints(worker.vnodes);
    writePoints(worker.uuid, worker.vnodes, added, { at: 0, owner: workers.length - 1 });
    return new HashRing(workers, mergePoints(base.#points, sortedPoints(added, uuids), uuids), version);
  }

  /** Without a worker; the same points when it was not there. */
  withoutWorker(uuid: string, version: number): HashRing {
    const index = this.workers.findIndex((w) => w.uuid === uuid);
    if (index < 0) return version === this.version ? this : new HashRing(this.workers, this.#points, version);
    return new HashRing(this.workers.toSpliced(index, 1), pointsWithout(this.#points, index, this.workers[index]!.vnodes), version);
  }

  /** Part of the hash space that each worker owns, by uuid; the parts add up to 1. */
  shares(): Map<string, number> {
    const { high, low, owner } = this.#points;
    const owned = new Float64Array(this.workers.length);
    const position = (i: number): number => high[i]! + low[i]! / 2 ** 32;
    for (let i = 0; i < owner.length; i++) {
      const before = i === 0 ? position(owner.length - 1) - 2 ** 32 : position(i - 1);
      owned[owner[i]!]! += owner.length === 1 ? 2 ** 32 : position(i) - before;
    }
    return new Map(this.workers.map((worker, index) => [worker.uuid, owned[index]! / 2 ** 32]));
  }

  /** Index of the first point ≥ the hash, wrapping; -1 on an empty ring. */
  #firstPoint(high: number, low: number): number {
    const points = this.#points;
    const count = points.high.length;
    // The first point at or after the hash's prefix; from there about one step.
    let at = this.#table[high >>> this.#shift]!;
    while (at < count && (points.high[at]! < high || (points.high[at]! === high && points.low[at]! < low))) at++;
    if (at < count) return at;
    return count === 0 ? -1 : 0;
  }
}

function checkVnodes(worker: RingWorker): void {
  if (Number.isInteger(worker.vnodes) && worker.vnodes >= 1 && worker.vnodes <= VNODES_MAX) return;
  throw new CacheError('InvalidArgument', `A worker has 1 to ${VNODES_MAX} points on the ring, not ${worker.vnodes}.`, {
    context: { field: 'vnodes', value: worker.vnodes, workerId: worker.uuid },
  });
}

/** @throws InvalidArgument for a malformed or repeated uuid, or vnodes outside 1 … 20000 */
export function buildRing(workers: readonly RingWorker[], version: number): HashRing {
  const uuids = workers.map((worker) => worker.uuid);
  if (new Set(uuids).size !== uuids.length) throw new CacheError('InvalidArgument', 'A worker is twice on the ring.', { context: { field: 'uuid' } });
  for (const worker of workers) checkVnodes(worker);
  const points = emptyPoints(workers.reduce((sum, worker) => sum + worker.vnodes, 0));
  let at = 0;
  for (const [owner, worker] of workers.entries()) {
    writePoints(worker.uuid, worker.vnodes, points, { at, owner });
    at += worker.vnodes;
  }
  return new HashRing(
    workers.map(({ uuid, vnodes }) => ({ uuid, vnodes })),
    sortedPoints(points, uuids),
    version,
  );
}
