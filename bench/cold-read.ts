// Cold reads from a real S3 server: the UFS client alone against a native loader, the whole path through the mount against s3fs-fuse, both behind a slow link.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cleanup } from './cleanup.ts';
import { type Bucket, type BucketObject, startBucket } from './cold-read/bucket.ts';
import { type BenchCluster, startBenchCluster } from './cold-read/cluster.ts';
import type { LoadResult } from './cold-read/loader-contract.ts';
import { type Load, type Loader, nativeLoader, ufsLoader } from './cold-read/loaders.ts';
import { ensureS3fs, mountS3fs } from './cold-read/s3fs-mount.ts';
import { sequentialRead } from './cold-read/sequential-read.ts';
import { startSlowLink } from './cold-read/slow-link.ts';
import { type BenchRow, comparedRow, goalRow, median } from './row.ts';

const MIB = 2 ** 20;
const ROUNDS = 7;
const RANGE_BYTES = 4 * MIB;
const IN_FLIGHT = 8;
const WHOLE_ROUNDS = 6;
const LINK_ROUNDS = 5;
const LINK = { bytesPerSecond: 200 * MIB, latencyMs: 20 };
/**
 * Of each of the two directories: after a few objects the store is full, and every page takes the place of another one. So it is in use; and a store that
 * still grew would measure how a virtual machine gets its memory from the host, which costs more than the read.
 */
const PAGE_STORE_BYTES = 768 * MIB;
const FILLING_OBJECTS = 2;
const DIRECT_MOUNT = '/cold';
const LINK_MOUNT = '/link';
const MOUNT_TIMEOUT_MS = 10_000;

const mibPerSecond = ({ bytes, seconds }: LoadResult): number => bytes / MIB / seconds;
const cpuPerGib = ({ bytes, cpuSeconds }: LoadResult): number => (cpuSeconds * 1024 * MIB) / bytes;

interface Stage {
  readonly cleanup: Cleanup;
  readonly bucket: Bucket;
  readonly scratch: string;
  readonly ufs: Loader;
  readonly native: Loader;
  /** Endpoint behind the slow link. */
  readonly link: string;
}

async function* clientAlone({ bucket, ufs, native }: Stage): AsyncIterable<BenchRow> {
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

/** Throughput of the link as a share of what it can carry. */
async function* clientBehindLink({ bucket, link, ufs, native }: Stage): AsyncIterable<BenchRow> {
  const load: Load = { keys: bucket.parts.map(({ key }) => key), endpoint: link, rangeBytes: RANGE_BYTES, inFlight: IN_FLIGHT };
  const { ours, theirs } = await alternate(
    LINK_ROUNDS,
    () => ufs.load(load),
    () => native.load(load),
  );
  const reached = (median(theirs.map(mibPerSecond)) / (LINK.bytesPerSecond / MIB)).toFixed(2);
  yield goalRow('UFS client alone, link of 200 MiB/s and 20 ms', 'MiB/s', ours.map(mibPerSecond), {
    value: LINK.bytesPerSecond / MIB,
    note: `the native loader reaches ${reached}x of the link`,
  });
}

async function* wholePath(stage: Stage, cluster: BenchCluster): AsyncIterable<BenchRow> {
  const { cleanup, bucket, scratch } = stage;
  const s3fs = ensureS3fs();
  const objects = bucket.wholes.slice(FILLING_OBJECTS);
  const read = ({ key, bytes }: BucketObject): Promise<LoadResult> => sequentialRead(cluster.pathOf(DIRECT_MOUNT, key), bytes, cluster.pids);
  for (const object of bucket.wholes.slice(0, FILLING_OBJECTS)) await read(object);
  if ('missing' in s3fs) {
    const ours: LoadResult[] = [];
    for (let round = 0; round <= WHOLE_ROUNDS; round++) ours.push(await read(objects[round]!));
    yield unmeasured('full path, 1 GiB sequential', 'MiB/s', { rounds: ours.slice(1).map(mibPerSecond), note: s3fs.missing });
    yield unmeasured('full path, CPU of all processes', 's/GiB', { rounds: ours.slice(1).map(cpuPerGib), note: s3fs.missing });
    return;
  }
  const mount = await mountS3fs(cleanup, bucket, { scratch, version: s3fs.version });
  const { ours, theirs } = await alternate(
    WHOLE_ROUNDS,
    (round) => read(objects[round]!),
    (round) => sequentialRead(join(mount.path, objects[round]!.key), objects[round]!.bytes, [mount.pid]),
  );
  const against = `s3fs-fuse ${mount.version}; dd of 1 MiB, a new object every round, ${WHOLE_ROUNDS} rounds`;
  yield comparedRow('full path, 1 GiB sequential', 'MiB/s', { ours: ours.map(mibPerSecond), theirs: theirs.map(mibPerSecond) }, `goal ≥ 1.0x ${against}`);
  yield comparedRow('full path, CPU of all processes', 's/GiB', { ours: ours.map(cpuPerGib), theirs: theirs.map(cpuPerGib) }, `goal ≤ 1.0x ${against}`);
}

async function* wholePathBehindLink({ bucket }: Stage, cluster: BenchCluster): AsyncIterable<BenchRow> {
  const rounds: LoadResult[] = [];
  for (let round = 0; round <= LINK_ROUNDS; round++)
    rounds.push(await sequentialRead(cluster.pathOf(LINK_MOUNT, bucket.wholes[round]!.key), bucket.wholes[round]!.bytes, cluster.pids));
  const measured = rounds.slice(1).map(mibPerSecond);
  yield goalRow('full path, link of 200 MiB/s and 20 ms', 'MiB/s', measured, {
    value: LINK.bytesPerSecond / MIB,
    note: `goal ≥ 0.95x of the link; 1 GiB sequential, ${LINK_ROUNDS} rounds`,
  });
}

const unmeasured = (name: string, unit: string, { rounds, note }: { readonly rounds: readonly number[]; readonly note: string }): BenchRow => ({
  name,
  value: median(rounds),
  unit,
  baseline: null,
  ratio: null,
  note,
});

async function awaitFile(path: string): Promise<void> {
  const deadline = performance.now() + MOUNT_TIMEOUT_MS;
  while (!existsSync(path)) {
    if (performance.now() > deadline) throw new Error(`${path} did not appear within ${MOUNT_TIMEOUT_MS} ms`);
    await sleep(50);
  }
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
    const bucket = await startBucket(cleanup, FILLING_OBJECTS + Math.max(WHOLE_ROUNDS, LINK_ROUNDS) + 1);
    const link = await startSlowLink(cleanup, bucket.server.endpoint, LINK);
    const stage: Stage = { cleanup, bucket, scratch, link, ufs: ufsLoader(cleanup, bucket), native: nativeLoader(bucket, scratch) };
    yield* clientAlone(stage);
    yield* clientBehindLink(stage);
    const mounts = [
      { mountPath: DIRECT_MOUNT, ufsUri: bucket.ufsUri, endpoint: bucket.server.endpoint },
      { mountPath: LINK_MOUNT, ufsUri: bucket.twinUri, endpoint: link },
    ];
    const cluster = await startBenchCluster(cleanup, { bucket, scratch, mounts, pageStoreBytes: PAGE_STORE_BYTES });
    for (const mountPath of [DIRECT_MOUNT, LINK_MOUNT]) await awaitFile(cluster.pathOf(mountPath, bucket.wholes[0]!.key));
    yield* wholePath(stage, cluster);
    yield* wholePathBehindLink(stage, cluster);
  } finally {
    await cleanup.close();
  }
}
