// Registered workers as an administrator sees and forgets them. Not here: registration, which is the workers' own.
import type { MembershipMember, MembershipView } from '../common/api/index.ts';
import { CacheError } from '../common/errors/index.ts';
import { type CallOptions, ClusterKeys, type MetadataStore } from '../common/metadata-store/index.ts';

export interface NodeShown {
  readonly workerId: string;
  readonly uuid: string;
  readonly host: string;
  readonly status: 'ONLINE' | 'OFFLINE';
  readonly rpcPort: number;
  readonly dataPort: number;
  readonly webPort: number;
  readonly capacityBytes: number;
  readonly vnodes: number;
  readonly hostId: string;
  readonly startedAtMs: number;
  readonly build: string;
}

export const shownNode = ({ record, online }: MembershipMember): NodeShown => ({
  workerId: `worker-${record.uuid}`,
  uuid: record.uuid,
  host: record.WorkerNetAddress.Host,
  status: online ? 'ONLINE' : 'OFFLINE',
  rpcPort: record.WorkerNetAddress.RpcPort,
  dataPort: record.WorkerNetAddress.NettyDataPort,
  webPort: record.WorkerNetAddress.WebPort,
  capacityBytes: record.capacityBytes,
  vnodes: record.vnodes,
  hostId: record.hostId,
  startedAtMs: record.startedAtMs,
  build: record.build,
});
export const shownNodes = (view: MembershipView): NodeShown[] => view.members.map(shownNode);

export class NodeRecords {
  readonly #store: MetadataStore;
  readonly #keys: ClusterKeys;

  constructor(store: MetadataStore, clusterName: string) {
    this.#store = store;
    this.#keys = new ClusterKeys(clusterName);
  }

  /** Forgets a worker that is offline: its part of a static ring goes to the others. @throws PathNotFound, PreconditionFailed (it is online), MetadataStoreUnavailable */
  async remove(uuid: string, call: CallOptions = {}): Promise<void> {
    const registered = this.#keys.registeredWorker(uuid);
    const online = this.#keys.onlineWorker(uuid);
    const isKnown = (await this.#store.get(registered, call)).entry !== undefined;
    const isOnline = (await this.#store.get(online, call)).entry !== undefined;
    if (isOnline) throw onlineWorker(uuid);
    if (!isKnown) {
      throw new CacheError('PathNotFound', `No worker ${uuid} is registered.`, { source: 'caller', context: { field: 'uuid', value: uuid, remedy: 'See alluxio info nodes.' } });
    }
    const { committed } = await this.#store.commit({ compares: [{ key: online, absent: true }], changes: [{ type: 'delete', key: registered }] }, call);
    if (!committed) throw onlineWorker(uuid);
  }
}

const onlineWorker = (uuid: string): CacheError =>
  new CacheError('PreconditionFailed', `The worker ${uuid} is online.`, {
    source: 'caller',
    context: { field: 'uuid', value: uuid, remedy: 'Stop it first; it leaves the ring by itself.' },
  });
