// The metadata store as the product sees it: small text values under keys, revisions, transactions with compares, leases, watches.
// Three implementations hold one contract (metadata-store.contract.ts): etcd, a file of this process, and that file served by a coordinator.
import type { CacheError } from '../errors/index.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Default `alluxio.metadata.store.call.timeout`. A call that cannot be answered in time fails with MetadataStoreUnavailable. */
  readonly timeoutMs?: number;
}

export interface StoreEntry {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  /** Revision of the last change. */
  readonly modRevision: number;
  /** 1 when created, raised by each put; a deleted key begins again. */
  readonly version: number;
  /** '' without a lease. */
  readonly leaseId: string;
}

export interface GetAnswer {
  /** Of the store when it answered. */
  readonly revision: number;
  readonly entry: StoreEntry | undefined;
}

export interface RangeAnswer {
  readonly revision: number;
  /** By key, in byte order. */
  readonly entries: readonly StoreEntry[];
}

/** What must hold for a transaction to be applied. */
export type Compare =
  | { readonly key: string; readonly absent: true }
  | { readonly key: string; readonly version: number }
  | { readonly key: string; readonly createRevision: number }
  | { readonly key: string; readonly modRevision: number };

export type Change =
  | { readonly type: 'put'; readonly key: string; readonly value: string; /** Id of a live lease: the key goes when the lease does. */ readonly leaseId?: string }
  | { readonly type: 'delete'; readonly key: string };

/** Applied whole, when every compare holds, or not at all. Each key is changed at most once. */
export interface Transaction {
  readonly compares?: readonly Compare[];
  readonly changes: readonly Change[];
}

export interface CommitAnswer {
  /** false: a compare did not hold and nothing was changed. */
  readonly committed: boolean;
  readonly revision: number;
}

/** A claim that ends by itself: keys put with its id are deleted by the store when it is not kept alive. Never renewed after it was lost: take a new one. */
export interface Lease {
  readonly id: string;
  readonly ttlSeconds: number;
  /** Monotonic milliseconds (`clock.nowMs()`) until which the lease is certain: counted from the sending of the last keepalive that was answered. */
  readonly deadlineMs: number;
  /** Whether the lease is certain right now. Check it at use: a process that was stopped gets no event first. */
  isValid(): boolean;
  /** Aborts with LeaseLost when the deadline passed or the store says that the lease is gone; not by `revoke`. */
  readonly lost: AbortSignal;
  /** Ends the lease and its keys. Idempotent; gives up quietly when the store does not answer, the keys then go with the TTL. */
  revoke(): Promise<void>;
}

export type StoreEvent =
  | { readonly type: 'put'; readonly entry: StoreEntry }
  | { readonly type: 'delete'; readonly key: string; /** Revision of the deletion. */ readonly modRevision: number };

/** Callbacks run one after another; they must not throw. */
export interface WatchListener {
  /** Everything below the prefixes as of `revision`; what was known before is void. Comes first unless `fromRevision` was given, and again when the store no longer has the changes in between. */
  resync(snapshot: RangeAnswer): void;
  /**
   * Changes after the last snapshot, none left out, in order below each prefix; while a watch of several prefixes catches up, one may run ahead of another.
   * `revision` is the highest told so far.
   */
  changed(events: readonly StoreEvent[], revision: number): void;
  /** Whether changes arrive. Told at each change of it; false until the first answer. */
  connected?(isConnected: boolean): void;
}

export interface WatchOptions {
  /** First revision of interest: no snapshot at the start, changes from this one on. */
  readonly fromRevision?: number;
}

export interface Watch {
  /** No callback runs afterwards. Idempotent. */
  close(): void;
}

/**
 * Every call has a deadline. Errors: MetadataStoreUnavailable (retry may help; a commit that ended so may have been applied or may still be: read back),
 * LeaseLost (a put named a lease that is gone), Unauthenticated (wrong credentials), InvalidArgument (broken call), Cancelled (the caller's signal).
 */
export interface MetadataStore {
  /** A missing key is `entry: undefined`. */
  get(key: string, options?: CallOptions): Promise<GetAnswer>;
  /** Every key that begins with `prefix`. */
  range(prefix: string, options?: CallOptions): Promise<RangeAnswer>;
  commit(transaction: Transaction, options?: CallOptions): Promise<CommitAnswer>;
  /** A lease that is kept alive until it is revoked or lost. Whole seconds, from 1. */
  lease(ttlSeconds: number, options?: CallOptions): Promise<Lease>;
  /** Follows all keys below the prefixes until closed, over any number of disconnections. Never throws: without the store it goes on trying. */
  watch(prefixes: readonly string[], listener: WatchListener, options?: WatchOptions): Watch;
  /** Ends watches and keepalives (leases stay until their TTL) and frees connections and files. Idempotent. */
  close(): Promise<void>;
}

/** Reports what a store goes through; `metrics.ts` of a process counts it. */
export interface StoreObserver {
  callEnded?(operation: 'get' | 'range' | 'commit' | 'lease', failure: CacheError | undefined, durationMs: number): void;
  watchRestarted?(): void;
}
