// Plain values that cross process borders: what is known of one path.

/**
 * Names are JavaScript strings that stand for bytes without loss: valid UTF-8 decodes as usual, each invalid byte 0xNN becomes the lone
 * surrogate U+DCNN (as Python's surrogateescape does). `common/namespace` converts. Never normalise, never send through lossy encoders:
 * JSON.stringify keeps lone surrogates, Buffer.from(…, 'utf8') does not.
 */
export type ByteName = string;

export interface FileStatus {
  /** Namespace path, e.g. `/data/train/0.jpg`. UFS clients leave it ''; the worker fills it in. */
  readonly path: ByteName;
  /** Full UFS URI, e.g. `s3://bucket/prefix/train/0.jpg`. */
  readonly ufsUri: ByteName;
  readonly type: 'file' | 'directory';
  /** Bytes; 0 for directories. */
  readonly length: number;
  /** Milliseconds since the epoch; 0 when unknown (S3 prefixes). */
  readonly mtimeMs: number;
  /** Opaque version that changes whenever the bytes may have: `etag:"…"`, `vid:…`, `gen:…`, `file:ino-size-mtimeNs-ctimeNs`; '' for directories. */
  readonly version: string;
  /** 32 hex digits, `fileIdOf(ufsUri, version)`; '' for directories. */
  readonly fileId: string;
  /** POSIX mode bits below 0o7777 when the UFS has them. */
  readonly mode?: number;
  readonly contentType?: string;
  readonly storageClass?: string;
  readonly userMetadata?: Readonly<Record<string, string>>;
}
