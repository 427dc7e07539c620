// The page store: reading cached pages as a data thread does, filling pages, starting with a large index. Ceilings: bench/ceiling/page-io.c on the same file system.
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { attachPageTable, type CachedFile, openPageStore, type PageStore, type PageStoreOptions } from '../cache/index.ts';
import { fileIdHex, fileIdOf } from '../common/hash/index.ts';
import { descriptorCalls, libc } from '../common/syscall/index.ts';
import { Cleanup } from './cleanup.ts';
import { nativeProgram } from './native-program.ts';
import { type Shape, writeIndex } from './page-store/index-of-records.ts';
import { type BenchRow, comparedRow, goalRow } from './row.ts';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4 * MIB;
const READ_BYTES = 4096;
const READ_ROUNDS = 15;
const READS = 200_000;
const FILL_ROUNDS = 11;
const FILL_PAGES = 32;
const START_ROUNDS = 5;

interface Ceiling {
  readonly preadLoop: (fd: number, into: bigint | number, length: number, offsets: Float64Array, count: number) => number;
  readonly fill: (path: string, bytes: Buffer, pageBytes: number, pages: number, withHash: number) => number;
}

function loadCeiling(): Ceiling {
  const library = koffi.load(nativeProgram('page-io', ['-shared', '-fPIC']));
  return {
    preadLoop: library.func('int page_pread_loop(int fd, void *into, int length, void *offsets, int count)') as Ceiling['preadLoop'],
    fill: library.func('int page_fill(str path, void *bytes, int page_bytes, int pages, int with_hash)') as Ceiling['fill'],
  };
}

function milliseconds(work: () => void): number {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}

/** Each side once per round, the order turning; the first round warms up. @returns figures per side */
function alternate(rounds: number, sides: readonly (() => number)[]): number[][] {
  const figures = sides.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < sides.length; i++) {
      const side = (round + i) % sides.length;
      figures[side]!.push(sides[side]!());
    }
  }
  return figures.map((list) => list.slice(1));
}

const optionsOf = (path: string, capacityBytes: number): PageStoreOptions => ({
  directories: [{ path, capacityBytes }],
  pageSizeBytes: PAGE_BYTES,
  evictor: 'LRU',
  clusterUid: 'bench',
  workerUuid: 'bench',
  hitRings: 1,
});

function fileOf(name: string, lengthBytes: number): CachedFile {
  const ufsUri = `s3://bucket/${name}`;
  return { fileId: fileIdOf(ufsUri, 'v1'), ufsUri, version: 'v1', lengthBytes };
}

function fill(store: PageStore, file: CachedFile, bytes: Buffer): void {
  const slot = store.admitFile(file);
  for (let page = 0; page < file.lengthBytes / PAGE_BYTES; page++) {
    const reservation = store.reserve(slot, page);
    if (typeof reservation === 'string') throw new Error(`page ${page} was refused: ${reservation}`);
    reservation.write(0, bytes);
    reservation.commit(bytes);
  }
}

/** @returns nanoseconds of one read, ours and the ceiling's two forms */
function measureReads(store: PageStore, file: CachedFile, ceiling: Ceiling): number[][] {
  const calls = descriptorCalls!;
  const block = libc!.allocate(READ_BYTES);
  const reader = attachPageTable(store.shared, 0);
  const words = randomFillSync(new Uint32Array(READS));
  const offsets = Float64Array.from(words, (word) => (word % (file.lengthBytes / READ_BYTES)) * READ_BYTES);
  const anyPin = reader.acquire(file.fileId, 0, 0, READ_BYTES);
  const fd = reader.descriptor(anyPin);
  const whole = (count: number): void => {
    if (count !== READS) throw new Error(`${READS - count} of ${READS} reads failed`);
  };
  const ours = (): void => {
    let count = 0;
    for (let i = 0; i < READS; i++) {
      const at = offsets[i]!;
      const pageIndex = Math.floor(at / PAGE_BYTES);
      const slot = reader.acquire(file.fileId, pageIndex, at - pageIndex * PAGE_BYTES, READ_BYTES);
      if (slot < 0) continue;
      if (calls.pread(reader.descriptor(slot), block.address, READ_BYTES, at) === READ_BYTES) count++;
      reader.release(slot);
    }
    whole(count);
  };
  const inC = (): void => whole(ceiling.preadLoop(fd, block.address, READ_BYTES, offsets, READS));
  const viaKoffi = (): void => {
    let count = 0;
    for (let i = 0; i < READS; i++) if (calls.pread(fd, block.address, READ_BYTES, offsets[i]!) === READ_BYTES) count++;
    whole(count);
  };
  const figures = alternate(
    READ_ROUNDS,
    [ours, inC, viaKoffi].map((work) => () => (milliseconds(work) * 1e6) / READS),
  );
  reader.release(anyPin);
  return figures;
}

interface FillRate {
  readonly mibPerSecond: number;
  /** What a page takes of the processor, the kernel's part included: of a busy machine the steadier figure. */
  readonly cpuMsPerPage: number;
}

function rateOf(work: () => void): FillRate {
  const before = process.cpuUsage();
  const ms = milliseconds(work);
  const { user, system } = process.cpuUsage(before);
  return { mibPerSecond: (FILL_PAGES * PAGE_BYTES * 1000) / MIB / ms, cpuMsPerPage: (user + system) / 1000 / FILL_PAGES };
}

/** @returns ours, C pwrite + xxh64, C pwrite */
async function measureFills(store: PageStore, root: string, ceiling: Ceiling): Promise<FillRate[][]> {
  const bytes = randomFillSync(Buffer.alloc(PAGE_BYTES));
  const path = join(root, 'ceiling');
  const figures: FillRate[][] = [[], [], []];
  const inC = (withHash: number): FillRate => {
    const rate = rateOf(() => {
      if (ceiling.fill(path, bytes, PAGE_BYTES, FILL_PAGES, withHash) !== FILL_PAGES) throw new Error('the ceiling could not write');
    });
    rmSync(path);
    return rate;
  };
  for (let round = 0; round <= FILL_ROUNDS; round++) {
    const file = fileOf(`fill-${round}`, FILL_PAGES * PAGE_BYTES);
    const sides = [(): FillRate => rateOf(() => fill(store, file, bytes)), (): FillRate => inC(1), (): FillRate => inC(0)];
    for (let i = 0; i < sides.length; i++) {
      const side = (round + i) % sides.length;
      figures[side]!.push(sides[side]!());
      if (side === 0) await store.free({ fileId: file.fileId });
    }
  }
  return figures.map((list) => list.slice(1));
}

interface Start {
  readonly openedMs: number;
  readonly servedMs: number;
  /** Processor time of all threads of the process until then: what a quiet machine would take, about. */
  readonly cpuMs: number;
  readonly isServed: boolean;
  readonly pages: number;
  readonly residentMib: number;
}

async function* startRows(root: string, name: string, shape: Shape): AsyncIterable<BenchRow> {
  const options = optionsOf(join(root, `start-${shape.files}`), 8 * 2 ** 40);
  const fileId = await writeIndex(options, shape);
  const argument = JSON.stringify({ options, fileIdHex: fileIdHex(fileId) });
  const starts = Array.from({ length: START_ROUNDS }, (): Start => {
    try {
      execFileSync(process.execPath, [fileURLToPath(new URL('./page-store/start.ts', import.meta.url)), argument], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
      throw new Error('the process ended by itself');
    } catch (error) {
      return JSON.parse((error as { stdout?: string }).stdout ?? '') as Start;
    }
  });
  if (starts.some(({ isServed, pages }) => !isServed || pages < 1_000_000)) throw new Error('not everything was restored');
  const pages = `${starts[0]!.pages.toLocaleString('en-US')} page records, ${name}`;
  yield goalRow(
    `start and serve a page: ${name}`,
    'ms',
    starts.map(({ servedMs }) => servedMs),
    { value: 1000, note: `goal < 1000 ms; ${pages}` },
  );
  yield goalRow(
    `start and serve a page, processor time: ${name}`,
    'ms',
    starts.map(({ cpuMs }) => cpuMs),
    { value: 1000, note: 'the same, free of what else runs on the machine' },
  );
  yield goalRow(
    `memory after the start: ${name}`,
    'MiB',
    starts.map(({ residentMib }) => residentMib),
    { value: 200, note: 'goal ≤ 200 MiB, resident memory of the whole process' },
  );
}

export async function* run(): AsyncIterable<BenchRow> {
  const cleanup = new Cleanup();
  try {
    const root = mkdtempSync(join(tmpdir(), 'bench-page-store-'));
    cleanup.add(() => rmSync(root, { recursive: true, force: true }));
    const ceiling = loadCeiling();
    const store = await openPageStore(optionsOf(join(root, 'pages'), 2 * 2 ** 30));
    cleanup.add(() => store.close());
    const file = fileOf('read', 64 * PAGE_BYTES);
    fill(store, file, randomFillSync(Buffer.alloc(PAGE_BYTES)));
    const [ours, inC, viaKoffi] = measureReads(store, file, ceiling) as [number[], number[], number[]];
    yield comparedRow('4 KiB read of a cached page', 'ns', { ours, theirs: inC }, 'goal ≤ 2x a C loop of pread, called once through koffi');
    yield comparedRow('4 KiB read of a cached page, against pread by pread', 'ns', { ours, theirs: viaKoffi }, 'a koffi call for each pread');
    await store.free({ fileId: file.fileId });
    const [filled, hashed, bare] = (await measureFills(store, root, ceiling)) as [FillRate[], FillRate[], FillRate[]];
    const speeds = (rates: readonly FillRate[]): number[] => rates.map(({ mibPerSecond }) => mibPerSecond);
    const costs = (rates: readonly FillRate[]): number[] => rates.map(({ cpuMsPerPage }) => cpuMsPerPage);
    yield comparedRow('4 MiB page fill', 'MiB/s', { ours: speeds(filled), theirs: speeds(hashed) }, 'goal ≥ 0.9x C pwrite + xxh64');
    yield comparedRow('4 MiB page fill, against pwrite alone', 'MiB/s', { ours: speeds(filled), theirs: speeds(bare) });
    yield comparedRow('4 MiB page fill, processor time', 'ms/page', { ours: costs(filled), theirs: costs(hashed) }, 'less is better; against C pwrite + xxh64');
    yield* startRows(root, 'files of 250 pages', { files: 4001, pagesPerFile: 250 });
    yield* startRows(root, 'files of one page', { files: 1_000_000, pagesPerFile: 1 });
  } finally {
    await cleanup.close();
  }
}
