// POSIX projection of a UFS: which key a POSIX path shows and what a directory lists. Worker and client share it, so that a fallback answers
// alike. Use: `projectStatus(ufs, key, options)` for one key, `projectList(ufs, dirKey, {startAfter, limit})` for a page of a directory; both
// leave `status.path` '' for the caller to fill in (`joinPath(dirPath, entry.name)`).
// Rules: keys are opaque; empty, `.`, `..`, NUL and > 255-byte segments are hidden and counted; a directory wins over an object of the same
// name (the object is hidden and counted); a zero-byte `a/` is a directory marker. Not here: caching, freshness, mounts.
import type { ByteName, FileStatus } from '../common/api/index.ts';
import { CacheError, isCacheError } from '../common/errors/index.ts';
import { compareNames, isPosixName, printableName } from '../common/namespace/index.ts';
import type { CallOptions, UfsEntry, UfsKey, UnderFileSystem } from './under-file-system.ts';

export interface ProjectedEntry {
  /** One segment. */
  readonly name: ByteName;
  /** `path` is ''. */
  readonly status: FileStatus;
}

export interface ProjectedPage {
  readonly entries: readonly ProjectedEntry[];
  readonly truncated: boolean;
  /** `startAfter` of the next page; present when truncated. A directory of an object store has a closing slash in it: stores sort `a/` after `a.txt`. */
  readonly next?: ByteName;
  /** Keys of this page that POSIX cannot show. */
  readonly hidden: number;
}

export interface ProjectListOptions extends CallOptions {
  /** `next` of the previous page, or a plain name; exclusive. */
  readonly startAfter?: ByteName;
  /** Visible entries at most; a page may hold fewer and yet be truncated. Default 1000. */
  readonly limit?: number;
}

/** S3 answers at most 1000 keys a request: one is needed to look ahead. */
const PAGE_ENTRIES_MAX = 999;
/** Keys looked at for one page, so that a directory of hidden keys cannot hold a caller for ever. */
const PAGE_KEYS_MAX = 20_000;
/** Sorts after everything that UTF-8 names below a directory can hold. */
const AFTER_ALL = '\u{10FFFF}';

export const directoryStatus = (ufs: UnderFileSystem, key: UfsKey): FileStatus => ({
  path: '',
  ufsUri: ufs.rootUri + key,
  type: 'directory',
  length: 0,
  mtimeMs: 0,
  version: '',
  fileId: '',
});

/** Whether every segment of the key can be a POSIX name; '' (the root) can. */
export const isPosixKey = (key: UfsKey): boolean => key === '' || key.split('/').every(isPosixName);

/**
 * What POSIX shows at this key; undefined: nothing. A key that POSIX cannot show answers the object of exactly this key (object stores only):
 * embedders and the command line reach it, FUSE never asks. Object stores: one HEAD and one LIST, at the same time.
 * @throws the UFS's errors
 */
export async function projectStatus(ufs: UnderFileSystem, key: UfsKey, options: CallOptions = {}): Promise<FileStatus | undefined> {
  if (ufs.capabilities.realDirectories) return isPosixKey(key) ? await ufs.status(key, options) : undefined;
  if (key === '') return directoryStatus(ufs, '');
  if (!isPosixKey(key)) return await ufs.status(key, options);
  const [object, below] = await Promise.allSettled([ufs.status(key, options), hasKeysBelow(ufs, key, options)]);
  if (below.status === 'fulfilled' && below.value) return directoryStatus(ufs, key);
  if (object.status === 'rejected') throw object.reason;
  // Credentials that may read but not list still reach files by name.
  if (below.status === 'rejected' && !(isCacheError(below.reason, 'PermissionDenied') && object.value !== undefined)) throw below.reason;
  return object.value;
}

/** Whether anything lies below `key/`, its marker included. */
async function hasKeysBelow(ufs: UnderFileSystem, key: UfsKey, options: CallOptions): Promise<boolean> {
  for await (const batch of ufs.list(`${key}/`, { ...options, recursive: true, batchSize: 1 })) if (batch.length > 0) return true;
  return false;
}

/** An entry in the order of the store; `status` is absent when POSIX hides it. */
interface Item {
  readonly name: ByteName;
  readonly sortKey: ByteName;
  status: FileStatus | undefined;
  /** The store was asked: no directory has this file's name. */
  isAlone?: boolean;
}

/**
 * One page of the directory at `dirKey` ('' is the root), in the order of the store: by name, for object stores with directories where `name/` sorts.
 * @throws PathNotFound, NotADirectory, InvalidArgument, the UFS's errors
 */
export async function projectList(ufs: UnderFileSystem, dirKey: UfsKey, options: ProjectListOptions = {}): Promise<ProjectedPage> {
  if (!isPosixKey(dirKey)) throw new CacheError('PathNotFound', 'No directory of this name can be shown.', { source: 'caller', context: { key: printableName(dirKey) } });
  const limit = Math.max(1, Math.min(options.limit ?? PAGE_ENTRIES_MAX, PAGE_ENTRIES_MAX));
  const page = new PageWindow(ufs, dirKey, options.startAfter);
  const more = await page.fill(limit, options);
  if (page.keysSeen === 0 && !more && dirKey !== '') await checkDirectory(ufs, dirKey, options);
  return page.take(limit, more);
}

async function checkDirectory(ufs: UnderFileSystem, dirKey: UfsKey, options: CallOptions): Promise<void> {
  const status = await projectStatus(ufs, dirKey, options);
  const context = { key: printableName(dirKey) };
  if (status === undefined) throw new CacheError('PathNotFound', 'The directory does not exist.', { source: 'ufs', context });
  if (status.type !== 'directory') throw new CacheError('NotADirectory', 'The path is a file, not a directory.', { source: 'caller', context });
}

/** The items of one page and what is known beyond them. */
class PageWindow {
  keysSeen = 0;
  readonly #ufs: UnderFileSystem;
  readonly #prefix: UfsKey;
  readonly #startAfter: ByteName | undefined;
  /** Object stores list `a/` after `a.txt`, so an object `a` may have its directory come much later. */
  readonly #prefixesSort: boolean;
  readonly #items: Item[] = [];
  #visible = 0;

  constructor(ufs: UnderFileSystem, dirKey: UfsKey, startAfter: ByteName | undefined) {
    this.#ufs = ufs;
    this.#prefix = dirKey === '' ? '' : `${dirKey}/`;
    this.#prefixesSort = !ufs.capabilities.realDirectories;
    this.#startAfter = startAfter === '' ? undefined : startAfter;
  }

  /** Reads until `limit` visible entries are known for certain. @returns whether keys may follow */
  async fill(limit: number, options: ProjectListOptions): Promise<boolean> {
    const { signal, timeoutMs } = options;
    const call: CallOptions = { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
    const after = this.#resumeKey();
    for await (const batch of this.#ufs.list(this.#prefix, { ...call, recursive: false, batchSize: limit + 1, ...(after !== undefined && { startAfter: after }) })) {
      for (const entry of batch) this.#add(entry);
      // One item beyond the limit tells whether more follow, and mostly that no directory shadows the last file.
      const isLong = this.keysSeen >= PAGE_KEYS_MAX && this.#items.length > 0;
      if (this.#visible > limit || isLong) await this.#hideShadowed(limit, call);
      if (this.#visible > limit || isLong) return true;
    }
    return false;
  }

  /** The first `limit` visible items and the hidden ones among them. */
  take(limit: number, more: boolean): ProjectedPage {
    const entries: ProjectedEntry[] = [];
    let hidden = 0;
    let last: Item | undefined;
    for (const item of this.#items) {
      if (item.status !== undefined && entries.length === limit) break;
      last = item;
      if (item.status === undefined) hidden++;
      else entries.push({ name: item.name, status: item.status });
    }
    const truncated = more || last !== this.#items.at(-1);
    return truncated && last !== undefined ? { entries, truncated, hidden, next: last.sortKey } : { entries, truncated: false, hidden };
  }

  #resumeKey(): UfsKey | undefined {
    if (this.#startAfter === undefined) return undefined;
    return this.#prefix + (this.#startAfter.endsWith('/') ? this.#startAfter + AFTER_ALL : this.#startAfter);
  }

  #add(entry: UfsEntry): void {
    this.keysSeen++;
    const name = entry.key.slice(this.#prefix.length);
    const isDirectory = entry.status.type === 'directory';
    if (name === '' && !isDirectory && entry.status.length === 0) return; // the marker of this directory
    const sortKey = isDirectory && this.#prefixesSort ? `${name}/` : name;
    // A store may roll keys below the last directory up into it once more.
    if (this.#startAfter !== undefined && compareNames(sortKey, this.#startAfter) <= 0) return;
    if (isDirectory && this.#prefixesSort) this.#hide(this.#items.findLast((item) => item.name === name));
    const status = isPosixName(name) ? entry.status : undefined;
    this.#items.push({ name, sortKey, status });
    if (status !== undefined) this.#visible++;
  }

  #hide(item: Item | undefined): void {
    if (item?.status === undefined) return;
    item.status = undefined;
    this.#visible--;
  }

  /** Files of the page whose directory could still come: the store is asked, once for each (mostly none, at most one per length of name). */
  async #hideShadowed(limit: number, call: CallOptions): Promise<void> {
    if (!this.#prefixesSort) return;
    const reached = this.#items.at(-1)!.sortKey;
    let shown = 0;
    for (const item of this.#items) {
      if (item.status !== undefined && ++shown > limit) return;
      if (item.status?.type !== 'file' || item.isAlone === true || compareNames(reached, `${item.name}/`) >= 0) continue;
      item.isAlone = !(await hasKeysBelow(this.#ufs, this.#prefix + item.name, call));
      if (item.isAlone) continue;
      this.#hide(item);
      shown--;
    }
  }
}
