// A FUSE daemon over scripted workers, mounted for real in the kernel. Only asynchronous file calls may touch the mount: this process serves it.
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CacheClient } from '../../client/index.ts';
import { FakeCluster, type FakeClusterOptions } from '../../client/testing/fake-cluster.ts';
import { ScriptedUfs } from '../../client/testing/scripted-ufs.ts';
import { createLogger } from '../../common/log/index.ts';
import { createMetrics, type MetricsRegistry } from '../../common/metrics/index.ts';
import { FuseDaemon, type FuseDaemonOptions } from '../daemon.ts';
import { parseMountOptions } from '../mount/index.ts';

/** Why nothing can be mounted here; undefined: it can. */
export function mountObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'FUSE needs Linux';
  if (process.getuid?.() !== 0) return 'mount(2) needs root';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return '/dev/fuse is missing';
  }
}

export interface MountedFuseOptions {
  readonly cluster?: Partial<FakeClusterOptions>;
  readonly daemon?: Partial<FuseDaemonOptions>;
  readonly client?: Parameters<FakeCluster['open']>[0];
  /** Stands between the daemon and the cluster's client. */
  readonly wrapClient?: (client: CacheClient) => CacheClient;
}

export class MountedFuse {
  readonly ufs: ScriptedUfs;
  readonly cluster: FakeCluster;
  readonly client: CacheClient;
  readonly daemon: FuseDaemon;
  readonly metrics: MetricsRegistry;
  readonly directory: string;
  readonly logLines: string[];

  private constructor(parts: Pick<MountedFuse, 'ufs' | 'cluster' | 'client' | 'daemon' | 'metrics' | 'directory' | 'logLines'>) {
    ({ ufs: this.ufs, cluster: this.cluster, client: this.client, daemon: this.daemon, metrics: this.metrics, directory: this.directory, logLines: this.logLines } = parts);
  }

  static async start(fill: (ufs: ScriptedUfs) => void, options: MountedFuseOptions = {}): Promise<MountedFuse> {
    const ufs = new ScriptedUfs();
    fill(ufs);
    const cluster = new FakeCluster({ ufs, ...options.cluster });
    const opened = await cluster.open(options.client);
    const client = options.wrapClient?.(opened) ?? opened;
    const directory = options.daemon?.mountPoint ?? mkdtempSync(join(tmpdir(), 'alluxio-fuse-test-'));
    const metrics = createMetrics({ processMetrics: false });
    const logLines: string[] = [];
    const daemon = await FuseDaemon.start({ ...daemonDefaults(client, metrics, (line) => logLines.push(line)), mountPoint: directory, ...options.daemon });
    return new MountedFuse({ ufs, cluster, client, daemon, metrics, directory, logLines });
  }

  /** Path of a key below the mount `/data`. */
  path(key: string): string {
    return join(this.directory, 'data', key);
  }

  async stop(timeoutMs = 1000): Promise<void> {
    await this.daemon.stop(timeoutMs);
    await this.client.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Value of a metric, all labels that match added up. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    this.daemon.metrics.refresh();
    let sum = 0;
    for (const line of (await this.metrics.text()).split('\n')) {
      if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
      if (Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`))) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
    return sum;
  }
}

export function daemonDefaults(client: CacheClient, metrics: MetricsRegistry, sink: (line: string) => void): Omit<FuseDaemonOptions, 'mountPoint'> {
  return {
    client,
    localHostId: '',
    mountMethod: 'direct',
    mountOptions: parseMountOptions(['allow_other']),
    timeouts: { attrTimeoutMs: undefined, entryTimeoutMs: undefined },
    readAheadBytes: 1 << 20,
    threads: 2,
    writerThreads: 2,
    inodesMax: 100_000,
    uid: 0,
    gid: 0,
    handOver: true,
    descriptorsMax: 1000,
    metrics,
    logger: createLogger({ component: 'fuse', sink }),
    onFailure: (error) => sink(String(error)),
    onUnmounted: () => undefined,
  };
}
