// make run: a whole cluster on this machine reads a dataset, cold, warm and with a worker killed. ARGS=--once ends after the show. UFS=… reads real data, LATENCY=0 a fast link.
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Terminal } from '../../cli/command-context.ts';
import { errorLine } from '../../common/log/index.ts';
import { LocalCluster, portOf } from '../../cli/local/local-cluster.ts';
import { StateDirectory } from '../../cli/local/state-directory.ts';
import { openClient } from '../../client/index.ts';
import type { CacheClient } from '../../client/cache-client.ts';
import { loadConfiguration, Property, siteFilesOf } from '../../common/config/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import { readKeyFile } from '../../common/secrets/index.ts';
import { clientReader, mountReader } from './reader.ts';
import { createScreen, type Screen } from './screen.ts';
import { showEpochs, showKill, showNamespace, showPages, type ShowStage } from './show.ts';
import { generatedSource, namedSource, type ShowSource } from './source.ts';

const LATENCY_MS_DEFAULT = 20;
const MOUNT_PATH = '/data';
const WORKERS = 3;
const ROOT = join(import.meta.dirname, '../..');

const once = process.argv.includes('--once');
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort(new CacheError('Cancelled', 'Interrupted.')));

function latencyMs(): number {
  const text = process.env['LATENCY'] ?? String(LATENCY_MS_DEFAULT);
  if (/^\d+$/.test(text)) return Number(text);
  throw new CacheError('InvalidArgument', `LATENCY=${text} is not a number of milliseconds.`, { source: 'caller' });
}

const sourceOf = (screen: Screen): Promise<ShowSource> => {
  const named = process.env['UFS'] ?? '';
  return named === '' ? generatedSource(screen, latencyMs(), interrupted.signal) : namedSource(screen, named, interrupted.signal);
};

async function clientOf(cluster: LocalCluster): Promise<CacheClient> {
  const config = loadConfiguration({ siteFiles: siteFilesOf(cluster.record.confDir) });
  const view = await cluster.coordinator.membership();
  return openClient({
    endpoints: cluster.record.processes.filter((p) => p.role === 'worker').map((p) => ({ host: '127.0.0.1', port: portOf(p, 'data'), unixPath: '' })),
    keys: { clusterUid: view.clusterUid, dataPlaneKey: readKeyFile(config.get(Property.dataPlaneKeyFile)) },
    role: 'cli',
    identity: `cli/${hostname()}-show-${process.pid}`,
    localHostId: config.get(Property.workerHostId) ?? hostname(),
    config,
  });
}

function invite(screen: Screen, cluster: LocalCluster, environment: string): void {
  const { record } = cluster;
  screen.title('It stays up. Ctrl-C stops it and leaves nothing behind.');
  screen.line(`coordinator   ${record.coordinator}/api/v1   metrics ${record.coordinator}/metrics/`);
  for (const p of record.processes.filter((q) => q.role === 'worker')) screen.line(`${p.name.padEnd(13)} metrics http://127.0.0.1:${portOf(p, 'web')}/metrics/   process ${p.pid}`);
  screen.line(`mount point   ${record.fuseMount === undefined || cluster.fuseObstacle !== undefined ? 'none' : record.fuseMount}`);
  screen.line('');
  screen.line('Try, in another terminal:');
  const mounted = record.fuseMount !== undefined && cluster.fuseObstacle === undefined;
  screen.line(mounted ? `  ls -l ${join(record.fuseMount!, MOUNT_PATH.slice(1))}` : `  ${environment}bin/alluxio fs ls ${MOUNT_PATH}`);
  screen.line(`  ${environment}bin/alluxio info nodes`);
  screen.line(`  ${environment}bin/alluxio info ring`);
}

async function perform(screen: Screen, source: ShowSource, cluster: LocalCluster): Promise<void> {
  const client = await clientOf(cluster);
  try {
    const mountPoint = cluster.fuseObstacle === undefined ? cluster.record.fuseMount : undefined;
    const reader = mountPoint === undefined ? clientReader(client, MOUNT_PATH) : mountReader(join(mountPoint, MOUNT_PATH.slice(1)));
    const stage: ShowStage = { screen, cluster, client, reader, source, files: source.files, mountPath: MOUNT_PATH, signal: interrupted.signal };
    if (mountPoint !== undefined) await showNamespace(stage, mountPoint);
    await showEpochs(stage);
    await showPages(stage);
    await showKill(stage);
  } finally {
    await client.close();
  }
}

async function main(screen: Screen): Promise<void> {
  screen.title('alluxio-ts: a distributed read cache for AI data, on this machine');
  const scratch = mkdtempSync(join(tmpdir(), 'alluxio-show-'));
  const env = { ...process.env, ALLUXIO_CONTEXT: join(scratch, 'context.json') };
  const terminal: Terminal = { out: process.stdout, err: process.stderr, env, signal: interrupted.signal, root: ROOT, node: process.execPath };
  const closers: (() => Promise<void> | void)[] = [() => rmSync(scratch, { recursive: true, force: true })];
  try {
    screen.step('Data');
    const source = await sourceOf(screen);
    closers.push(() => source.close());
    screen.line(`UFS: ${source.description}.`);
    screen.step('Cluster');
    const startMs = performance.now();
    const cluster = await LocalCluster.start(terminal, {
      state: new StateDirectory(join(scratch, 'state')),
      workers: WORKERS,
      pageStoreBytes: 2 * 2 ** 30,
      mount: { path: MOUNT_PATH, ufsUri: source.ufsUri, options: source.options },
      withFuse: true,
      ephemeral: true,
      properties: [],
      foreground: true,
      progress: (line) => screen.line(line[0]!.toUpperCase() + line.slice(1)),
    });
    closers.push(() => cluster.stop());
    screen.line(`Ready after ${((performance.now() - startMs) / 1000).toFixed(1)} s.`);
    await perform(screen, source, cluster);
    screen.line('');
    screen.line(screen.failed === 0 ? `All ${screen.claims} claims hold.` : `${screen.failed} of ${screen.claims} claims do not hold.`);
    if (!once) {
      invite(screen, cluster, `ALLUXIO_CONTEXT=${env.ALLUXIO_CONTEXT} `);
      await new Promise<void>((resolve) => interrupted.signal.addEventListener('abort', () => resolve(), { once: true }));
    }
  } finally {
    for (const closer of closers.toReversed()) await closer();
  }
}

const screen = createScreen(process.stdout);
try {
  await main(screen);
  process.exitCode = screen.failed === 0 ? 0 : 1;
} catch (error) {
  const failure = asCacheError(error);
  const wasInterrupted = failure.code === 'Cancelled';
  if (!wasInterrupted) process.stderr.write(`alluxio: ${errorLine(failure)}\n`);
  process.exitCode = wasInterrupted ? 130 : failure.row.exit;
}
process.exit();
