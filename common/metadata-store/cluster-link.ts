// A process's line to its cluster's records: the cluster's UID, keys of workers, and membership views as they change. The last view holds while the store is away.
// Not here: who registers, who mounts.
import { randomUUID } from 'node:crypto';
import type { MembershipMember, MembershipView, MountEntry, WorkerRecord } from '../api/index.ts';
import { systemClock, type Clock, type Timer } from '../async/index.ts';
import { CacheError } from '../errors/index.ts';
import type { MetadataStore, RangeAnswer, StoreEvent, Watch } from './metadata-store.ts';

export interface ClusterLinkOptions {
  readonly store: MetadataStore;
  readonly clusterName: string;
  readonly staticRing: boolean;
  /** Changes that come close together make one view. Default 50 ms; the first view comes at once. */
  readonly gatherMs?: number;
  readonly clock?: Clock;
}

interface ClusterRecord {
  readonly uid: string;
  readonly generation: number;
}

const GATHER_MS = 50;

export class ClusterLink {
  readonly store: MetadataStore;
  readonly #options: ClusterLinkOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, unknown>();
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
    return { online: `${this.#prefix('ServiceDiscovery')}worker-${workerId}`, registered: `${this.#prefix('Registered')}worker-${workerId}` };
  }

  /** Of the cluster's record, which the first one who asks creates. @throws MetadataStoreUnavailable, InvalidConfiguration, Cancelled */
  async clusterUid(signal?: AbortSignal): Promise<string> {
    const key = this.#clusterKey;
    const call = signal === undefined ? {} : { signal };
    const { entry } = await this.store.get(key, call);
    if (entry === undefined) {
      const value = JSON.stringify({ uid: randomUUID(), generation: 1 });
      await this.store.commit({ compares: [{ key, absent: true }], changes: [{ type: 'put', key, value }] }, call);
    }
    const known = entry ?? (await this.store.get(key, call)).entry;
    const cluster = known === undefined ? undefined : clusterRecord(parse(known.value));
    if (cluster !== undefined) return cluster.uid;
    throw new CacheError('InvalidConfiguration', `The metadata store holds no valid record of cluster ${this.#options.clusterName}.`, {
      source: 'metadata-store',
      context: { key, remedy: 'Restore the record, or choose another alluxio.cluster.name.' },
    });
  }

  /** Calls back with each view, from the first one on. Once only. */
  follow(onView: (view: MembershipView) => void): void {
    const prefixes = [...['ServiceDiscovery', 'Registered', 'MountTable'].map((kind) => this.#prefix(kind)), this.#clusterKey];
    this.#heardAtMs = this.#clock.nowMs();
    this.#watch = this.store.watch(prefixes, {
      resync: (snapshot: RangeAnswer) => {
        this.#entries.clear();
        for (const entry of snapshot.entries) this.#entries.set(entry.key, parse(entry.value));
        this.#changed(snapshot.revision, onView);
      },
      changed: (events: readonly StoreEvent[], revision: number) => {
        for (const event of events) {
          if (event.type === 'put') this.#entries.set(event.entry.key, parse(event.entry.value));
          else this.#entries.delete(event.key);
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

  get #clusterKey(): string {
    return `/Cluster/${this.#options.clusterName}`;
  }
  #prefix(kind: string): string {
    return `/${kind}/${this.#options.clusterName}/`;
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
    const cluster = clusterRecord(this.#entries.get(this.#clusterKey));
    if (cluster === undefined) return undefined;
    const members = this.#members(cluster.uid);
    return {
      clusterName: this.#options.clusterName,
      clusterUid: cluster.uid,
      generation: cluster.generation,
      revision: this.#revision,
      staticRing: this.#options.staticRing,
      members,
      mounts: this.#below<MountEntry>('MountTable'),
      fuseClients: members.reduce((sum, { record, online }) => sum + (online ? record.fuseClients : 0), 0),
    };
  }

  #members(clusterUid: string): MembershipMember[] {
    // What carries another cluster's UID is none of ours.
    const isOurs = (record: WorkerRecord): boolean => record.clusterUid === clusterUid;
    const online = this.#below<WorkerRecord>('ServiceDiscovery').filter(isOurs);
    const known = new Set(online.map(({ uuid }) => uuid));
    const offline = this.#below<WorkerRecord>('Registered').filter((record) => isOurs(record) && !known.has(record.uuid));
    return [...online.map((record) => ({ record, online: true })), ...offline.map((record) => ({ record, online: false }))].toSorted((a, b) =>
      a.record.uuid < b.record.uuid ? -1 : 1,
    );
  }

  #below<T>(kind: string): T[] {
    const prefix = this.#prefix(kind);
    return [...this.#entries].flatMap(([key, value]) => (key.startsWith(prefix) && typeof value === 'object' && value !== null ? [value as T] : []));
  }
}

function parse(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function clusterRecord(value: unknown): ClusterRecord | undefined {
  const { uid, generation } = (value ?? {}) as Partial<ClusterRecord>;
  return typeof uid === 'string' ? { uid, generation: typeof generation === 'number' ? generation : 1 } : undefined;
}
