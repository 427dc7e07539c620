// Plain values that cross process borders: workers, mounts and the view that clients route by.
import type { ByteName } from './file-status.ts';

/** The reference's record shape (Identity, WorkerNetAddress, upper-case names) plus our fields in camelCase. */
export interface WorkerRecord {
  readonly Identity: { readonly version: 1; /** uuid as 32 hex digits */ readonly identifier: string };
  readonly WorkerNetAddress: {
    readonly Host: string;
    readonly ContainerHost: string;
    readonly RpcPort: number;
    readonly DataPort: number;
    readonly SecureRpcPort: number;
    readonly NettyDataPort: number;
    readonly WebPort: number;
    /** Unix socket of the data plane on the worker's own host, '' when there is none. */
    readonly DomainSocketPath: string;
    readonly HttpServerPort: number;
  };
  /** uuid in canonical form. */
  readonly uuid: string;
  /** Random per process start: tells two lives of one identity apart. */
  readonly instanceId: string;
  readonly clusterUid: string;
  /** Points on the ring, fixed at registration. */
  readonly vnodes: number;
  readonly capacityBytes: number;
  readonly pageSizeBytes: number;
  /** Node the worker runs on: co-location of clients is decided by it. */
  readonly hostId: string;
  readonly build: string;
  readonly startedAtMs: number;
  /** Live FUSE clients that said hello to this worker. */
  readonly fuseClients: number;
}

export interface MountEntry {
  /** One segment below `/`: `/data`. */
  readonly mountPath: ByteName;
  readonly ufsUri: ByteName;
  /** Plain options by the reference's property names; never a secret. */
  readonly options: Readonly<Record<string, string>>;
  /** Secret options, AES-256-GCM under the cluster's sealing key, base64; '' when there are none. */
  readonly sealedOptions: string;
  /** Raised at each change. */
  readonly generation: number;
  /** `cli`, or the uid of the resource that owns the entry. */
  readonly owner: string;
}

export interface MembershipMember {
  readonly record: WorkerRecord;
  readonly online: boolean;
}

/** One immutable snapshot. Clients build the ring from `members` and the mount table from `mounts`. */
export interface MembershipView {
  readonly clusterName: string;
  readonly clusterUid: string;
  /** Raised when the metadata store is rebuilt; orders before `revision`. */
  readonly generation: number;
  /** Revision of the metadata store: equal revisions mean equal views. */
  readonly revision: number;
  readonly staticRing: boolean;
  /** Online workers, and offline ones too (static rings keep them). */
  readonly members: readonly MembershipMember[];
  readonly mounts: readonly MountEntry[];
  /** Sum over all workers: divides the direct-read budget. */
  readonly fuseClients: number;
}
