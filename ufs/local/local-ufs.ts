// UFS over a directory: local disks and every NAS that the kernel mounts. Names are raw bytes; versions are weak. Links are followed while they stay below
// the root (local-root.ts); special files are skipped. File calls cannot be recalled: a call that misses its deadline is left behind, its result unused; but it counts as
// running until it ends, so that a NAS that hangs keeps no more than LANES of the process's threads.
import { opendir } from 'node:fs/promises';
import type { FileStatus } from '../../common/api/index.ts';
import { Deadline, Semaphore, throwIfAborted, untilAborted } from '../../common/async/index.ts';
import { CacheError, isCacheError } from '../../common/errors/index.ts';
import { encodeName, printableName } from '../../common/namespace/index.ts';
import type { CallSettings } from '../mount-options.ts';
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
import { checkOffset } from '../read-range.ts';
import { DirectoryNames } from './directory-names.ts';
import { statusOf } from './file-version.ts';
import { errnoOf, localError } from './local-errors.ts';
import { listLocal, STATS_AT_ONCE, statInside } from './local-list.ts';
import { LocalReader } from './local-read.ts';
import { LocalRoot } from './local-root.ts';
import { LocalWriter } from './local-write.ts';

/** Threads that calls to one local UFS may keep busy (common/process/thread-pool.ts has several times as many). */
const LANES = 24;
const WAITERS_MAX = 20_000;

export class LocalUfs implements UnderFileSystem {
  readonly rootUri: string;
  readonly capabilities: UfsCapabilities = {
    versionStrength: 'weak',
    realDirectories: true,
    conditionalWrite: true,
    atomicRename: true,
    multipart: true,
    signedUrls: false,
  };
  readonly #root: LocalRoot;
  readonly #reader: LocalReader;
  readonly #writer: LocalWriter;
  readonly #names = new DirectoryNames();
  readonly #lanes = new Semaphore(LANES, { waitersMax: WAITERS_MAX, name: 'calls to a local UFS' });
  readonly #settings: CallSettings;
  readonly #observer: UfsObserver | undefined;

  /** @param rootUri `file:///directory/`. @throws InvalidConfiguration */
  constructor(rootUri: string, settings: CallSettings, observer?: UfsObserver) {
    this.rootUri = rootUri;
    this.#root = new LocalRoot(rootUri);
    this.#reader = new LocalReader(this.#root);
    this.#writer = new LocalWriter(this.#root);
    this.#settings = settings;
    this.#observer = observer;
  }

  /** Whether the root is a directory that may be listed. @throws PathNotFound, NotADirectory, PermissionDenied, DeadlineExceeded: each with a remedy */
  async probe(options?: CallOptions): Promise<void> {
    await this.#call('opendir', '', options, async () => {
      try {
        await (await opendir(encodeName(this.#root.path))).close();
      } catch (error) {
        const errno = errnoOf(error);
        if (errno !== 'ENOENT' && errno !== 'ENOTDIR') throw error;
        const isFile = errno === 'ENOTDIR';
        throw new CacheError(isFile ? 'NotADirectory' : 'PathNotFound', isFile ? 'The UFS is not a directory.' : 'The directory of the UFS does not exist.', {
          source: 'ufs',
          context: { field: 'ufsUri', value: printableName(this.rootUri), remedy: 'Name a directory that exists at this path on every node.' },
          cause: error,
        });
      }
    });
  }

  status(key: UfsKey, options?: CallOptions): Promise<FileStatus | undefined> {
    return this.#call('stat', key, options, () => this.#status(key));
  }

  async *list(prefix: UfsKey, options: ListOptions): AsyncIterable<readonly UfsEntry[]> {
    const batches = listLocal({ root: this.#root, rootUri: this.rootUri, names: this.#names }, prefix, options);
    for (;;) {
      const next = await this.#call('readdir', prefix, options, () => batches.next(), STATS_AT_ONCE);
      if (next.done === true) return;
      yield next.value;
    }
  }

  async read(file: VersionedFile, offset: number, into: Uint8Array, options?: ReadOptions): Promise<number> {
    checkOffset(offset);
    const length = Math.max(0, Math.min(into.length, file.length - offset));
    let hasLeft = false;
    try {
      await this.#call('read', file.key, options, () => this.#reader.read({ file, offset, into: into.subarray(0, length), hasLeft: () => hasLeft }));
    } finally {
      hasLeft = true;
    }
    this.#observer?.bytes('read', length);
    options?.onProgress?.(length);
    return length;
  }

  async write(key: UfsKey, bytes: Uint8Array, options?: WriteOptions): Promise<FileStatus> {
    await this.#call('write', key, options, () => this.#writer.write(key, bytes, options?.ifNoneMatch === '*'));
    this.#observer?.bytes('write', bytes.length);
    return await this.#written(key, options);
  }

  createMultipart(key: UfsKey, options?: WriteOptions): Promise<MultipartUpload> {
    return this.#call('createMultipart', key, options, () => this.#writer.createMultipart(key));
  }

  async uploadPart(upload: MultipartUpload, partNumber: number, bytes: Uint8Array, options?: CallOptions): Promise<UploadedPart> {
    const part = await this.#call('write', upload.key, options, () => this.#writer.uploadPart(upload, partNumber, bytes));
    this.#observer?.bytes('write', bytes.length);
    return part;
  }

  async completeMultipart(upload: MultipartUpload, parts: readonly UploadedPart[], options?: WriteOptions): Promise<FileStatus> {
    await this.#call('completeMultipart', upload.key, options, () => this.#writer.completeMultipart(upload, parts, options?.ifNoneMatch === '*'));
    return await this.#written(upload.key, options);
  }

  abortMultipart(upload: MultipartUpload, options?: CallOptions): Promise<void> {
    return this.#call('abortMultipart', upload.key, options, () => this.#writer.abortMultipart(upload));
  }

  delete(key: UfsKey, options?: CallOptions): Promise<void> {
    return this.#call('unlink', key, options, () => this.#writer.delete(key));
  }

  rename(from: UfsKey, to: UfsKey, options?: CallOptions): Promise<void> {
    return this.#call('rename', from, options, () => this.#writer.rename(from, to));
  }

  close(): Promise<void> {
    this.#names.clear();
    return Promise.resolve();
  }

  async #status(key: UfsKey): Promise<FileStatus | undefined> {
    const path = this.#root.pathOf(key);
    const stats = path === undefined ? undefined : await statInside(this.#root, path);
    if (stats !== undefined) return statusOf(this.rootUri, key, stats);
    await this.#root.check();
    return undefined;
  }

  async #written(key: UfsKey, options: CallOptions | undefined): Promise<FileStatus> {
    const status = await this.status(key, options);
    if (status === undefined) throw new CacheError('UfsObjectChanged', 'The file was deleted right after it was written.', { source: 'ufs', context: { key: printableName(key) } });
    return status;
  }

  /** One call with its deadline, counted. @param threads that it keeps busy at most */
  // eslint-disable-next-line max-params -- what a call consists of
  async #call<T>(op: string, key: UfsKey, options: CallOptions | undefined, work: () => Promise<T>, threads = 1): Promise<T> {
    throwIfAborted(options?.signal);
    const bounded = Deadline.after(options?.timeoutMs ?? this.#settings.callTimeoutMs).signal(options?.signal);
    const startMs = performance.now();
    try {
      const release = await this.#lanes.acquire(bounded.signal, threads);
      const result = await untilAborted(work().finally(release), bounded.signal);
      this.#observer?.request(op, 'ok', performance.now() - startMs);
      return result;
    } catch (error) {
      const failure = localError(error, key);
      const isAnswer = isCacheError(failure, 'UfsObjectChanged') || isCacheError(failure, 'PathNotFound') || isCacheError(failure, 'PreconditionFailed');
      this.#observer?.request(op, isAnswer ? 'ok' : 'error', performance.now() - startMs);
      throw failure;
    } finally {
      bounded.dispose();
    }
  }
}
