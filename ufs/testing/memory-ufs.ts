// An under file system in memory for unit tests: flat keys like an object store, strong versions. Not for production and not a measure of speed.
import type { FileStatus } from '../../common/api/index.ts';
import { throwIfAborted } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { fileIdHex, fileIdOf } from '../../common/hash/index.ts';
import { compareNames } from '../../common/namespace/index.ts';
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

const BATCH_SIZE = 1000;
const PART_NUMBER_MAX = 10_000;

interface StoredObject {
  readonly bytes: Uint8Array;
  readonly status: FileStatus;
}

export interface MemoryUfsOptions {
  /** With the closing slash. Default `memory://test/`. */
  readonly rootUri?: string;
  readonly objects?: Readonly<Record<UfsKey, Uint8Array>>;
  readonly observer?: UfsObserver;
}

/** Objects are copied on the way in and out; every write makes a new version, also of equal bytes. */
export class MemoryUfs implements UnderFileSystem {
  readonly rootUri: string;
  readonly capabilities: UfsCapabilities = {
    versionStrength: 'strong',
    realDirectories: false,
    conditionalWrite: true,
    atomicRename: true,
    multipart: true,
    signedUrls: false,
  };
  readonly #objects = new Map<UfsKey, StoredObject>();
  readonly #uploads = new Map<string, { readonly key: UfsKey; readonly parts: Map<number, { readonly etag: string; readonly bytes: Uint8Array }> }>();
  readonly #observer: UfsObserver | undefined;
  #sequence = 0;

  constructor(options: MemoryUfsOptions = {}) {
    this.rootUri = options.rootUri ?? 'memory://test/';
    this.#observer = options.observer;
    for (const [key, bytes] of Object.entries(options.objects ?? {})) this.#store(key, bytes);
  }

  async status(key: UfsKey, options?: CallOptions): Promise<FileStatus | undefined> {
    this.#begin('status', options);
    return this.#objects.get(key)?.status;
  }

  async *list(prefix: UfsKey, options: ListOptions): AsyncIterable<readonly UfsEntry[]> {
    this.#begin('list', options);
    const entries = this.#entriesBelow(prefix, options.recursive).filter(({ key }) => options.startAfter === undefined || compareNames(key, options.startAfter) > 0);
    const size = options.batchSize ?? BATCH_SIZE;
    for (let start = 0; start < entries.length; start += size) {
      throwIfAborted(options.signal);
      yield entries.slice(start, start + size);
    }
  }

  async read(file: VersionedFile, offset: number, into: Uint8Array, options?: ReadOptions): Promise<number> {
    this.#begin('read', options);
    const stored = this.#objects.get(file.key);
    if (stored === undefined || stored.status.version !== file.version || stored.bytes.length !== file.length) {
      throw new CacheError('UfsObjectChanged', 'The object is no longer the version that was asked for.', { source: 'ufs', context: { key: file.key } });
    }
    if (!Number.isSafeInteger(offset) || offset < 0) throw new CacheError('RangeInvalid', 'The offset is not a byte position.', { source: 'caller', context: { offset } });
    const part = stored.bytes.subarray(offset, offset + into.length);
    into.set(part);
    this.#observer?.bytes('read', part.length);
    options?.onProgress?.(part.length);
    return part.length;
  }

  async write(key: UfsKey, bytes: Uint8Array, options?: WriteOptions): Promise<FileStatus> {
    this.#begin('write', options);
    this.#observer?.bytes('write', bytes.length);
    return this.#store(key, bytes, options);
  }

  async createMultipart(key: UfsKey, options?: WriteOptions): Promise<MultipartUpload> {
    this.#begin('createMultipart', options);
    const uploadId = `upload-${++this.#sequence}`;
    this.#uploads.set(uploadId, { key, parts: new Map() });
    return { uploadId, key };
  }

  async uploadPart(upload: MultipartUpload, partNumber: number, bytes: Uint8Array, options?: CallOptions): Promise<UploadedPart> {
    this.#begin('uploadPart', options);
    if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > PART_NUMBER_MAX) {
      throw new CacheError('InvalidArgument', 'Part numbers run from 1 to 10000.', { source: 'caller', context: { partNumber } });
    }
    const etag = `"part-${++this.#sequence}"`;
    this.#upload(upload).parts.set(partNumber, { etag, bytes: Uint8Array.from(bytes) });
    this.#observer?.bytes('uploadPart', bytes.length);
    return { partNumber, etag };
  }

  async completeMultipart(upload: MultipartUpload, parts: readonly UploadedPart[], options?: WriteOptions): Promise<FileStatus> {
    this.#begin('completeMultipart', options);
    const stored = this.#upload(upload).parts;
    let last = 0;
    const bodies = parts.map(({ partNumber, etag }) => {
      const part = stored.get(partNumber);
      if (part?.etag !== etag || partNumber <= last) {
        throw new CacheError('InvalidArgument', 'A part is unknown or out of order.', { source: 'caller', context: { partNumber } });
      }
      last = partNumber;
      return part.bytes;
    });
    const status = this.#store(upload.key, Buffer.concat(bodies), options);
    this.#uploads.delete(upload.uploadId);
    return status;
  }

  async abortMultipart(upload: MultipartUpload, options?: CallOptions): Promise<void> {
    this.#begin('abortMultipart', options);
    this.#uploads.delete(upload.uploadId);
  }

  async delete(key: UfsKey, options?: CallOptions): Promise<void> {
    this.#begin('delete', options);
    this.#objects.delete(key);
  }

  async rename(from: UfsKey, to: UfsKey, options?: CallOptions): Promise<void> {
    this.#begin('rename', options);
    const stored = this.#objects.get(from);
    if (stored === undefined) throw new CacheError('PathNotFound', 'There is nothing to rename.', { source: 'ufs', context: { key: from } });
    if (from === to) return;
    this.#store(to, stored.bytes, stored.status);
    this.#objects.delete(from);
  }

  async close(): Promise<void> {
    this.#uploads.clear();
  }

  #begin(op: string, options: CallOptions | undefined): void {
    throwIfAborted(options?.signal);
    this.#observer?.request(op, 'ok', 0);
  }

  #upload(upload: MultipartUpload): { readonly parts: Map<number, { readonly etag: string; readonly bytes: Uint8Array }> } {
    const found = this.#uploads.get(upload.uploadId);
    if (found?.key === upload.key) return found;
    throw new CacheError('UploadNotFound', 'There is no such upload.', { source: 'ufs', context: { key: upload.key } });
  }

  #store(key: UfsKey, bytes: Uint8Array, options: Pick<WriteOptions, 'ifNoneMatch' | 'contentType' | 'userMetadata'> = {}): FileStatus {
    if (options.ifNoneMatch === '*' && this.#objects.has(key)) {
      throw new CacheError('PreconditionFailed', 'The object exists already.', { source: 'ufs', context: { key } });
    }
    const ufsUri = this.rootUri + key;
    const version = `etag:"memory-${++this.#sequence}"`;
    const fileId = fileIdHex(fileIdOf(ufsUri, version));
    const status: FileStatus = {
      path: '',
      ufsUri,
      type: 'file',
      length: bytes.length,
      mtimeMs: Date.now(),
      version,
      fileId,
      ...(options.contentType === undefined ? {} : { contentType: options.contentType }),
      ...(options.userMetadata === undefined ? {} : { userMetadata: options.userMetadata }),
    };
    this.#objects.set(key, { bytes: Uint8Array.from(bytes), status });
    return status;
  }

  #entriesBelow(prefix: UfsKey, recursive: boolean): UfsEntry[] {
    const entries = new Map<string, UfsEntry>();
    for (const [key, { status }] of this.#objects) {
      if (!key.startsWith(prefix)) continue;
      const slash = recursive ? -1 : key.indexOf('/', prefix.length);
      if (slash === -1) entries.set(`f${key}`, { key, status });
      else entries.set(`d${key.slice(0, slash)}`, this.#directory(key.slice(0, slash)));
    }
    return [...entries.values()].toSorted((a, b) => compareNames(a.key, b.key));
  }

  #directory(key: UfsKey): UfsEntry {
    return { key, status: { path: '', ufsUri: `${this.rootUri}${key}/`, type: 'directory', length: 0, mtimeMs: 0, version: '', fileId: '' } };
  }
}

export const createMemoryUfs = (options: MemoryUfsOptions = {}): MemoryUfs => new MemoryUfs(options);
