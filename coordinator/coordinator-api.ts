// What a coordinator does, whichever door asks (REST or gRPC). Answers come from the last view also while the metadata store is away; changes need the store.
import type { MembershipView } from '../common/api/index.ts';
import type { Configuration, ConfigurationEntry } from '../common/config/index.ts';
import { CacheError } from '../common/errors/index.ts';
import type { CallOptions } from '../common/metadata-store/index.ts';
import { type MountRecords, type MountRequest, type MountShown, shownMount } from './mount-records.ts';
import { type NodeRecords, type NodeShown, shownNodes } from './node-records.ts';
import { workerUuid } from './request-fields.ts';

/** The cluster as this coordinator last saw it. */
export interface ClusterView {
  /** undefined: the metadata store was never reached. */
  readonly view: MembershipView | undefined;
  /** Whether changes arrive. */
  readonly isConnected: boolean;
  /** Since the last change or check; 0 while connected. */
  readonly ageMs: number;
}

export interface ShownView extends MembershipView {
  /** Milliseconds since the metadata store was last heard of; 0 while it is there. */
  readonly staleMs: number;
}

export interface ApiObserver {
  operation(name: ApiOperation, outcome: 'ok' | 'error'): void;
}
export const API_OPERATIONS = ['mount-list', 'mount-add', 'mount-update', 'mount-remove', 'membership', 'node-list', 'node-remove', 'version', 'config'] as const;
export type ApiOperation = (typeof API_OPERATIONS)[number];

export interface CoordinatorApiOptions {
  readonly config: Configuration;
  readonly version: string;
  readonly mounts: MountRecords;
  readonly nodes: NodeRecords;
  readonly cluster: () => ClusterView;
  readonly observer: ApiObserver;
}

export class CoordinatorApi {
  readonly #options: CoordinatorApiOptions;

  constructor(options: CoordinatorApiOptions) {
    this.#options = options;
  }

  /** Read from the store, so that a mount added at another coordinator is seen at once; from the last view while the store is away. */
  listMounts(call: CallOptions = {}): Promise<readonly MountShown[]> {
    return this.#counted('mount-list', async () => {
      try {
        return await this.#options.mounts.list(call);
      } catch (error) {
        const { view } = this.#options.cluster();
        if (view === undefined || !(error instanceof CacheError) || error.code !== 'MetadataStoreUnavailable') throw error;
        return view.mounts.map(shownMount);
      }
    });
  }
  addMount(request: MountRequest, call: CallOptions = {}): Promise<MountShown> {
    return this.#counted('mount-add', () => this.#options.mounts.add(request, call));
  }
  updateMount(request: MountRequest, call: CallOptions = {}): Promise<MountShown> {
    return this.#counted('mount-update', () => this.#options.mounts.update(request, call));
  }
  removeMount(mountPath: string, owner?: string, call: CallOptions = {}): Promise<MountShown> {
    return this.#counted('mount-remove', () => this.#options.mounts.remove(mountPath, owner, call));
  }

  /** Sealed options stay sealed. @throws MetadataStoreUnavailable before the first view */
  membership(): Promise<ShownView> {
    return this.#counted('membership', () => Promise.resolve(this.#view()));
  }
  listNodes(): Promise<readonly NodeShown[]> {
    return this.#counted('node-list', () => Promise.resolve(shownNodes(this.#view())));
  }
  removeNode(uuid: string, call: CallOptions = {}): Promise<string> {
    return this.#counted('node-remove', async () => {
      const id = workerUuid(uuid);
      await this.#options.nodes.remove(id, call);
      return id;
    });
  }

  version(): Promise<{ readonly version: string; readonly clusterName: string | undefined }> {
    return this.#counted('version', () => Promise.resolve({ version: this.#options.version, clusterName: this.#options.cluster().view?.clusterName }));
  }
  /** Values in force, secrets masked. */
  configuration(): Promise<readonly ConfigurationEntry[]> {
    return this.#counted('config', () => Promise.resolve(this.#options.config.entries()));
  }

  #view(): ShownView {
    const { view, ageMs } = this.#options.cluster();
    if (view !== undefined)
      return { ...view, mounts: view.mounts.map((mount) => ({ ...mount, sealedOptions: mount.sealedOptions === '' ? '' : 'sealed' })), staleMs: Math.round(ageMs) };
    throw new CacheError('MetadataStoreUnavailable', 'The coordinator has not reached the metadata store yet.', {
      source: 'metadata-store',
      context: { remedy: 'Check alluxio.etcd.endpoints and that etcd runs.' },
    });
  }

  async #counted<T>(name: ApiOperation, work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work();
      this.#options.observer.operation(name, 'ok');
      return answer;
    } catch (error) {
      this.#options.observer.operation(name, 'error');
      throw error;
    }
  }
}
