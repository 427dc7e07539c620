// The worker's line to the metadata store: cluster UID, keys of its records, and membership views as they change.
// Not here: registration.
import { randomUUID } from 'node:crypto';
import type { MembershipMember, MembershipView, MountEntry, WorkerRecord } from '../../common/api/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import type { Logger } from '../../common/log/index.ts';
import type { MetadataStore, RangeAnswer, StoreEvent, Watch } from '../../common/metadata-store/index.ts';

export interface ClusterLinkOptions {
  readonly store: MetadataStore;
  readonly clusterName: string;
  readonly staticRing: boolean;
  readonly logger: Logger;
}

interface ClusterRecord {
  readonly uid: string;
  readonly generation: number;
}

export class ClusterLink {
  readonly store: MetadataStore;
  readonly #options: ClusterLinkOptions;
  readonly #entries = new Map<string, unknown>();
  #watch: Watch | undefined;

  constructor(options: ClusterLinkOptions) {
    this.#options = options;
    this.store = options.store;
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

  /** Calls back with each view, from the first one on. */
  follow(onView: (view: MembershipView) => void): void {
    const prefixes = [...['ServiceDiscovery', 'Registered', 'MountTable'].map((kind) => this.#prefix(kind)), this.#clusterKey];
    const tell = (revision: number): void => {
      const view = this.#view(revision);
      if (view !== undefined) onView(view);
    };
    this.#watch = this.store.watch(prefixes, {
      resync: (snapshot: RangeAnswer) => {
        this.#entries.clear();
        for (const entry of snapshot.entries) this.#entries.set(entry.key, parse(entry.value));
        tell(snapshot.revision);
      },
      changed: (events: readonly StoreEvent[], revision: number) => {
        for (const event of events) {
          if (event.type === 'put') this.#entries.set(event.entry.key, parse(event.entry.value));
          else this.#entries.delete(event.key);
        }
        tell(revision);
      },
    });
  }

  async close(): Promise<void> {
    this.#watch?.close();
    await this.store.close();
  }

  get #clusterKey(): string {
    return `/Cluster/${this.#options.clusterName}`;
  }
  #prefix(kind: string): string {
    return `/${kind}/${this.#options.clusterName}/`;
  }

  #view(revision: number): MembershipView | undefined {
    const cluster = clusterRecord(this.#entries.get(this.#clusterKey));
    if (cluster === undefined) return undefined;
    const members = this.#members(cluster.uid);
    return {
      clusterName: this.#options.clusterName,
      clusterUid: cluster.uid,
      generation: cluster.generation,
      revision,
      staticRing: this.#options.staticRing,
      members,
      mounts: this.#below<MountEntry>('MountTable'),
      fuseClients: members.reduce((sum, { record, online }) => sum + (online ? record.fuseClients : 0), 0),
    };
  }

  #members(clusterUid: string): MembershipMember[] {
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
