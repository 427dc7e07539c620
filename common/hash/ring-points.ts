// Sorted points of a ring as parallel typed arrays, and the prefix table that finds a place in them. Owns order; knows nothing of paths.
import { CacheError } from '../errors/index.ts';
import { xxh64 } from './index.ts';

/** Points in ring order: by 64-bit hash, equal hashes by the owner's uuid. */
export interface Points {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  /** Index of the owner in the ring's list of workers. */
  readonly owner: Uint32Array;
}

export const emptyPoints = (count: number): Points => ({ high: new Uint32Array(count), low: new Uint32Array(count), owner: new Uint32Array(count) });

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function uuidBytes(uuid: string): Buffer {
  if (!UUID.test(uuid)) throw new CacheError('InvalidArgument', `'${uuid}' is not a UUID in canonical form.`, { context: { field: 'uuid', value: uuid } });
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** Hashes of the `vnodes` points of a worker in no order, written to `into` from `at`: xxh64(uuid as 16 bytes ‖ i as u32 LE). */
export function writePoints(uuid: string, vnodes: number, into: Points, place: { readonly at: number; readonly owner: number }): void {
  const message = Buffer.concat([uuidBytes(uuid), Buffer.alloc(4)]);
  for (let i = 0; i < vnodes; i++) {
    message.writeUInt32LE(i, 16);
    const hash = xxh64(message);
    into.high[place.at + i] = Number(hash >> 32n);
    into.low[place.at + i] = Number(hash & 0xffffffffn);
    into.owner[place.at + i] = place.owner;
  }
}

/** Bits of the prefix table: about one point per entry. */
export const prefixBits = (points: number): number => Math.min(24, Math.max(4, Math.ceil(Math.log2(points + 1))));

/** table[p] = number of points whose prefix is less than p; one entry more than there are prefixes. */
export function prefixTable(high: Uint32Array, bits: number): Uint32Array {
  const table = new Uint32Array(2 ** bits + 1);
  const shift = 32 - bits;
  for (let i = 0; i < high.length; i++) table[(high[i]! >>> shift) + 1]!++;
  for (let prefix = 1; prefix < table.length; prefix++) table[prefix]! += table[prefix - 1]!;
  return table;
}

/** Whether point a of `left` comes before point b of `right`. */
// eslint-disable-next-line eslint/max-params -- innermost comparison of build and merge: an object per call would cost more than the call
function precedes(left: Points, a: number, right: Points, b: number, uuids: readonly string[]): boolean {
  if (left.high[a] !== right.high[b]) return left.high[a]! < right.high[b]!;
  if (left.low[a] !== right.low[b]) return left.low[a]! < right.low[b]!;
  return uuids[left.owner[a]!]! < uuids[right.owner[b]!]!;
}

/** Sorts by counting prefixes, then by insertion inside each: hashes are uniform, so a prefix holds about one point. */
export function sortedPoints(unsorted: Points, uuids: readonly string[]): Points {
  const count = unsorted.high.length;
  const bits = prefixBits(count);
  const shift = 32 - bits;
  const next = prefixTable(unsorted.high, bits);
  const starts = next.slice();
  const sorted = emptyPoints(count);
  for (let i = 0; i < count; i++) {
    const prefix = unsorted.high[i]! >>> shift;
    const first = starts[prefix]!;
    let at = next[prefix]!++;
    for (; at > first && precedes(unsorted, i, sorted, at - 1, uuids); at--) {
      sorted.high[at] = sorted.high[at - 1]!;
      sorted.low[at] = sorted.low[at - 1]!;
      sorted.owner[at] = sorted.owner[at - 1]!;
    }
    sorted.high[at] = unsorted.high[i]!;
    sorted.low[at] = unsorted.low[i]!;
    sorted.owner[at] = unsorted.owner[i]!;
  }
  return sorted;
}

/** Both sorted; `added` is much the smaller, so runs of `base` are copied whole between its points. */
export function mergePoints(base: Points, added: Points, uuids: readonly string[]): Points {
  const merged = emptyPoints(base.high.length + added.high.length);
  let from = 0;
  let at = 0;
  const copyUntil = (end: number): void => {
    merged.high.set(base.high.subarray(from, end), at);
    merged.low.set(base.low.subarray(from, end), at);
    merged.owner.set(base.owner.subarray(from, end), at);
    at += end - from;
    from = end;
  };
  for (let i = 0; i < added.high.length; i++) {
    copyUntil(firstNotBefore(base, added, i, uuids));
    merged.high[at] = added.high[i]!;
    merged.low[at] = added.low[i]!;
    merged.owner[at] = added.owner[i]!;
    at++;
  }
  copyUntil(base.high.length);
  return merged;
}

/** Index of the first point of `base` that point i of `added` precedes. */
function firstNotBefore(base: Points, added: Points, i: number, uuids: readonly string[]): number {
  let low = 0;
  let high = base.high.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (precedes(base, middle, added, i, uuids)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Without one owner's points; later owners move down by one index. */
export function pointsWithout(base: Points, owner: number, vnodes: number): Points {
  const rest = emptyPoints(base.high.length - vnodes);
  let at = 0;
  for (let i = 0; i < base.high.length; i++) {
    const other = base.owner[i]!;
    if (other === owner) continue;
    rest.high[at] = base.high[i]!;
    rest.low[at] = base.low[i]!;
    rest.owner[at++] = other > owner ? other - 1 : other;
  }
  return rest;
}
