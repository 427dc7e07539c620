// A local cluster for the bench: coordinator, one worker, FUSE, as `alluxio local start` makes them, with the bucket mounted directly and behind the link.
import { join } from 'node:path';
import { LocalCluster } from '../../cli/local/local-cluster.ts';
import { StateDirectory } from '../../cli/local/state-directory.ts';
import { CacheError } from '../../common/errors/index.ts';
import type { Cleanup } from '../cleanup.ts';
import type { Bucket } from './bucket.ts';

export interface BenchCluster {
  /** Where FUSE shows the mount path. */
  pathOf(mountPath: string, key: string): string;
  readonly pids: readonly number[];
}

export interface ClusterStage {
  readonly bucket: Bucket;
  readonly scratch: string;
  readonly mounts: readonly { readonly mountPath: string; readonly ufsUri: string; readonly endpoint: string }[];
  readonly pageStoreBytes: number;
}

const ROOT = join(import.meta.dirname, '../..');

/** @throws with the obstacle when FUSE cannot be mounted here */
export async function startBenchCluster(cleanup: Cleanup, stage: ClusterStage): Promise<BenchCluster> {
  const { bucket, scratch, mounts, pageStoreBytes } = stage;
  const env = { ...process.env, ALLUXIO_CONTEXT: join(scratch, 'context.json') };
  const interrupted = new AbortController();
  const terminal = { out: process.stdout, err: process.stderr, env, signal: interrupted.signal, root: ROOT, node: process.execPath };
  const starting = LocalCluster.start(terminal, {
    state: new StateDirectory(join(scratch, 'state')),
    workers: 1,
    pageStoreBytes,
    withFuse: true,
    ephemeral: true,
    properties: [],
    foreground: true,
    progress: () => undefined,
  });
  cleanup.add(async () => {
    interrupted.abort(new CacheError('Cancelled', 'The bench ends.'));
    await starting.then(
      (cluster) => cluster.stop(),
      () => undefined, // what failed to start has left nothing behind
    );
  });
  const cluster = await starting;
  if (cluster.fuseObstacle !== undefined) throw new Error(cluster.fuseObstacle);
  for (const { mountPath, ufsUri, endpoint } of mounts) await cluster.coordinator.addMount({ mountPath, ufsUri, options: bucket.optionsAt(endpoint) });
  const { fuseMount, processes } = cluster.record;
  return { pathOf: (mountPath, key) => join(fuseMount!, mountPath, key), pids: processes.map(({ pid }) => pid) };
}
