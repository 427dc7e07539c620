// Cold reads from a real S3 server: the UFS client alone against a native loader, the whole path through the mount against s3fs-fuse, both behind a slow link.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cleanup } from './cleanup.ts';
import { type Bucket, startBucket } from './cold-read/bucket.ts';
import type { LoadResult } from './cold-read/loader-contract.ts';
import { type Load, nativeLoader, ufsLoader } from './cold-read/loaders.ts';
import { type BenchRow, comparedRow } from './row.ts';

const MIB = 2 ** 20;
const ROUNDS = 7;
const RANGE_BYTES = 4 * MIB;
const IN_FLIGHT = 8;

const mibPerSecond = ({ bytes, seconds }: LoadResult): number => bytes / MIB / seconds;
const cpuPerGib = ({ bytes, cpuSeconds }: LoadResult): number => (cpuSeconds * 1024 * MIB) / bytes;

interface Stage {
  readonly cleanup: Cleanup;
  readonly bucket: Bucket;
  readonly scratch: string;
}

async function* clientAlone({ cleanup, bucket, scratch }: Stage): AsyncIterable<BenchRow> {
  const [ufs, native] = [ufsLoader(cleanup, bucket), nativeLoader(bucket, scratch)];
  const load: Load = { keys: bucket.parts.map(({ key }) => key), endpoint: bucket.server.endpoint, rangeBytes: RANGE_BYTES, inFlight: IN_FLIGHT };
  const { ours, theirs } = await alternate(
    ROUNDS,
    () => ufs.load(load),
    () => native.load(load),
  );
  const note = `goal ≥ 0.8x a native loader; 1 GiB, 4 MiB ranges, ${IN_FLIGHT} in flight, ${ROUNDS} rounds`;
  yield comparedRow('UFS client alone', 'MiB/s', { ours: ours.map(mibPerSecond), theirs: theirs.map(mibPerSecond) }, note);
  yield comparedRow('UFS client alone, its CPU', 's/GiB', { ours: ours.map(cpuPerGib), theirs: theirs.map(cpuPerGib) }, 'no goal of its own');
}

/** One round each to warm up, then by turns, the order changing every round. */
async function alternate<T>(rounds: number, ours: (round: number) => Promise<T>, theirs: (round: number) => Promise<T>): Promise<{ ours: T[]; theirs: T[] }> {
  const results: { ours: T[]; theirs: T[] } = { ours: [], theirs: [] };
  for (let round = 0; round <= rounds; round++) {
    const first = round % 2 === 0;
    if (first) results.ours.push(await ours(round));
    results.theirs.push(await theirs(round));
    if (!first) results.ours.push(await ours(round));
  }
  return { ours: results.ours.slice(1), theirs: results.theirs.slice(1) };
}

export async function* run(): AsyncIterable<BenchRow> {
  const cleanup = new Cleanup();
  try {
    const scratch = mkdtempSync(join(tmpdir(), 'alluxio-bench-cold-'));
    cleanup.add(() => rmSync(scratch, { recursive: true, force: true }));
    const bucket = await startBucket(cleanup, 1);
    const stage: Stage = { cleanup, bucket, scratch };
    yield* clientAlone(stage);
  } finally {
    await cleanup.close();
  }
}
