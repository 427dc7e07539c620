// The library that FUSE, S3, CLI and embedders read through.
import type { ByteName, FileStatus, MembershipView, MountEntry } from '../common/api/index.ts';
import type { DataPlaneEndpoint, SessionKeys } from '../proto/frames/contracts.ts';
import type { SessionRole } from '../proto/frames/layout.ts';

export interface ClientCallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface StatusOptions extends ClientCallOptions {
  /** Accept what was validated at most this long ago. Default: the mount's metadata maxAge (60 s); 0 asks the UFS. */
  readonly maxAgeMs?: number;
}

export interface ListPathOptions extends ClientCallOptions {
  /** `next` of the previous page, or a name (one segment): what comes after it, exclusive. */
  readonly startAfter?: ByteName;
  /** Entries at most. Default 1000, at most 10000. */
  readonly limit?: number;
}
export interface ListPage {
  readonly entries: readonly FileStatus[];
  /** More entries follow after the last one. */
  readonly truncated: boolean;
  /** Present when truncated: `startAfter` of the next page. Opaque; a page may be empty and yet have a successor (all its keys were hidden). */
  readonly next?: ByteName;
  /** Keys of this page that POSIX cannot show (empty, '.', '..' or too long segments, a file shadowed by a directory). */
  readonly hidden: number;
  /** Milliseconds since the UFS was asked; left out: just now. */
  readonly ageMs?: number;
}

/** A status with its age: what entry and attribute timeouts are computed from. */
export interface StatusLookup {
  /** undefined: nothing there. */
  readonly status: FileStatus | undefined;
  /** Milliseconds since the UFS was asked; a timeout is `maxAgeMs - ageMs`, never below 0. */
  readonly ageMs: number;
  /** How long an answer of this kind stays good on this mount (60 s, 1 s for a missing name). Infinity when metadata is immutable. */
  readonly maxAgeMs: number;
}

/** A worker as a reader of one path sees it. */
export interface RouteTarget {
  readonly workerId: string;
  readonly instanceId: string;
  readonly hostId: string;
  /** `unixPath` is '' unless the worker runs on this client's host. */
  readonly endpoint: DataPlaneEndpoint;
  readonly kind: 'owner' | 'replica' | 'pass-through';
  readonly coLocated: boolean;
  readonly online: boolean;
  /** Failed a moment ago: asked last until it answers a probe. */
  readonly suspect: boolean;
}

/** Where a path belongs under the current view; no request. */
export interface PathRoute {
  readonly mount: MountEntry | undefined;
  /** Key below the UFS root of the mount. */
  readonly key: ByteName;
  readonly ufsUri: ByteName;
  /** The ring's first choice, also when it is offline or suspect; undefined on an empty ring. */
  readonly owner: RouteTarget | undefined;
  /** In the order in which a read asks them (the co-located owner first, suspects last); bounded. */
  readonly targets: readonly RouteTarget[];
  /** Worker on this client's host, whatever it owns: ask it for descriptors (HandOverFd). */
  readonly coLocated: RouteTarget | undefined;
  readonly viewRevision: number;
}

/** Reply of Op.Residency: what one worker holds of a version. Request: JSON {path}, the version's fileId in the header (zero: the worker's own status of the path). */
export interface PathResidency {
  readonly workerId: string;
  readonly path: ByteName;
  readonly ufsUri: ByteName;
  readonly version: string;
  readonly fileId: string;
  readonly lengthBytes: number;
  readonly pageSizeBytes: number;
  readonly pagesResident: number;
  readonly pagesTotal: number;
  readonly bytesResident: number;
}
export interface ResidencyReport {
  readonly status: FileStatus;
  readonly ownerId: string | undefined;
  /** Workers that hold at least one page, and the owner in any case. */
  readonly holders: readonly PathResidency[];
  /** Workers that did not answer: the report is a lower bound when there are any. */
  readonly silentWorkers: readonly string[];
}

/** What a client tells of itself while it works; the owner of the process turns it into metrics and logs. */
export interface ClientObserver {
  /** A worker did not answer as it should and was passed over. `cause` is an ErrorCode. */
  fallback?(workerId: string, cause: string): void;
  suspect?(workerId: string, isSuspect: boolean): void;
  view?(view: MembershipView): void;
  /** Nobody could answer a poll for membership; the last view stays. */
  membershipUnavailable?(error: Error): void;
  ufsRequest?(op: string, outcome: 'ok' | 'error' | 'retried', durationMs: number): void;
}

/** Who answered a read: the tests and `fs explain` rely on these. */
export interface ReadCounters {
  readonly ownerReads: number;
  readonly replicaReads: number;
  /** Answered by a worker that neither owns nor replicates the page. */
  readonly passThroughReads: number;
  readonly ufsReads: number;
  readonly ufsBytes: number;
  readonly fallbacks: number;
  readonly retries: number;
  /** Bytes fetched before anybody asked for them; those that nobody read later are wasted. */
  readonly readAheadBytes: number;
  readonly readAheadWastedBytes: number;
  /** Reads or parts of reads answered from read-ahead buffers. */
  readonly readAheadHits: number;
  /** Bytes held now in read-ahead buffers and the cache of direct reads. */
  readonly bufferedBytes: number;
  /** Fallbacks by the error code that caused them. */
  readonly fallbacksByCause: Readonly<Record<string, number>>;
}

/** Pinned to one version: it never returns bytes of another. */
export interface FileHandle {
  readonly status: FileStatus;
  /**
   * Fills `into` from `offset`; returns bytes read (less than asked only at end of file).
   * @throws UfsObjectChanged when the version is gone everywhere; other codes only when neither a worker nor the UFS could answer.
   */
  read(offset: number, into: Uint8Array, options?: ClientCallOptions): Promise<number>;
  close(): void;
}

export interface CacheClient {
  readonly view: MembershipView;
  readonly counters: ReadCounters;
  /** POSIX projection: a directory wins over an object of the same name. undefined: nothing there. */
  status(path: ByteName, options?: StatusOptions): Promise<FileStatus | undefined>;
  /** One page of a directory, in byte order of names. @throws PathNotFound, NotADirectory */
  list(path: ByteName, options?: ListPathOptions): Promise<ListPage>;
  openFile(path: ByteName, options?: StatusOptions): Promise<FileHandle>;
  /** Handle for a status obtained before (readdirplus, FUSE inode): no request. */
  openVersion(status: FileStatus): FileHandle;
  /** As `status`, with the age of the answer: kernel timeouts follow from it. */
  lookup(path: ByteName, options?: StatusOptions): Promise<StatusLookup>;
  /** Forgets what is cached about the path, so that the next status asks its owner. */
  invalidate(path: ByteName): void;
  /** Owner and order of workers of a path, for blocking connections and `fs location`. No request. */
  route(path: ByteName): PathRoute;
  /** Asks every live worker what it holds of the path. @throws PathNotFound, IsADirectory */
  residency(path: ByteName, options?: ClientCallOptions): Promise<ResidencyReport>;
  /** What `connectData` and `connectDataBlocking` need besides an endpoint. */
  readonly session: ClientSession;
  /** Calls back after each newer view until the returned function is called. */
  onView(listener: (view: MembershipView) => void): () => void;
  close(): Promise<void>;
}

export interface ClientSession {
  readonly keys: SessionKeys;
  readonly role: SessionRole;
  readonly identity: string;
}
