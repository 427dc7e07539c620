// UFS over one bucket of an S3-compatible store. Keys are opaque and go out exactly as they are; versions are ETags, compared before a byte is accepted.
import type { FileStatus } from '../../common/api/index.ts';
import { CacheError, isCacheError } from '../../common/errors/index.ts';
import { printableName } from '../../common/namespace/index.ts';
import { fileStatus } from '../entry-status.ts';
import { checkOffset } from '../read-range.ts';
import type {
  CallOptions,
  ListOptions,
  MultipartUpload,
  ReadOptions,
  UfsCapabilities,
  UfsEntry,
  UfsKey,
  UfsObserver,
  UnderFileSystem,
  UploadedPart,
  VersionedFile,
  WriteOptions,
} from '../under-file-system.ts';
import { etagOfVersion, headFacts } from './object-facts.ts';
import { type ListPage, parseListing } from './object-list.ts';
import { RangeRead } from './range-read.ts';
import { S3Client } from './s3-client.ts';
import { brokenResponse, changedObject } from './s3-errors.ts';
import type { S3Settings } from './s3-settings.ts';
import { S3Writer } from './s3-writer.ts';

/** What a store answers at most in one page. */
const PAGE_KEYS_MAX = 1000;
const REFUSAL_TRUSTED_MS = 30_000;
const AFTER_ALL = '\u{10FFFF}';

function resumeQuery(token: string | undefined, startAfter: string | undefined): Record<string, string> {
  if (token !== undefined) return { 'continuation-token': token };
  return startAfter === undefined ? {} : { 'start-after': startAfter };
}

interface ListPosition {
  readonly token: string | undefined;
  readonly startAfter: string | undefined;
}

/** Where the listing goes on. @throws UfsUnavailable when that is not told, or is where it was: it would never end */
function resumeAfter({ continuationToken: token, lastKey, entries }: ListPage, before: ListPosition): ListPosition {
  if (token === undefined && lastKey === undefined) throw brokenResponse('The store says that more follows, but not where.');
  const startAfter = lastKey ?? before.startAfter;
  if (entries.length === 0 && token === before.token && startAfter === before.startAfter) throw brokenResponse('The store lists the same page again and again.');
  return { token, startAfter };
}

export class S3Ufs implements UnderFileSystem {
  readonly rootUri: string;
  readonly capabilities: UfsCapabilities = {
    versionStrength: 'strong',
    realDirectories: false,
    conditionalWrite: true,
    atomicRename: false,
    multipart: true,
    signedUrls: false,
  };
  readonly #client: S3Client;
  readonly #rootPrefix: string;
  readonly #writer: S3Writer;

  constructor(settings: S3Settings, observer?: UfsObserver) {
    this.rootUri = settings.rootUri;
    this.#rootPrefix = settings.rootPrefix;
    this.#client = new S3Client(settings, observer);
    this.#writer = new S3Writer(this.#client, (key, options) => this.status(key, options));
  }

  /** Whether the bucket is there and may be listed; keys that may only read by name do not pass. @throws PathNotFound, Unauthenticated, PermissionDenied, InvalidConfiguration, UfsUnavailable: each with a remedy */
  async probe(options?: CallOptions): Promise<void> {
    const { body } = await this.#client.call(this.#listRequest({ 'max-keys': '1', prefix: this.#rootPrefix }), options);
    parseListing(body, { rootUri: this.rootUri, rootPrefix: this.#rootPrefix, prefix: this.#rootPrefix, startAfter: undefined });
  }

  async status(key: UfsKey, options?: CallOptions): Promise<FileStatus | undefined> {
    const full = this.#rootPrefix + key;
    // S3 keys are UTF-8 and not empty: no object can have another one.
    if (full === '' || !full.isWellFormed()) return undefined;
    try {
      const { headers } = await this.#client.call({ op: 'HeadObject', method: 'HEAD', key: full }, options);
      return fileStatus(this.rootUri, key, headFacts(headers));
    } catch (error) {
      const isAbsent = isCacheError(error, 'PathNotFound');
      if (!isAbsent && !isCacheError(error, 'PermissionDenied') && !isCacheError(error, 'InvalidArgument')) throw error;
      await this.#explainRefusal(options);
      if (!isAbsent) throw error;
      return undefined;
    }
  }

  /** One request per batch; the timeout is that of each request. Directories stand where their closing slash sorts. */
  async *list(prefix: UfsKey, options: ListOptions): AsyncIterable<readonly UfsEntry[]> {
    const full = this.#rootPrefix + prefix;
    if (!full.isWellFormed()) return;
    const { recursive, batchSize = PAGE_KEYS_MAX, signal, timeoutMs } = options;
    const call = { ...(signal !== undefined && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
    const fixed = { 'max-keys': String(Math.max(1, Math.min(batchSize, PAGE_KEYS_MAX))), prefix: full, ...(!recursive && { delimiter: '/' }) };
    let startAfter = this.#startAfter(options.startAfter);
    let token: string | undefined;
    for (;;) {
      const { body } = await this.#client.call(this.#listRequest({ ...fixed, ...resumeQuery(token, startAfter) }), call);
      const page = parseListing(body, { rootUri: this.rootUri, rootPrefix: this.#rootPrefix, prefix: full, startAfter });
      if (page.entries.length > 0) yield page.entries;
      if (!page.isTruncated) return;
      ({ token, startAfter } = resumeAfter(page, { token, startAfter }));
    }
  }

  async read(file: VersionedFile, offset: number, into: Uint8Array, options: ReadOptions = {}): Promise<number> {
    checkOffset(offset);
    const etag = etagOfVersion(file.version);
    if (etag === undefined)
      throw new CacheError('InvalidArgument', 'This is no version of an S3 object.', { source: 'caller', context: { field: 'version', value: file.version } });
    const length = Math.max(0, Math.min(into.length, file.length - offset));
    if (length === 0) return 0;
    const range = new RangeRead(file, etag, { offset, into: into.subarray(0, length), onProgress: options.onProgress });
    const key = this.#rootPrefix + file.key;
    try {
      await this.#client.retry(
        async (attempt) => {
          const sink = range.sink();
          const before = range.received;
          try {
            await attempt.send({ op: 'GetObject', method: 'GET', key, headers: range.requestHeaders(), sink });
            sink.finish();
          } finally {
            this.#client.observer?.bytes('GetObject', range.received - before);
          }
          if (!range.isComplete) throw brokenResponse('The body ended early.', { expected: length, got: range.received });
        },
        { ...options, progress: () => range.received },
      );
    } catch (error) {
      throw this.#readError(error, file.key);
    }
    return length;
  }

  write(key: UfsKey, bytes: Uint8Array, options?: WriteOptions): Promise<FileStatus> {
    return this.#writer.write({ key, full: this.#fullKey(key) }, bytes, options);
  }
  createMultipart(key: UfsKey, options?: WriteOptions): Promise<MultipartUpload> {
    return this.#writer.createMultipart({ key, full: this.#fullKey(key) }, options);
  }
  uploadPart(upload: MultipartUpload, partNumber: number, bytes: Uint8Array, options?: CallOptions): Promise<UploadedPart> {
    return this.#writer.uploadPart({ uploadId: upload.uploadId, full: this.#fullKey(upload.key) }, partNumber, bytes, options);
  }
  completeMultipart(upload: MultipartUpload, parts: readonly UploadedPart[], options?: WriteOptions): Promise<FileStatus> {
    return this.#writer.completeMultipart({ uploadId: upload.uploadId, key: upload.key, full: this.#fullKey(upload.key) }, parts, options);
  }
  async abortMultipart(upload: MultipartUpload, options?: CallOptions): Promise<void> {
    await this.#writer.abortMultipart({ uploadId: upload.uploadId, full: this.#fullKey(upload.key) }, options);
  }

  async delete(key: UfsKey, options?: CallOptions): Promise<void> {
    const full = this.#rootPrefix + key;
    if (full === '' || !full.isWellFormed()) return;
    await this.#writer.delete(full, options);
  }

  /** Copy, then delete: not atomic. */
  async rename(from: UfsKey, to: UfsKey, options?: CallOptions): Promise<void> {
    const status = await this.status(from, options);
    if (status === undefined) throw new CacheError('PathNotFound', 'There is nothing to rename.', { source: 'ufs', context: { key: printableName(from) } });
    if (from === to) return;
    await this.#writer.copy({ from: this.#fullKey(from), to: this.#fullKey(to), status }, options);
    await this.delete(from, options);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** What is no UTF-8 cannot be sent: everything that begins like it lies between two keys that can. */
  #startAfter(key: UfsKey | undefined): string | undefined {
    if (key === undefined) return undefined;
    const full = this.#rootPrefix + key;
    return full.isWellFormed() ? full : full.replace(/[\ud800-\udfff][^]*$/u, AFTER_ALL);
  }

  /**
   * HEAD has no body that could tell a missing object from a missing bucket or wrong keys, nor a policy from an expired token: what it refuses is believed
   * only while other requests succeed, else a listing is asked why. @throws the listing's error
   */
  async #explainRefusal(options: CallOptions | undefined): Promise<void> {
    if (this.#client.succeededWithin(REFUSAL_TRUSTED_MS)) return;
    try {
      await this.probe(options);
    } catch (error) {
      // Keys that may read but not list.
      if (!isCacheError(error, 'PermissionDenied')) throw error;
    }
  }

  #listRequest(query: Readonly<Record<string, string>>) {
    return { op: 'ListObjectsV2', method: 'GET', query: { 'list-type': '2', 'encoding-type': 'url', ...query } } as const;
  }

  /** @throws InvalidArgument for a key that no object can have */
  #fullKey(key: UfsKey): string {
    const full = this.#rootPrefix + key;
    if (full !== '' && full.isWellFormed()) return full;
    throw new CacheError('InvalidArgument', 'No S3 object can have this key.', {
      source: 'caller',
      context: { field: 'key', value: printableName(key), remedy: 'Keys are UTF-8 and not empty.' },
    });
  }

  /** To a reader of a version, a missing object, another ETag and another length are one thing. */
  #readError(error: unknown, key: UfsKey): unknown {
    if (isCacheError(error, 'PathNotFound')) return changedObject(key, 'it is gone');
    if (isCacheError(error, 'PreconditionFailed')) return changedObject(key, 'its ETag differs');
    return isCacheError(error, 'RangeInvalid') ? changedObject(key, 'it is shorter') : error;
  }
}
