// A process's line to its cluster's records: the cluster's UID, keys of workers, and membership views as they change. The last view holds while the store is away.
// Not here: who registers, who mounts.
import { randomUUID } from 'node:crypto';
import type { MembershipMember, MembershipView, MountEntry, WorkerRecord } from '../api/index.ts';
import { systemClock, type Clock, type Timer } from '../async/index.ts';
import { CacheError } from '../errors/index.ts';
import { ClusterKeys, type ClusterRecord, decodeClusterRecord, decodeMountEntry, decodeWorkerRecord } from './cluster-records.ts';
import { compareNames } from '../namespace/index.ts';
import type { MetadataStore, RangeAnswer, StoreEvent, Watch } from './metadata-store.ts';

export interface ClusterLinkOptions {
  readonly store: MetadataStore;
  readonly clusterName: string;
  readonly staticRing: boolean;
  /** Changes that come close together make one view. Default 50 ms; the first view comes at once. */
  readonly gatherMs?: number;
  /** Told of each record that is broken and left out: by its key. */
  readonly onBroken?: (key: string) => void;
  readonly clock?: Clock;
}

const GATHER_MS = 50;

export class ClusterLink {
  readonly store: MetadataStore;
  readonly #options: ClusterLinkOptions;
  readonly #clock: Clock;
  readonly #keys: ClusterKeys;
  #cluster: ClusterRecord | undefined;
  /** By key. */
  readonly #online = new Map<string, WorkerRecord>();
  readonly #registered = new Map<string, WorkerRecord>();
  readonly #mounts = new Map<string, MountEntry>();
  #watch: Watch | undefined;
  #timer: Timer | undefined;
  #view: MembershipView | undefined;
  #revision = 0;
  #isConnected = false;
  #heardAtMs = 0;

  constructor(options: ClusterLinkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.store = options.store;
    this.#keys = new ClusterKeys(options.clusterName);
  }

  /** The last view; undefined before the first. */
  get view(): MembershipView | undefined {
    return this.#view;
  }
  /** Whether changes arrive. */
  get isConnected(): boolean {
    return this.#isConnected;
  }
  /** Milliseconds since the store was last heard of; 0 while it is there. */
  get silentMs(): number {
    return this.#isConnected ? 0 : this.#clock.nowMs() - this.#heardAtMs;
  }

  workerKeys(workerId: string): { readonly online: string; readonly registered: string } {
    return { online: this.#keys.onlineWorker(workerId), registered: this.#keys.registeredWorker(workerId) };
  }

  /** Of the cluster's record, which the first one who asks creates. @throws MetadataStoreUnavailable, InvalidConfiguration, Cancelled */
  async clusterUid(signal?: AbortSignal): Promise<string> {
    const key = this.#keys.cluster;
    const call = signal === undefined ? {} : { signal };
    const { entry } = await this.store.get(key, call);
    if (entry === undefined) {
      const value = JSON.stringify({ uid: randomUUID(), generation: 1 });
      await this.store.commit({ compares: [{ key, absent: true }], changes: [{ type: 'put', key, value }] }, call);
    }
    const known = entry ?? (await this.store.get(key, call)).entry;
    const cluster = known === undefined ? undefined : decodeClusterRecord(known.value);
    if (cluster !== undefined) return cluster.uid;
    throw new CacheError('InvalidConfiguration', `The metadata store holds no valid record of cluster ${this.#options.clusterName}.`, {
      source: 'metadata-store',
      context: { key, remedy: 'Restore the record, or choose another alluxio.cluster.name.' },
    });
  }

  /** Calls back with each view, from the first one on. Once only. */
  follow(onView: (view: MembershipView) => void): void {
    const { onlineWorkers, registeredWorkers, mounts, cluster } = this.#keys;
    const prefixes = [onlineWorkers, registeredWorkers, mounts, cluster];
    this.#heardAtMs = this.#clock.nowMs();
    this.#watch = this.store.watch(prefixes, {
      resync: (snapshot: RangeAnswer) => {
        this.#forgetAll();
        for (const { key, value } of snapshot.entries) this.#take(key, value);
        this.#changed(snapshot.revision, onView);
      },
      changed: (events: readonly StoreEvent[], revision: number) => {
        for (const event of events) {
          if (event.type === 'put') this.#take(event.entry.key, event.entry.value);
          else this.#forget(event.key);
        }
        this.#changed(revision, onView);
      },
      connected: (isConnected: boolean) => {
        this.#isConnected = isConnected;
        this.#heardAtMs = this.#clock.nowMs();
      },
    });
  }

  /** Ends the watch and closes the store. Idempotent. */
  async close(): Promise<void> {
    this.#watch?.close();
    this.#timer?.cancel();
    await this.store.close();
  }

  #forgetAll(): void {
    this.#cluster = undefined;
    for (const records of [this.#online, this.#registered, this.#mounts]) records.clear();
  }
  #forget(key: string): void {
    if (key === this.#keys.cluster) this.#cluster = undefined;
    for (const records of [this.#online, this.#registered, this.#mounts]) records.delete(key);
  }

  #take(key: string, value: string): void {
    this.#forget(key);
    if (!this.#decode(key, value)) this.#options.onBroken?.(key);
  }

  /** @returns false when it is no such record. Keys that only begin like the cluster's own are another cluster's. */
  #decode(key: string, value: string): boolean {
    const keys = this.#keys;
    if (key === keys.cluster) return (this.#cluster = decodeClusterRecord(value)) !== undefined;
    if (key.startsWith(keys.onlineWorkers)) return keep(this.#online, key, decodeWorkerRecord(key, value));
    if (key.startsWith(keys.registeredWorkers)) return keep(this.#registered, key, decodeWorkerRecord(key, value));
    return key.startsWith(keys.mounts) ? keep(this.#mounts, key, decodeMountEntry(key, value)) : true;
  }

  #changed(revision: number, onView: (view: MembershipView) => void): void {
    this.#revision = revision;
    if (this.#timer !== undefined) return;
    if (this.#view === undefined) return this.#tell(onView);
    this.#timer = this.#clock.schedule(this.#options.gatherMs ?? GATHER_MS, () => {
      this.#timer = undefined;
      this.#tell(onView);
    });
  }

  #tell(onView: (view: MembershipView) => void): void {
    const view = this.#assemble();
    if (view === undefined) return;
    this.#view = view;
    onView(view);
  }

  #assemble(): MembershipView | undefined {
    const cluster = this.#cluster;
    if (cluster === undefined) return undefined;
    const members = this.#members(cluster.uid);
    return {
      clusterName: this.#options.clusterName,
      clusterUid: cluster.uid,
      generation: cluster.generation,
      revision: this.#revision,
      staticRing: this.#options.staticRing,
      members,
      mounts: [...this.#mounts.values()].toSorted((a, b) => compareNames(a.mountPath, b.mountPath)),
      fuseClients: members.reduce((sum, { record, online }) => sum + (online ? record.fuseClients : 0), 0),
    };
  }

  #members(clusterUid: string): MembershipMember[] {
    // What carries another cluster's UID is none of ours.
    const isOurs = (record: WorkerRecord): boolean => record.clusterUid === clusterUid;
    const online = [...this.#online.values()].filter(isOurs);
    const known = new Set(online.map(({ uuid }) => uuid));
    const offline = [...this.#registered.values()].filter((record) => isOurs(record) && !known.has(record.uuid));
    return [...online.map((record) => ({ record, online: true })), ...offline.map((record) => ({ record, online: false }))].toSorted((a, b) =>
      a.record.uuid < b.record.uuid ? -1 : 1,
    );
  }
}

function keep<R>(records: Map<string, R>, key: string, record: R | undefined): boolean {
  if (record !== undefined) records.set(key, record);
  return record !== undefined;
}
