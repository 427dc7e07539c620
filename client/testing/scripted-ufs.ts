// An object store in memory whose failures, delays and order of listing follow a script: for tests of what stands above a UFS.
import type { FileStatus } from '../../common/api/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { fileIdHex, fileIdOf } from '../../common/hash/index.ts';
import { compareNames } from '../../common/namespace/index.ts';
import type { CallOptions, ListOptions, ReadOptions, UfsCapabilities, UfsEntry, UfsKey, UnderFileSystem, VersionedFile } from '../../ufs/under-file-system.ts';

interface StoredObject {
  readonly bytes: Uint8Array;
  readonly version: string;
}

const refuse = (): Promise<never> => Promise.reject(new CacheError('Unsupported', 'The scripted store is read-only; use put.'));

export class ScriptedUfs implements UnderFileSystem {
  readonly rootUri: string;
  readonly capabilities: UfsCapabilities = {
    versionStrength: 'strong',
    realDirectories: false,
    conditionalWrite: true,
    atomicRename: false,
    multipart: true,
    signedUrls: false,
  };
  readonly requests = { status: 0, list: 0, read: 0, bytes: 0 };
  /** Runs before each request; throw or wait in it. */
  before: (op: 'status' | 'list' | 'read', key: UfsKey, signal?: AbortSignal) => Promise<void> | void = () => undefined;
  #objects = new Map<UfsKey, StoredObject>();
  #versions = 0;
  readonly write = refuse;
  readonly createMultipart = refuse;
  readonly uploadPart = refuse;
  readonly completeMultipart = refuse;
  readonly abortMultipart = refuse;
  readonly rename = refuse;

  constructor(rootUri = 's3://bucket/') {
    this.rootUri = rootUri;
  }

  put(key: UfsKey, bytes: Uint8Array | string = ''): FileStatus {
    const stored = { bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes, version: `etag:"${++this.#versions}"` };
    this.#objects.set(key, stored);
    return this.#statusOf(key, stored);
  }

  async status(key: UfsKey, options: CallOptions = {}): Promise<FileStatus | undefined> {
    this.requests.status++;
    await this.before('status', key, options.signal);
    const stored = this.#objects.get(key);
    return stored === undefined ? undefined : this.#statusOf(key, stored);
  }

  async *list(prefix: UfsKey, options: ListOptions): AsyncIterable<readonly UfsEntry[]> {
    const sorted = [...this.#objects].filter(([key]) => key.startsWith(prefix)).toSorted(([a], [b]) => compareNames(a, b));
    const entries = options.recursive ? sorted.map(([key, stored]) => ({ key, status: this.#statusOf(key, stored) })) : this.#oneLevel(prefix, sorted);
    const after = options.startAfter;
    const wanted = after === undefined ? entries : entries.filter((entry) => compareNames(entry.status.type === 'directory' ? `${entry.key}/` : entry.key, after) > 0);
    const size = Math.min(options.batchSize ?? 1000, 1000);
    for (let at = 0; at < wanted.length || at === 0; at += size) {
      this.requests.list++;
      await this.before('list', prefix, options.signal);
      yield wanted.slice(at, at + size);
    }
  }

  async read(file: VersionedFile, offset: number, into: Uint8Array, options: ReadOptions = {}): Promise<number> {
    this.requests.read++;
    await this.before('read', file.key, options.signal);
    const stored = this.#objects.get(file.key);
    if (stored?.version !== file.version || stored.bytes.length !== file.length) throw new CacheError('UfsObjectChanged', 'The object changed.', { source: 'ufs' });
    const part = stored.bytes.subarray(offset, offset + into.length);
    into.set(part);
    this.requests.bytes += part.length;
    options.onProgress?.(part.length);
    return part.length;
  }

  delete(key: UfsKey): Promise<void> {
    this.#objects.delete(key);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** In S3's order: a directory stands where its closing slash puts it. */
  #oneLevel(prefix: UfsKey, sorted: [UfsKey, StoredObject][]): UfsEntry[] {
    const entries: UfsEntry[] = [];
    for (const [key, stored] of sorted) {
      const slash = key.indexOf('/', prefix.length);
      if (slash < 0 || key === prefix) entries.push({ key, status: this.#statusOf(key, stored) });
      else if (entries.at(-1)?.key !== key.slice(0, slash) || entries.at(-1)?.status.type !== 'directory') {
        const directory = key.slice(0, slash);
        entries.push({ key: directory, status: { path: '', ufsUri: this.rootUri + directory, type: 'directory', length: 0, mtimeMs: 0, version: '', fileId: '' } });
      }
    }
    return entries;
  }

  #statusOf(key: UfsKey, stored: StoredObject): FileStatus {
    const ufsUri = this.rootUri + key;
    const fileId = fileIdHex(fileIdOf(ufsUri, stored.version));
    return { path: '', ufsUri, type: 'file', length: stored.bytes.length, mtimeMs: 1, version: stored.version, fileId };
  }
}
