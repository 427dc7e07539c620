// Whole workers in this process on directories and a metadata store of their own, for component tests. The store can be taken away.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MountEntry, WorkerRecord } from '../../common/api/index.ts';
import { loadConfiguration } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { createLogger } from '../../common/log/index.ts';
import { type EmbeddedStore, type MetadataStore, openEmbeddedStore } from '../../common/metadata-store/index.ts';
import { createMetrics } from '../../common/metrics/index.ts';
import type { RunningProcess } from '../../common/process/index.ts';
import { createKeyFile, readKeyFile } from '../../common/secrets/index.ts';
import { type CacheClient, DEFAULT_SETTINGS, openClient } from '../../client/index.ts';
import { metricSum } from '../../tools/show/worker-metrics.ts';
import { startWorker } from '../worker-process.ts';

export interface StartedWorker {
  readonly running: RunningProcess;
  readonly uuid: string;
  /** What it could not live with. */
  readonly failures: unknown[];
  readonly log: string[];
}

const CLUSTER = 'test';

export class ProcessFixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'worker-process-'));
  readonly source = join(this.directory, 'source');
  readonly embedded: EmbeddedStore;
  isStoreAway = false;
  readonly #started: StartedWorker[] = [];
  readonly #clients: CacheClient[] = [];

  constructor() {
    mkdirSync(this.source);
    for (const name of ['data-plane', 'sealing']) createKeyFile(join(this.directory, `${name}.key`));
    this.embedded = openEmbeddedStore({ directory: join(this.directory, 'metastore') });
  }

  /** Properties of worker `index` with free ports. */
  properties(index: number, change: Readonly<Record<string, string>> = {}): Record<string, string> {
    const own = join(this.directory, `worker-${index}`);
    mkdirSync(own, { recursive: true });
    return {
      'alluxio.cluster.name': CLUSTER,
      'alluxio.security.data.plane.key.file': join(this.directory, 'data-plane.key'),
      'alluxio.security.sealing.key.file': join(this.directory, 'sealing.key'),
      'alluxio.worker.hostname': '127.0.0.1',
      'alluxio.worker.bind.host': '127.0.0.1',
      'alluxio.worker.rpc.port': '0',
      'alluxio.worker.data.port': '0',
      'alluxio.worker.web.port': '0',
      'alluxio.worker.host.id': `host-${index}`,
      'alluxio.worker.membership.lease.ttl': '3s',
      'alluxio.worker.data.server.domain.socket.address': '',
      'alluxio.worker.identity.uuid.file.path': join(own, 'worker_identity'),
      'alluxio.worker.page.store.dirs': `${join(own, 'pages-1')},${join(own, 'pages-2')}`,
      'alluxio.worker.page.store.sizes': '128MB,128MB',
      'alluxio.worker.page.store.page.size': '1MB',
      'alluxio.shutdown.timeout': '5s',
      ...change,
    };
  }

  async start(index: number, change: Readonly<Record<string, string>> = {}): Promise<StartedWorker> {
    const config = loadConfiguration({ overrides: this.properties(index, change) });
    const failures: unknown[] = [];
    const log: string[] = [];
    const context = {
      role: 'worker' as const,
      config,
      logger: createLogger({ component: 'worker', sink: (line) => log.push(line) }),
      metrics: createMetrics({ processMetrics: false }),
      version: 'test',
      signal: new AbortController().signal,
      fail: (error: unknown): void => void failures.push(error),
    };
    const running = await startWorker(context, () => this.#reachable());
    const started = { running, uuid: String(running.details!['uuid']), failures, log };
    this.#started.push(started);
    return started;
  }

  async mount(mountPath = '/data', generation = 1): Promise<void> {
    const entry: MountEntry = { mountPath, ufsUri: `file://${this.source}`, options: {}, sealedOptions: '', generation, owner: 'cli' };
    await this.embedded.commit({ changes: [{ type: 'put', key: `/MountTable/${CLUSTER}${mountPath}`, value: JSON.stringify(entry) }] });
  }

  /** Counts as settled two seconds later. */
  write(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.source, name), bytes);
  }

  async record(uuid: string): Promise<WorkerRecord | undefined> {
    const { entry } = await this.embedded.get(`/ServiceDiscovery/${CLUSTER}/worker-${uuid}`);
    return entry === undefined ? undefined : (JSON.parse(entry.value) as WorkerRecord);
  }

  async client(workers: readonly StartedWorker[], identity = 'cli/test'): Promise<CacheClient> {
    const client = await openClient({
      endpoints: workers.map(({ running }) => `127.0.0.1:${running.ports['data']}`),
      keys: await this.keys(),
      role: identity.startsWith('fuse/') ? 'fuse' : 'cli',
      identity,
      localHostId: '',
      settings: { ...DEFAULT_SETTINGS, ufsFallbackEnabled: false, readAheadEnabled: false, connectTimeoutMs: 1000 },
    });
    this.#clients.push(client);
    return client;
  }

  async keys(): Promise<{ clusterUid: string; dataPlaneKey: Uint8Array }> {
    const { entry } = await this.embedded.get(`/Cluster/${CLUSTER}`);
    return { clusterUid: (JSON.parse(entry!.value) as { uid: string }).uid, dataPlaneKey: readKeyFile(join(this.directory, 'data-plane.key')) };
  }

  async stop(worker: StartedWorker, timeoutMs = 5000): Promise<void> {
    this.#started.splice(this.#started.indexOf(worker), 1);
    await worker.running.stop(timeoutMs);
  }

  async metric(worker: StartedWorker, name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${worker.running.ports['web']}/metrics/`)).text();
    return metricSum(text, name);
  }

  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) await client.close();
    for (const worker of this.#started.splice(0)) await worker.running.stop(0);
    await this.embedded.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The embedded store as one worker reaches it: its end is the worker's own, and it can be away. */
  #reachable(): MetadataStore {
    const { embedded } = this;
    const away = (): CacheError => new CacheError('MetadataStoreUnavailable', 'The metadata store is away.', { source: 'metadata-store' });
    const guarded =
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      (...args: A): Promise<R> =>
        this.isStoreAway ? Promise.reject(away()) : call(...args);
    return {
      get: guarded(embedded.get.bind(embedded)),
      range: guarded(embedded.range.bind(embedded)),
      commit: guarded(embedded.commit.bind(embedded)),
      lease: guarded(embedded.lease.bind(embedded)),
      watch: embedded.watch.bind(embedded),
      close: () => Promise.resolve(),
    };
  }
}
