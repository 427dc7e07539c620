// The show itself: cold epoch, warm epoch, pages per worker, a worker killed during a read. Every claim is checked; the screen says what happened.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheClient } from '../../client/cache-client.ts';
import type { LocalCluster } from '../../cli/local/local-cluster.ts';
import { portOf } from '../../cli/local/local-cluster.ts';
import { encodeName } from '../../common/namespace/index.ts';
import { blocksOf, type DatasetFile } from './dataset.ts';
import { epoch, type EpochResult, readFile, type Reader } from './reader.ts';
import { bar, mib, percent, rate, type Screen } from './screen.ts';
import type { ShowSource } from './source.ts';
import { clusterCounts, countsOf, difference, hitShare, type WorkerCounts } from './worker-metrics.ts';

export interface ShowStage {
  readonly screen: Screen;
  readonly cluster: LocalCluster;
  readonly client: CacheClient;
  readonly reader: Reader;
  readonly source: ShowSource;
  readonly files: readonly DatasetFile[];
  readonly mountPath: string;
  readonly signal: AbortSignal;
}

const STREAMS = 8;

interface MeasuredEpoch extends EpochResult {
  readonly counts: WorkerCounts;
  /** Requests for data that reached the UFS; undefined when nothing counts them. */
  readonly ufsReads: number | undefined;
}

const workersOf = (cluster: LocalCluster) => cluster.record.processes.filter((p) => p.role === 'worker').toSorted((a, b) => (a.name < b.name ? -1 : 1));
const webPorts = (cluster: LocalCluster): number[] => workersOf(cluster).map((worker) => portOf(worker, 'web'));
function countsOfAll({ cluster }: ShowStage): Promise<WorkerCounts> {
  const fuse = cluster.record.processes.find((p) => p.role === 'fuse');
  return clusterCounts(webPorts(cluster), fuse === undefined ? undefined : portOf(fuse, 'web'));
}

async function measuredEpoch(stage: ShowStage, seed: number): Promise<MeasuredEpoch> {
  const before = await countsOfAll(stage);
  const readsBefore = stage.source.dataRequests?.();
  const result = await epoch(stage.reader, stage.files, { seed, streams: STREAMS, signal: stage.signal });
  const counts = difference(await countsOfAll(stage), before);
  return { ...result, counts, ufsReads: readsBefore === undefined ? undefined : stage.source.dataRequests!() - readsBefore };
}

function claimRight(stage: ShowStage, what: string, result: EpochResult): void {
  const bad = [...result.wrong.map((name) => `wrong bytes in ${name}`), ...result.errors];
  stage.screen.claim(
    bad.length === 0,
    bad.length === 0
      ? `${what}: ${result.files} files, ${mib(result.bytes)} MiB, every checksum right`
      : `${what}: ${bad.slice(0, 3).join('; ')}${bad.length > 3 ? ` and ${bad.length - 3} more` : ''}`,
  );
}

export async function showEpochs(stage: ShowStage): Promise<void> {
  const { screen } = stage;
  screen.step(`Two epochs over ${stage.files.length} files, ${STREAMS} readers, shuffled`);
  screen.line(`Read ${stage.reader.description}.`);
  const cold = await measuredEpoch(stage, 1);
  claimRight(stage, 'cold epoch', cold);
  const warm = await measuredEpoch(stage, 2);
  claimRight(stage, 'warm epoch', warm);
  const row = (name: string, of: (e: MeasuredEpoch) => string): string[] => [name, of(cold), of(warm)];
  screen.line('');
  screen.table([
    ['', 'cold', 'warm'],
    row('time', (e) => `${e.seconds.toFixed(2)} s`),
    row('throughput', (e) => rate(e.bytes, e.seconds)),
    row('files a second', (e) => (e.files / e.seconds).toFixed(0)),
    row('hit share', (e) => `${bar(hitShare(e.counts), 12)} ${percent(hitShare(e.counts))}`),
    row('read from the UFS', (e) => `${mib(e.counts.ufsBytes)} MiB`),
    row('data requests to the UFS', (e) => (e.ufsReads === undefined ? '-' : String(e.ufsReads))),
  ]);
  screen.line('');
  screen.claim(warm.counts.ufsBytes === 0 && (warm.ufsReads ?? 0) === 0, 'the warm epoch read no byte of data from the UFS');
  screen.claim(warm.seconds < cold.seconds, `the warm epoch was ${(cold.seconds / warm.seconds).toFixed(1)} times as fast as the cold one`);
}

/** Page counts as the workers themselves tell them, file by file. */
export async function showPages(stage: ShowStage): Promise<void> {
  const { screen, client, cluster } = stage;
  screen.step('Where the pages lie');
  const pages = new Map<string, { pages: number; bytes: number; files: number }>();
  let [expectedPages, resident] = [0, 0];
  for (const file of stage.files.filter((f) => f.length > 0)) {
    expectedPages += blocksOf(file.length).length;
    for (const holder of (await client.residency(`${stage.mountPath}/${file.name}`, { signal: stage.signal })).holders) {
      const sum = pages.get(holder.workerId) ?? { pages: 0, bytes: 0, files: 0 };
      pages.set(holder.workerId, { pages: sum.pages + holder.pagesResident, bytes: sum.bytes + holder.bytesResident, files: sum.files + (holder.pagesResident > 0 ? 1 : 0) });
      resident += holder.pagesResident;
    }
  }
  const names = workerNames(stage);
  const rows = [...pages].toSorted(([a], [b]) => (names.get(a) ?? a).localeCompare(names.get(b) ?? b));
  const whole = rows.reduce((sum, [, value]) => sum + value.bytes, 0);
  screen.table([
    ['worker', 'files', 'pages', 'MiB', 'share'],
    ...rows.map(([id, value]) => [
      names.get(id) ?? id,
      String(value.files),
      String(value.pages),
      mib(value.bytes),
      `${bar(value.bytes / whole, 16)} ${percent(value.bytes / whole)}`,
    ]),
  ]);
  const stored = await Promise.all(webPorts(cluster).map(countsOf));
  screen.line(`On disk, index included: ${stored.map((counts, i) => `worker-${i + 1} ${mib(counts.storedBytes)} MiB`).join(', ')}.`);
  screen.claim(resident >= expectedPages, `all ${expectedPages} pages of the dataset are resident`);
}

/** uuid → `worker-1`: by the ports of the processes. */
function workerNames(stage: ShowStage): Map<string, string> {
  const names = new Map<string, string>();
  for (const { record } of stage.client.view.members) {
    const process = workersOf(stage.cluster).find((p) => portOf(p, 'data') === record.WorkerNetAddress.NettyDataPort);
    if (process !== undefined) names.set(record.uuid, process.name);
  }
  return names;
}

/** Kills the owner of the largest file with -9 in the middle of a read of it, then starts it again. */
export async function showKill(stage: ShowStage): Promise<void> {
  const { screen, client, cluster } = stage;
  const file = stage.files.toSorted((a, b) => b.length - a.length)[0]!;
  const owner = client.route(`${stage.mountPath}/${file.name}`).owner;
  const name = owner === undefined ? undefined : workerNames(stage).get(owner.workerId);
  const victim = workersOf(cluster).find((p) => p.name === name);
  screen.step(`kill -9 of the owner of ${file.name} (${mib(file.length)} MiB) in the middle of a read`);
  if (victim === undefined) {
    screen.claim(false, 'the owner of the file is one of our workers');
    return;
  }
  let killedAt = 0;
  let [slowestMs, lastMs] = [0, performance.now()];
  const startMs = performance.now();
  const right = await readFile(stage.reader, file, {
    progress: (bytesRead) => {
      const nowMs = performance.now();
      slowestMs = Math.max(slowestMs, nowMs - lastMs);
      lastMs = nowMs;
      if (killedAt > 0 || bytesRead < file.length * 0.3) return;
      killedAt = bytesRead;
      process.kill(victim.pid, 'SIGKILL');
    },
  }).catch((error: unknown) => {
    screen.line(`The reader got an error: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  });
  screen.line(
    `${victim.name} (process ${victim.pid}) was killed when ${mib(killedAt)} of ${mib(file.length)} MiB were read; the longest wait for a block was ${slowestMs.toFixed(0)} ms.`,
  );
  screen.claim(right && killedAt > 0, `the reader saw no error and every checksum is right (${rate(file.length, (performance.now() - startMs) / 1000)})`);
  await showRestart(stage, file, Number(victim.name.replace('worker-', '')));
}

async function showRestart(stage: ShowStage, file: DatasetFile, index: number): Promise<void> {
  const { screen, client } = stage;
  const path = `${stage.mountPath}/${file.name}`;
  const before = client.view.members.find((m) => m.record.uuid === client.route(path).owner?.workerId)?.record.instanceId;
  const startMs = performance.now();
  const restarted = await stage.cluster.startWorker(index);
  const seconds = (performance.now() - startMs) / 1000;
  const held = await residentPages(client, path, portOf(restarted, 'data'), stage.signal);
  screen.line(`worker-${index} serves again after ${seconds.toFixed(1)} s${before === undefined ? '' : ', with the same identity'}.`);
  screen.claim(held === blocksOf(file.length).length, `it still holds ${held} of the ${blocksOf(file.length).length} pages of ${file.name}`);
}

/** Pages that the worker at this data port holds, once the client has seen it come back; 0 when it never does. */
async function residentPages(client: CacheClient, path: string, dataPort: number, signal: AbortSignal): Promise<number> {
  const deadline = performance.now() + 15_000;
  while (performance.now() < deadline) {
    const member = client.view.members.find((m) => m.online && m.record.WorkerNetAddress.NettyDataPort === dataPort);
    if (member !== undefined) {
      const report = await client.residency(path, { signal });
      const holder = report.holders.find((h) => h.workerId === member.record.uuid);
      if (holder !== undefined && holder.pagesResident > 0) return holder.pagesResident;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    signal.throwIfAborted();
  }
  return 0;
}

/** Whether the mount point shows what the manifest says: size by size. */
export async function showNamespace(stage: ShowStage, mountPoint: string): Promise<void> {
  const sample = stage.files.filter((_, i) => i % Math.max(1, Math.floor(stage.files.length / 50)) === 0);
  const wrong = (
    await Promise.all(sample.map(async (file) => ((await stat(encodeName(join(mountPoint, stage.mountPath.slice(1), file.name)))).size === file.length ? [] : [file.name])))
  ).flat();
  stage.screen.claim(wrong.length === 0, wrong.length === 0 ? 'names and sizes in the mount point are those of the bucket' : `sizes differ: ${wrong.slice(0, 3).join(', ')}`);
}
