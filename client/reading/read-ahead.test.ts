import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../common/async/index.ts';
import { ChunkFlag } from '../../proto/frames/layout.ts';
import { ClientCounters } from '../client-counters.ts';
import { ReadAheadMemory } from './read-ahead-memory.ts';
import { ReadAhead } from './read-ahead.ts';

const BLOCK = 4096;
const byteAt = (offset: number): number => (offset * 31 + (offset >> 8)) & 0xff;

interface Stage {
  readonly ahead: ReadAhead;
  readonly counters: ClientCounters;
  readonly memory: ReadAheadMemory;
  readonly clock: FakeClock;
  readonly fetched: { offset: number; length: number }[];
  readonly hints: { offset: number; length: number }[];
  /** Fetches that wait for `release`. */
  readonly held: (() => void)[];
}

interface StageOptions {
  readonly fileLength?: number;
  readonly windowBytesMax?: number;
  readonly bytesMax?: number;
  readonly flags?: number;
  readonly hold?: boolean;
  readonly fail?: () => boolean;
  readonly shared?: { readonly memory: ReadAheadMemory; readonly counters: ClientCounters; readonly clock: FakeClock };
}

function stage(options: StageOptions = {}): Stage {
  const clock = options.shared?.clock ?? new FakeClock();
  const counters = options.shared?.counters ?? new ClientCounters();
  const memory = options.shared?.memory ?? new ReadAheadMemory({ bufferBytes: BLOCK, bytesMax: options.bytesMax ?? 64 * BLOCK, counters, clock });
  const fetched: Stage['fetched'] = [];
  const hints: Stage['hints'] = [];
  const held: (() => void)[] = [];
  const fetch = async (offset: number, into: Uint8Array, signal: AbortSignal): Promise<number> => {
    fetched.push({ offset, length: into.length });
    if (options.hold === true) {
      await new Promise<void>((resolve, reject) => {
        held.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    }
    if (options.fail?.() === true) throw new Error('scripted');
    for (let i = 0; i < into.length; i++) into[i] = byteAt(offset + i);
    return options.flags ?? ChunkFlag.FromCache;
  };
  const hint = (offset: number, length: number): void => void hints.push({ offset, length });
  const rest = { fileLength: options.fileLength ?? 100 * BLOCK, windowBytesMax: options.windowBytesMax ?? 8 * BLOCK, fetchesMax: 8 };
  return { ahead: new ReadAhead({ ...rest, memory, counters, clock, fetch, hint }), counters, memory, clock, fetched, hints, held };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** @returns whether the read was answered from read-ahead */
async function read({ ahead }: Stage, offset: number, length: number): Promise<boolean> {
  ahead.observe(offset, length);
  const into = new Uint8Array(length);
  const taken = ahead.take(offset, into, undefined);
  ahead.advance();
  const isHit = taken !== false && (await taken);
  if (isHit) for (let i = 0; i < length; i++) if (into[i] !== byteAt(offset + i)) throw new Error(`wrong byte at ${offset + i}`);
  await settle();
  return isHit;
}

describe('read-ahead', () => {
  it('a sequential reader gets all but the first reads from buffers, each byte fetched once', async () => {
    const s = stage();
    let misses = 0;
    for (let at = 0; at < 100 * BLOCK; at += 512) if (!(await read(s, at, 512))) misses++;
    expect(misses).toBe(2);
    expect(s.counters.readAheadBytes).toBe(100 * BLOCK - 2 * 512);
    s.ahead.close();
    expect(s.counters).toMatchObject({ readAheadWastedBytes: 0, bufferedBytes: 0 });
  });

  it('the window doubles at block borders up to its bound', async () => {
    const s = stage();
    const windows = new Set<number>();
    for (let at = 0; at < 30 * BLOCK; at += 1024) {
      await read(s, at, 1024);
      windows.add(s.ahead.windowBytes / BLOCK);
    }
    expect([...windows]).toEqual([0, 1, 2, 4, 8]);
  });

  it('random readers fetch nothing ahead', async () => {
    const s = stage({ fileLength: 10_000 * BLOCK });
    let state = 1;
    for (let i = 0; i < 2000; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      await read(s, state % (9999 * BLOCK), 100);
    }
    expect(s.counters).toMatchObject({ readAheadBytes: 0, readAheadWastedBytes: 0 });
    expect(s.fetched).toEqual([]);
  });

  it('the same bytes again and again are no sequence', async () => {
    const s = stage();
    for (let i = 0; i < 20; i++) await read(s, 0, 512);
    expect(s.fetched).toEqual([]);
  });

  it('a jump drops what was ahead, counts it, and stops what is in flight', async () => {
    const s = stage({ hold: true });
    for (let i = 0; i < 2; i++) await read(s, i * 512, 512);
    expect(s.held.length).toBeGreaterThan(0);
    await read(s, 50 * BLOCK, 512);
    await settle();
    expect(s.ahead.windowBytes).toBe(0);
    expect(s.memory.heldBytes).toBe(0);
    const filled = stage();
    for (let i = 0; i < 2; i++) await read(filled, i * 512, 512);
    const ahead = filled.counters.readAheadBytes;
    await read(filled, 50 * BLOCK, 512);
    expect(filled.counters.readAheadWastedBytes).toBe(ahead);
    expect(filled.memory.heldBytes).toBe(0);
  });

  it('reads that the kernel sends out of order stay one sequence', async () => {
    const s = stage();
    const order = [0, 1, 3, 2, 4, 6, 5, 7, 9, 8];
    for (let group = 0; group < 40; group++) for (const at of order) await read(s, (group * 10 + at) * 512, 512);
    expect(s.counters.readAheadWastedBytes).toBeLessThanOrEqual(512 * 4);
    expect(s.counters.readAheadHits).toBeGreaterThan(380);
  });

  it('waits for a fetch on its way instead of fetching twice', async () => {
    const s = stage({ hold: true });
    for (let i = 0; i < 2; i++) await read(s, i * 512, 512);
    const waiting = read(s, 1024, 512);
    await settle();
    for (const release of s.held.splice(0)) release();
    expect(await waiting).toBe(true);
    const fetchedOffsets = s.fetched.map(({ offset }) => offset);
    expect(new Set(fetchedOffsets).size).toBe(fetchedOffsets.length);
  });

  it('a fetch that fails leaves the read to itself and leaks nothing', async () => {
    const s = stage({ fail: () => true });
    for (let at = 0; at < 10 * BLOCK; at += 1024) expect(await read(s, at, 1024)).toBe(false);
    expect(s.memory.heldBytes).toBe(0);
    expect(s.counters.readAheadBytes).toBe(0);
  });

  it('never asks beyond the end of the file, and a small file is not read ahead', async () => {
    const s = stage({ fileLength: 3 * BLOCK + 77 });
    for (let at = 0; at < 3 * BLOCK + 77; at += 1000) await read(s, at, Math.min(1000, 3 * BLOCK + 77 - at));
    for (const { offset, length } of s.fetched) expect(offset + length).toBeLessThanOrEqual(3 * BLOCK + 77);
    const small = stage({ fileLength: 1000 });
    await read(small, 0, 1000);
    expect(small.fetched).toEqual([]);
  });

  it('keeps its memory budget over all handles, and idle ones give theirs up', async () => {
    const first = stage({ bytesMax: 4 * BLOCK });
    const second = stage({ shared: first });
    for (let at = 0; at < 3 * BLOCK; at += 512) await read(first, at, 512);
    expect(first.memory.heldBytes).toBe(4 * BLOCK);
    for (let at = 0; at < 2 * BLOCK; at += 512) await read(second, at, 512);
    expect(second.fetched).toEqual([]);
    await first.clock.advance(5000);
    for (let at = 2 * BLOCK; at < 4 * BLOCK; at += 512) await read(second, at, 512);
    expect(second.fetched.length).toBeGreaterThan(0);
    expect(first.memory.heldBytes).toBeLessThanOrEqual(4 * BLOCK);
    for (const s of [first, second]) s.ahead.close();
    expect(first.memory.heldBytes).toBe(0);
  });

  it('lets the owner fill beyond the window of a cold reader, once each, and not of a warm one', async () => {
    const cold = stage({ flags: ChunkFlag.FromUfs });
    cold.ahead.answeredFrom(ChunkFlag.FromUfs);
    for (let at = 0; at < 60 * BLOCK; at += 1024) await read(cold, at, 1024);
    expect(cold.hints.length).toBeGreaterThan(0);
    const ends = cold.hints.map(({ offset, length }) => offset + length);
    for (let i = 1; i < cold.hints.length; i++) expect(cold.hints[i]!.offset).toBeGreaterThanOrEqual(ends[i - 1]!);
    const warm = stage();
    for (let at = 0; at < 60 * BLOCK; at += 1024) await read(warm, at, 1024);
    expect(warm.hints).toEqual([]);
  });

  it('the short last block waits for its fetch, also when it overtakes the read before it, and no byte is fetched twice', async () => {
    const fileLength = 10 * BLOCK + 1;
    const half = BLOCK / 2;
    const s = stage({ fileLength, hold: true });
    const reads: { length: number; hit: Promise<boolean> }[] = [];
    for (let at = 0; at < 10 * BLOCK - half; at += half) {
      reads.push({ length: half, hit: read(s, at, half) });
      await settle();
      // The fetches of the last two blocks stay in flight.
      if (at < 7 * BLOCK) for (const release of s.held.splice(0)) release();
      await settle();
    }
    const tail = read(s, 10 * BLOCK, 1);
    reads.push({ length: 1, hit: tail }, { length: half, hit: read(s, 10 * BLOCK - half, half) });
    for (const release of s.held.splice(0)) release();
    expect(await tail).toBe(true);
    const missed = await Promise.all(reads.map(async ({ length, hit }) => ((await hit) ? 0 : length)));
    const fetched = s.fetched.map(({ length }) => length);
    expect([...missed, ...fetched].reduce((sum, length) => sum + length, 0)).toBe(fileLength);
  });
});
