// The library that FUSE, S3, CLI and embedders read through.
import type { ByteName, FileStatus, MembershipView } from '../common/api/index.ts';

export interface ClientCallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface StatusOptions extends ClientCallOptions {
  /** Accept what was validated at most this long ago. Default: the mount's metadata maxAge (60 s); 0 asks the UFS. */
  readonly maxAgeMs?: number;
}

export interface ListPathOptions extends ClientCallOptions {
  /** Last name (one segment) of the previous page, exclusive. */
  readonly startAfter?: ByteName;
  readonly limit?: number;
}
export interface ListPage {
  readonly entries: readonly FileStatus[];
  /** More entries follow after the last one. */
  readonly truncated: boolean;
  /** Keys of this page that POSIX cannot show (empty, '.', '..' or too long segments, a file shadowed by a directory). */
  readonly hidden: number;
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
  readonly readAheadBytes: number;
  readonly readAheadWastedBytes: number;
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
  close(): Promise<void>;
}
