// Status and listing of namespace paths as POSIX shows them, cached with the time of validation; one request per path at a time.
// Not here: wire formats, who owns the path, mounts' life.
import type { ByteName, FileStatus, MountEntry } from '../../common/api/index.ts';
import { SingleFlight, systemClock, type Clock } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { fileIdHex, fileIdOf } from '../../common/hash/index.ts';
import { compareNames, joinPath, printableName } from '../../common/namespace/index.ts';
import { projectList, projectStatus } from '../../ufs/projection.ts';
import type { UfsKey, UnderFileSystem } from '../../ufs/under-file-system.ts';
import { isTooYoung } from '../fills/ufs-source.ts';
import { StatusCache } from './status-cache.ts';

/** A path in its mount. */
export interface MountedPath {
  readonly mount: MountEntry;
  readonly ufs: UnderFileSystem;
  readonly key: UfsKey;
}
export interface MountedPaths {
  /** undefined: no mount has this path. @throws when the mount's under file system cannot be opened */
  resolve(path: ByteName): MountedPath | undefined;
  entries(): readonly MountEntry[];
}

export interface MetadataServiceOptions {
  readonly mounts: MountedPaths;
  readonly cacheBytes: number;
  /** Deadline of one question to the under file system. */
  readonly timeoutMs: number;
  readonly clock?: Clock;
}

export interface StatusAnswer {
  readonly status: FileStatus | undefined;
  /** Since it was validated at the under file system. */
  readonly ageMs: number;
}
export interface DirectoryPage {
  readonly entries: readonly FileStatus[];
  readonly truncated: boolean;
  readonly next?: ByteName;
  /** Keys of this page that POSIX cannot show. */
  readonly hidden: number;
}
export interface DirectoryPageRequest {
  readonly path: ByteName;
  readonly startAfter?: ByteName;
  readonly limit?: number;
}

const NEGATIVE_AGE_MS_MAX = 1000;
const ENTRIES_MAX = 1000;

const directoryOf = (path: ByteName, ufsUri: ByteName): FileStatus => ({ path, ufsUri, type: 'directory', length: 0, mtimeMs: 0, version: '', fileId: '' });

export class MetadataService {
  readonly #options: MetadataServiceOptions;
  readonly #clock: Clock;
  readonly #cache: StatusCache;
  readonly #flights = new SingleFlight<string, { status: FileStatus | undefined; validatedAtMs: number }>();
  #hits = 0;
  #misses = 0;

  constructor(options: MetadataServiceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#cache = new StatusCache(options.cacheBytes);
  }

  get counters(): { readonly hits: number; readonly misses: number; readonly entries: number; readonly usedBytes: number } {
    return { hits: this.#hits, misses: this.#misses, entries: this.#cache.size, usedBytes: this.#cache.usedBytes };
  }

  /**
   * @param maxAgeMs how long ago the answer may have been validated, seen from now; negative answers 1 s at most
   * @throws the UFS's errors, DeadlineExceeded, Cancelled
   */
  async status(path: ByteName, maxAgeMs: number, signal?: AbortSignal): Promise<StatusAnswer> {
    if (path === '/') return { status: directoryOf('/', ''), ageMs: 0 };
    const place = this.#options.mounts.resolve(path);
    if (place === undefined) return { status: undefined, ageMs: 0 };
    const key = keyOf(place.mount, path);
    const askedAtMs = this.#clock.nowMs();
    const known = this.#cache.get(key, path);
    if (known !== undefined && askedAtMs - known.validatedAtMs <= allowedAge(known.status, maxAgeMs)) {
      this.#hits++;
      return { status: known.status, ageMs: askedAtMs - known.validatedAtMs };
    }
    this.#misses++;
    for (;;) {
      const found = await this.#flights.run(key, (shared) => this.#ask(key, path, place, shared), signal);
      // A flight that left before this question and is older than it allows answers others, not this one.
      if (askedAtMs - found.validatedAtMs <= allowedAge(found.status, maxAgeMs)) return { status: found.status, ageMs: this.#clock.nowMs() - found.validatedAtMs };
    }
  }

  /** One page; its entries answer later status requests. @throws PathNotFound, NotADirectory, the UFS's errors */
  async list(request: DirectoryPageRequest, signal?: AbortSignal): Promise<DirectoryPage> {
    const { path, startAfter } = request;
    const limit = Math.max(1, Math.min(request.limit ?? ENTRIES_MAX, ENTRIES_MAX));
    if (path === '/') return this.#listRoot(startAfter, limit);
    const place = this.#options.mounts.resolve(path);
    if (place === undefined) throw new CacheError('PathNotFound', 'No mount has this path.', { source: 'caller', context: { path: printableName(path) } });
    const validatedAtMs = this.#clock.nowMs();
    const call = { limit, timeoutMs: this.#options.timeoutMs, ...(startAfter !== undefined && { startAfter }), ...(signal !== undefined && { signal }) };
    const { entries, truncated, hidden, next } = await projectList(place.ufs, place.key, call);
    const statuses = entries.map(({ name, status }) => completed(status, joinPath(path, name)));
    for (const status of statuses) this.#remember(keyOf(place.mount, status.path), place.ufs, status, validatedAtMs);
    return { entries: statuses, truncated, hidden, ...(next !== undefined && { next }) };
  }

  /** Forgets what is known of the path. */
  invalidate(path: ByteName): void {
    const place = this.#options.mounts.resolve(path);
    if (place !== undefined) this.#cache.delete(keyOf(place.mount, path));
  }

  async #ask(key: string, path: ByteName, { ufs, key: ufsKey }: MountedPath, signal: AbortSignal): Promise<{ status: FileStatus | undefined; validatedAtMs: number }> {
    const validatedAtMs = this.#clock.nowMs();
    const found = await projectStatus(ufs, ufsKey, { signal, timeoutMs: this.#options.timeoutMs });
    const status = found === undefined ? undefined : completed(found, path);
    this.#remember(key, ufs, status, validatedAtMs);
    return { status, validatedAtMs };
  }

  #remember(key: string, ufs: UnderFileSystem, status: FileStatus | undefined, validatedAtMs: number): void {
    const isWeak = ufs.capabilities.versionStrength === 'weak';
    if (isWeak && status?.type === 'file' && isTooYoung(status.version, this.#clock.wallMs())) this.#cache.delete(key);
    else this.#cache.set(key, { status, validatedAtMs });
  }

  #listRoot(startAfter: ByteName | undefined, limit: number): DirectoryPage {
    const after = startAfter?.replace(/\/$/, '') ?? '';
    const mounts = this.#options.mounts.entries().filter(({ mountPath }) => compareNames(mountPath.slice(1), after) > 0);
    const sorted = mounts.toSorted((a, b) => compareNames(a.mountPath, b.mountPath));
    const entries = sorted.slice(0, limit).map(({ mountPath, ufsUri }) => directoryOf(mountPath, ufsUri));
    const truncated = sorted.length > limit;
    return { entries, truncated, hidden: 0, ...(truncated && { next: entries.at(-1)!.path.slice(1) }) };
  }
}

/** A changed mount has a new generation: what was known of the old one is never found again. */
const keyOf = (mount: MountEntry, path: ByteName): string => `${mount.generation}${path}`;
const allowedAge = (status: FileStatus | undefined, maxAgeMs: number): number => (status === undefined ? Math.min(maxAgeMs, NEGATIVE_AGE_MS_MAX) : maxAgeMs);

function completed(status: FileStatus, path: ByteName): FileStatus {
  const fileId = status.fileId === '' && status.type === 'file' ? fileIdHex(fileIdOf(status.ufsUri, status.version)) : status.fileId;
  return { ...status, path, fileId };
}
