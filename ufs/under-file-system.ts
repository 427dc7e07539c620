// The store behind the cache, as the rest of the product sees it. Implementations: local (also NAS), s3; fakes in testing/.
import type { ByteName, FileStatus } from '../common/api/index.ts';

/** Key below the UFS root of the mount, opaque bytes (see ByteName), no leading slash added or removed: `train/0.jpg`, `a//b`, `a/`. '' is the root. */
export type UfsKey = ByteName;

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Time for the whole call, retries included. Default: the UFS's configured timeout. */
  readonly timeoutMs?: number;
}

export interface ListOptions extends CallOptions {
  /** true: everything below the prefix; false: one level, sub-directories as entries of type `directory`. */
  readonly recursive: boolean;
  /** Exclusive: entries whose key is greater in byte order. Resumes an interrupted listing. */
  readonly startAfter?: UfsKey;
  /** Entries in a batch at most. Default 1000. */
  readonly batchSize?: number;
}

/** An entry of a listing: status plus its key relative to the mount root (`train/0.jpg`; directories without the closing slash in `key`, type says so). */
export interface UfsEntry {
  readonly key: UfsKey;
  readonly status: FileStatus;
}

/** One version of one object: what a read is pinned to. */
export interface VersionedFile {
  readonly key: UfsKey;
  readonly version: string;
  /** Bytes of the whole object in that version. */
  readonly length: number;
}

export interface UfsCapabilities {
  /** strong: the version changes with every write (ETag, versionId). weak: file attributes; what changed less than 2 s ago must not be cached. */
  readonly versionStrength: 'strong' | 'weak';
  /** Directories exist by themselves (files) or only as prefixes (object stores). */
  readonly realDirectories: boolean;
  /** write(…, {ifNoneMatch}) is honoured by the store. */
  readonly conditionalWrite: boolean;
  readonly atomicRename: boolean;
  readonly multipart: boolean;
  readonly signedUrls: boolean;
}

/** Bytes that arrived so far: lets the caller publish a watermark before the whole range is in. */
export type ReadProgress = (bytesReceived: number) => void;

export interface ReadOptions extends CallOptions {
  readonly onProgress?: ReadProgress;
}

export interface WriteOptions extends CallOptions {
  /** '*': create only (PreconditionFailed when the object exists). */
  readonly ifNoneMatch?: '*';
  readonly contentType?: string;
  readonly userMetadata?: Readonly<Record<string, string>>;
}

export interface MultipartUpload {
  readonly uploadId: string;
  readonly key: UfsKey;
}
export interface UploadedPart {
  /** 1 … 10000 */
  readonly partNumber: number;
  readonly etag: string;
}

export interface UnderFileSystem {
  /** `s3://bucket/prefix/` or `file:///dir/`, always with the closing slash: ufsUri of an entry is this + key. */
  readonly rootUri: string;
  readonly capabilities: UfsCapabilities;

  /** The object (or, with real directories, the directory) at exactly this key; undefined when there is none. */
  status(key: UfsKey, options?: CallOptions): Promise<FileStatus | undefined>;

  /** Batches in byte order of key, in bounded memory; the list of one level yields each sub-directory once. A missing prefix lists nothing. */
  list(prefix: UfsKey, options: ListOptions): AsyncIterable<readonly UfsEntry[]>;

  /**
   * Fills `into` from `offset`; returns the bytes read, less than `into.length` only at the end of the object.
   * The response's version and total length are compared before a byte is accepted.
   * @throws UfsObjectChanged (version or length differ, or the object vanished), UfsUnavailable, UfsThrottled, PermissionDenied, DeadlineExceeded, Cancelled.
   * A body cut short or too long is retried from where it stopped within the deadline and never reported as success.
   */
  read(file: VersionedFile, offset: number, into: Uint8Array, options?: ReadOptions): Promise<number>;

  /** Whole object from memory. @returns the new status */
  write(key: UfsKey, bytes: Uint8Array, options?: WriteOptions): Promise<FileStatus>;

  createMultipart(key: UfsKey, options?: WriteOptions): Promise<MultipartUpload>;
  uploadPart(upload: MultipartUpload, partNumber: number, bytes: Uint8Array, options?: CallOptions): Promise<UploadedPart>;
  completeMultipart(upload: MultipartUpload, parts: readonly UploadedPart[], options?: WriteOptions): Promise<FileStatus>;
  abortMultipart(upload: MultipartUpload, options?: CallOptions): Promise<void>;

  /** Idempotent: deleting what is not there succeeds. Recursive deletion is the caller's. */
  delete(key: UfsKey, options?: CallOptions): Promise<void>;
  /** Atomic when capabilities.atomicRename, else copy + delete. */
  rename(from: UfsKey, to: UfsKey, options?: CallOptions): Promise<void>;

  close(): Promise<void>;
}

/** Counts requests by cause; components pass an observer so that ufs stays free of the metrics door. */
export interface UfsObserver {
  /** op: GetObject, HeadObject, ListObjectsV2, read, stat, readdir …; one call per request that left the process. */
  request(op: string, outcome: 'ok' | 'error' | 'retried', durationMs: number): void;
  /** Bytes received or sent. */
  bytes(op: string, count: number): void;
}
