// Workers with real page stores and real sockets around one under file system in memory, for component tests. Views are published by hand.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileStatus, MembershipView, MountEntry, WorkerRecord } from '../../common/api/index.ts';
import { untilAborted } from '../../common/async/index.ts';
import { createLogger } from '../../common/log/index.ts';
import { createMetrics, type MetricsRegistry } from '../../common/metrics/index.ts';
import { type CacheClient, DEFAULT_SETTINGS, type OpenClientOptions, openClient } from '../../client/index.ts';
import { openPageStore, type PageStore } from '../../cache/index.ts';
import { connectData } from '../../proto/frames/index.ts';
import type { DataConnection } from '../../proto/frames/contracts.ts';
import type { SessionRole } from '../../proto/frames/layout.ts';
import { MemoryUfs } from '../../ufs/testing/memory-ufs.ts';
import { observeParts, type WorkerObservers, workerObservers } from '../metrics.ts';
import { WorkerNode } from '../worker-node.ts';
import type { WorkerSettings } from '../worker-settings.ts';

export const CLUSTER_UID = 'c0ffee00-0000-4000-8000-000000000000';
export const KEYS = { clusterUid: CLUSTER_UID, dataPlaneKey: new Uint8Array(32).fill(7) };
export const PAGE = 64 * 1024;

const uuidOf = (index: number): string => `00000000-0000-4000-8000-${String(index + 1).padStart(12, '0')}`;

/** Bytes that differ from page to page and from object to object. */
export function patternBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((Math.imul(at + 1, 2_654_435_761) ^ Math.imul(seed + 1, 40_503)) >>> 0, at);
  return bytes;
}

/** Counts requests; reads can be held up. */
export class CountedUfs extends MemoryUfs {
  reads = 0;
  statuses = 0;
  /** Runs before each read. */
  beforeRead: () => Promise<void> | void = () => undefined;

  constructor(objects: Readonly<Record<string, Uint8Array>>) {
    super({ objects });
  }

  override async read(...args: Parameters<MemoryUfs['read']>): Promise<number> {
    this.reads++;
    await untilAborted(Promise.resolve(this.beforeRead()), args[3]?.signal);
    return await super.read(...args);
  }
  override async status(...args: Parameters<MemoryUfs['status']>): Promise<FileStatus | undefined> {
    this.statuses++;
    return await super.status(...args);
  }
}

export interface RunningNode {
  readonly node: WorkerNode;
  readonly store: PageStore;
  readonly record: WorkerRecord;
  readonly metrics: MetricsRegistry;
  readonly observers: WorkerObservers;
}

export class NodeFixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'worker-node-'));
  readonly nodes: RunningNode[] = [];
  readonly #stopped = new Set<RunningNode>();
  readonly ufs: CountedUfs;
  readonly mount: MountEntry = { mountPath: '/data', ufsUri: 'memory://test/', options: {}, sealedOptions: '', generation: 1, owner: 'cli' };
  readonly #open: { close(): unknown }[] = [];
  #revision = 1;

  constructor(ufs: CountedUfs) {
    this.ufs = ufs;
  }

  async startNode(index: number, settings: Partial<WorkerSettings> = {}): Promise<RunningNode> {
    const uuid = uuidOf(index);
    const metrics = createMetrics({ processMetrics: false });
    const observers = workerObservers(metrics);
    const store = await openPageStore({
      directories: [{ path: join(this.directory, `pages-${index}`), capacityBytes: 64 * 2 ** 20 }],
      pageSizeBytes: PAGE,
      evictor: 'LRU',
      clusterUid: CLUSTER_UID,
      workerUuid: uuid,
      hitRings: 1,
      onEvent: observers.storeEvent,
    });
    const node = new WorkerNode({
      workerId: uuid,
      hostId: `host-${index}`,
      settings: { ...SETTINGS, ...settings },
      store,
      keys: KEYS,
      listen: { host: '127.0.0.1', port: 0, unixPath: '' },
      openUfs: () => this.ufs,
      ufsOptions: {},
      unseal: () => ({}),
      observers,
      logger: createLogger({ component: 'test', sink: () => undefined }),
    });
    await node.start();
    const { fills, metadata, metadataLanes, polls, dataPlane } = node;
    observeParts(metrics, {
      store,
      dataPlane,
      fills,
      metadata,
      metadataLanes,
      polls,
      mainHits: observers.mainHits,
      membership: { isRegistered: true, registrations: 1, workersOnline: 1 },
    });
    const running = { node, store, record: recordOf(uuid, index, dataPlane.port), metrics, observers };
    this.nodes[index] = running;
    return running;
  }

  async stopNode(index: number): Promise<void> {
    const running = this.nodes[index]!;
    if (this.#stopped.has(running)) return;
    this.#stopped.add(running);
    await running.node.close();
    await running.store.close();
  }

  view(nodes: readonly RunningNode[] = this.nodes, change: Partial<MembershipView> = {}): MembershipView {
    return {
      clusterName: 'test',
      clusterUid: CLUSTER_UID,
      generation: 1,
      revision: this.#revision++,
      staticRing: false,
      members: nodes.flatMap(({ record }) => ({ record, online: true })),
      mounts: [this.mount],
      fuseClients: 0,
      ...change,
    };
  }

  /** All nodes follow the same view. */
  publish(change: Partial<MembershipView> = {}): MembershipView {
    const view = this.view(this.nodes, change);
    for (const { node } of this.nodes) node.applyView(view);
    return view;
  }

  async client(options: Partial<OpenClientOptions> = {}): Promise<CacheClient> {
    const client = await openClient({
      endpoints: this.nodes.map(({ record }) => ({ host: '127.0.0.1', port: record.WorkerNetAddress.NettyDataPort, unixPath: '' })),
      keys: KEYS,
      role: 'cli',
      identity: 'cli/test',
      localHostId: '',
      settings: { ...DEFAULT_SETTINGS, ufsFallbackEnabled: false, readAheadEnabled: false },
      ...options,
    });
    this.#open.push(client);
    return client;
  }

  async connect(index: number, role: SessionRole = 'cli'): Promise<DataConnection> {
    const endpoint = { host: '127.0.0.1', port: this.nodes[index]!.record.WorkerNetAddress.NettyDataPort, unixPath: '' };
    const connection = await connectData({ endpoint, keys: KEYS, role, identity: `${role}/test-${index}`, timeoutMs: 2000 });
    this.#open.push(connection);
    return connection;
  }

  async metric(index: number, name: string): Promise<number> {
    const text = await this.nodes[index]!.metrics.text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  async close(): Promise<void> {
    for (const open of this.#open.splice(0)) await open.close();
    for (const index of this.nodes.keys()) await this.stopNode(index);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const SETTINGS: WorkerSettings = {
  directories: [],
  pageSizeBytes: PAGE,
  evictor: 'LRU',
  marginShare: 0.01,
  fillConcurrency: 8,
  fillWaitersMax: 1000,
  fillTimeoutMs: 10_000,
  passThroughBytes: 16 * PAGE,
  storesReads: true,
  ufsBytesPerSecond: undefined,
  ufsCallTimeoutMs: 5000,
  statusCacheBytes: 2 ** 20,
  replicas: 1,
  dataThreads: 1,
  dataPortable: true,
  dataLimits: {},
  peers: { ...DEFAULT_SETTINGS, connectTimeoutMs: 1000 },
};

function recordOf(uuid: string, index: number, port: number): WorkerRecord {
  const address = { Host: '127.0.0.1', ContainerHost: '', RpcPort: 0, DataPort: port, SecureRpcPort: 0, NettyDataPort: port, WebPort: 0, DomainSocketPath: '', HttpServerPort: 0 };
  return {
    Identity: { version: 1, identifier: uuid.replaceAll('-', '') },
    WorkerNetAddress: address,
    uuid,
    instanceId: `instance-${index}-${port}`,
    clusterUid: CLUSTER_UID,
    vnodes: 200,
    capacityBytes: 2 ** 26,
    pageSizeBytes: PAGE,
    hostId: `host-${index}`,
    build: 'test',
    startedAtMs: 0,
    fuseClients: 0,
  };
}
