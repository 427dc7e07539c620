// Real workers (page store, data plane with threads, unix socket) in this process around a UFS in memory, and a FUSE daemon on top: what serve threads read by themselves.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPageStore, type PageStore } from '../../cache/index.ts';
import { type CacheClient, openClient } from '../../client/index.ts';
import type { MembershipView, WorkerRecord } from '../../common/api/index.ts';
import { createLogger } from '../../common/log/index.ts';
import { createMetrics, type MetricsRegistry } from '../../common/metrics/index.ts';
import { loadConfiguration } from '../../common/config/index.ts';
import { CLUSTER_UID, CountedUfs, KEYS } from '../../worker/testing/node-fixture.ts';
import { workerObservers } from '../../worker/metrics.ts';
import { WorkerNode } from '../../worker/worker-node.ts';
import { workerSettings } from '../../worker/worker-settings.ts';
import { FuseDaemon, type FuseDaemonOptions } from '../daemon.ts';
import { daemonDefaults } from './mounted-fuse.ts';

export const PAGE_BYTES = 256 * 1024;
export const HOST_ID = 'here';

interface LocalWorker {
  readonly node: WorkerNode;
  readonly store: PageStore;
  readonly record: WorkerRecord;
}

export class LocalWorkers {
  readonly directory = mkdtempSync(join(tmpdir(), 'alluxio-fuse-test-'));
  readonly ufs: CountedUfs;
  readonly metrics: MetricsRegistry = createMetrics({ processMetrics: false });
  readonly #workers: LocalWorker[] = [];
  client!: CacheClient;
  daemon!: FuseDaemon;
  #isDaemonStarted = false;

  private constructor(ufs: CountedUfs) {
    this.ufs = ufs;
  }

  /** @param isCoLocated whether the daemon runs on the workers' host */
  static async start(objects: Readonly<Record<string, Uint8Array>>, isCoLocated: boolean, daemon: Partial<FuseDaemonOptions> = {}): Promise<LocalWorkers> {
    const workers = await LocalWorkers.startWorkers(objects);
    workers.client = await openClient({
      endpoints: workers.endpoints,
      keys: KEYS,
      role: 'fuse',
      identity: 'fuse/test',
      localHostId: isCoLocated ? HOST_ID : 'elsewhere',
    });
    const mountPoint = mkdtempSync(join(workers.directory, 'mount-'));
    const defaults = daemonDefaults(workers.client, workers.metrics, () => undefined);
    workers.daemon = await FuseDaemon.start({ ...defaults, mountPoint, localHostId: isCoLocated ? HOST_ID : 'elsewhere', ...daemon });
    workers.#isDaemonStarted = true;
    return workers;
  }

  /** Without client and daemon. */
  static async startWorkers(objects: Readonly<Record<string, Uint8Array>>): Promise<LocalWorkers> {
    const workers = new LocalWorkers(new CountedUfs(objects));
    for (let i = 0; i < 2; i++) await workers.#startWorker(i);
    workers.publish();
    return workers;
  }

  get endpoints(): string[] {
    return this.#workers.map(({ record }) => `127.0.0.1:${record.WorkerNetAddress.NettyDataPort}`);
  }

  path(key: string): string {
    return join(this.daemon.mountPoint, 'data', key);
  }

  publish(): void {
    const view: MembershipView = {
      clusterName: 'test',
      clusterUid: CLUSTER_UID,
      generation: 1,
      revision: 1,
      staticRing: false,
      members: this.#workers.map(({ record }) => ({ record, online: true })),
      mounts: [{ mountPath: '/data', ufsUri: 'memory://test/', options: {}, sealedOptions: '', generation: 1, owner: 'cli' }],
      fuseClients: 1,
    };
    for (const { node } of this.#workers) node.applyView(view);
  }

  /** Frees a file's pages on all workers. */
  async free(fileId: Uint8Array): Promise<void> {
    for (const { store } of this.#workers) await store.free({ fileId });
  }

  async metric(name: string, label = ''): Promise<number> {
    this.daemon.metrics.refresh();
    const lines = (await this.metrics.text()).split('\n').filter((line) => line.startsWith(name) && line.includes(label) && !line.startsWith('#'));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  async stop(): Promise<void> {
    if (this.#isDaemonStarted) {
      await this.daemon.stop(1000);
      await this.client.close();
    }
    for (const { node, store } of this.#workers) {
      await node.close();
      await store.close();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #startWorker(index: number): Promise<void> {
    const uuid = `00000000-0000-4000-8000-${String(index + 1).padStart(12, '0')}`;
    const settings = workerSettings(
      loadConfiguration({
        overrides: [
          `alluxio.worker.page.store.dirs=${join(this.directory, `pages-${index}`)}`,
          'alluxio.worker.page.store.sizes=256MB',
          `alluxio.worker.page.store.page.size=${PAGE_BYTES}`,
        ],
        siteFiles: [],
        env: {},
      }),
    );
    const observers = workerObservers(createMetrics({ processMetrics: false }));
    const { directories, pageSizeBytes } = settings;
    const store = await openPageStore({ directories, pageSizeBytes, evictor: 'LRU', clusterUid: CLUSTER_UID, workerUuid: uuid, hitRings: settings.dataThreads });
    const unixPath = join(this.directory, `w${index}.sock`);
    const node = new WorkerNode({
      workerId: uuid,
      hostId: HOST_ID,
      settings,
      store,
      keys: KEYS,
      listen: { host: '127.0.0.1', port: 0, unixPath },
      openUfs: () => this.ufs,
      ufsOptions: {},
      unseal: () => ({}),
      observers,
      logger: createLogger({ component: 'test', sink: () => undefined }),
    });
    await node.start();
    this.#workers.push({ node, store, record: recordOf({ uuid, index, port: node.dataPlane.port, unixPath }) });
  }
}

function recordOf({ uuid, index, port, unixPath }: { readonly uuid: string; readonly index: number; readonly port: number; readonly unixPath: string }): WorkerRecord {
  const address = {
    Host: '127.0.0.1',
    ContainerHost: '',
    RpcPort: 0,
    DataPort: port,
    SecureRpcPort: 0,
    NettyDataPort: port,
    WebPort: 0,
    DomainSocketPath: unixPath,
    HttpServerPort: 0,
  };
  return {
    Identity: { version: 1, identifier: uuid.replaceAll('-', '') },
    WorkerNetAddress: address,
    uuid,
    instanceId: `instance-${index}`,
    clusterUid: CLUSTER_UID,
    vnodes: 200,
    capacityBytes: 2 ** 28,
    pageSizeBytes: PAGE_BYTES,
    hostId: HOST_ID,
    build: 'test',
    startedAtMs: 0,
    fuseClients: 1,
  };
}
