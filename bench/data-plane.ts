// The data plane against a C sendfile server on the same page file, both read by the same C client over loopback.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cleanup } from './cleanup.ts';
import { closeAll, connectTo, load, type LoadResult, type ServedFile, type Server, startCeiling, startOurs, threadsOf } from './data-plane/servers.ts';
import { type BenchRow, comparedRow } from './row.ts';

const ROUNDS = 21;
const ROUND_MS = 250;
const PAGES = 64;
const THREADS = 2;
const IDLE_CONNECTIONS = 1000;

interface Cell {
  readonly name: string;
  readonly readBytes: number;
  readonly connections: number;
  readonly goal: number;
}
const CELLS: readonly Cell[] = [
  { name: '1 MiB, 1 connection', readBytes: 1 << 20, connections: 1, goal: 0.85 },
  { name: '1 MiB, 4 connections', readBytes: 1 << 20, connections: 4, goal: 0.65 },
  { name: '4 KiB, 1 connection', readBytes: 4096, connections: 1, goal: 0.85 },
  { name: '4 KiB, 4 connections', readBytes: 4096, connections: 4, goal: 0.65 },
];

interface Stage {
  readonly ours: Server;
  readonly theirs: Server;
  readonly file: ServedFile;
}

/** By turns, the order changing every round; one more of each to warm up. Fresh connections every time, so that no lucky placement on a thread lasts. */
async function alternate(stage: Stage, cell: Cell): Promise<{ ours: LoadResult[]; theirs: LoadResult[] }> {
  const results: { ours: LoadResult[]; theirs: LoadResult[] } = { ours: [], theirs: [] };
  const measure = async (side: 'ours' | 'theirs'): Promise<void> => {
    const descriptors = connectTo(stage[side], cell.connections);
    results[side].push(await load(stage[side], { file: stage.file, descriptors, readBytes: cell.readBytes, milliseconds: ROUND_MS }));
    closeAll(descriptors);
  };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const side of round % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const)) await measure(side);
  }
  return { ours: results.ours.slice(1), theirs: results.theirs.slice(1) };
}

const perSecond =
  (cell: Cell) =>
  (result: LoadResult): number =>
    (cell.readBytes >= 1 << 20 ? result.bytes / 2 ** 20 : result.requests) / result.seconds;
const cpuPerGib = (result: LoadResult): number => (result.cpuSeconds * 2 ** 30) / result.bytes;

async function* cellRows(stage: Stage, cell: Cell): AsyncIterable<BenchRow> {
  const { ours, theirs } = await alternate(stage, cell);
  const unit = cell.readBytes >= 1 << 20 ? 'MiB/s' : 'reads/s';
  const rate = perSecond(cell);
  yield comparedRow(cell.name, unit, { ours: ours.map(rate), theirs: theirs.map(rate) }, `goal ≥ ${cell.goal}x a C sendfile server; ${ROUNDS} rounds`);
  const [p50, p99] = [(r: LoadResult): number => r.p50Us, (r: LoadResult): number => r.p99Us];
  yield comparedRow(`${cell.name}: median latency`, 'µs', { ours: ours.map(p50), theirs: theirs.map(p50) });
  yield comparedRow(`${cell.name}: 99th percentile`, 'µs', { ours: ours.map(p99), theirs: theirs.map(p99) });
  if (cell.readBytes >= 1 << 20) yield comparedRow(`${cell.name}: server CPU`, 's/GiB', { ours: ours.map(cpuPerGib), theirs: theirs.map(cpuPerGib) }, 'goal ≤ 1.5x');
}

/** Threads of the process with many connections, and what one reader among them gets. */
async function* manyConnections(stage: Stage): AsyncIterable<BenchRow> {
  const before = threadsOf(stage.ours.pid);
  const idle = connectTo(stage.ours, IDLE_CONNECTIONS);
  const threads = threadsOf(stage.ours.pid);
  yield {
    name: `threads with ${IDLE_CONNECTIONS} connections`,
    value: threads,
    unit: 'threads',
    baseline: before,
    ratio: threads / before,
    note: `beside the same process without any; ${THREADS} data threads, the rest is Node's`,
  };
  yield* cellRows(stage, { ...CELLS[0]!, name: `1 MiB, 1 connection beside ${IDLE_CONNECTIONS} idle` });
  closeAll(idle);
}

export async function* run(): AsyncIterable<BenchRow> {
  const cleanup = new Cleanup();
  try {
    const directory = mkdtempSync(join(tmpdir(), 'alluxio-bench-data-'));
    cleanup.add(() => rmSync(directory, { recursive: true, force: true }));
    const ours = await startOurs(cleanup, { directory, threads: THREADS, pages: PAGES });
    const stage: Stage = { ours, file: ours, theirs: await startCeiling(cleanup, directory, ours.fileBytes) };
    for (const cell of CELLS) yield* cellRows(stage, cell);
    yield* manyConnections(stage);
  } finally {
    await cleanup.close();
  }
}
