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

/** What every call of the UFS gets; not what a listing has beside it. */
const callOf = ({ signal, timeoutMs }: CallOptions): CallOptions => ({ ...(signal !== undefined && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) });

/** Whether anything lies below `key/`, its marker included. */
async function hasKeysBelow(ufs: UnderFileSystem, key: UfsKey, options: CallOptions): Promise<boolean> {
  for await (const batch of ufs.list(`${key}/`, { ...callOf(options), recursive: true, batchSize: 1 })) if (batch.length > 0) return true;
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
  if (page.keysSeen === 0 && !more && dirKey !== '' && options.startAfter === undefined) await checkDirectory(ufs, dirKey, options);
  return page.take(limit, more);
}

async function checkDirectory(ufs: UnderFileSystem, dirKey: UfsKey, options: CallOptions): Promise<void> {
  const status = await projectStatus(ufs, dirKey, options);
  const context = { key: printableName(dirKey) };
  if (status === undefined) throw new CacheError('PathNotFound', 'The directory does not exist.', { source: 'ufs', context });
  if (status.type !== 'directory') throw new CacheError('NotADirectory', 'The path is a file, not a directory.', { source: 'caller', context });
}

/**
 * Where the next page begins. A store may sort a directory by its name or by its name with a slash: what follows it tells which. Only when a
 * name between the two follows (`a`, then `a.txt`) does the store sort by plain names, and the slash would skip it.
 */
function resumeToken(last: Item, following: Item | undefined): ByteName {
  const sortsByName = last.sortKey !== last.name && following !== undefined && compareNames(following.sortKey, last.sortKey) < 0;
  return sortsByName ? last.name : last.sortKey;
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
  /** By name: a file and a directory may share one. */
  readonly #twins = new Map<ByteName, Item>();
  #visible = 0;

  constructor(ufs: UnderFileSystem, dirKey: UfsKey, startAfter: ByteName | undefined) {
    this.#ufs = ufs;
    this.#prefix = dirKey === '' ? '' : `${dirKey}/`;
    this.#prefixesSort = !ufs.capabilities.realDirectories;
    this.#startAfter = startAfter === '' ? undefined : startAfter;
  }

  /** Reads until `limit` visible entries are known for certain. @returns whether keys may follow */
  async fill(limit: number, options: ProjectListOptions): Promise<boolean> {
    const call = callOf(options);
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
    const count = this.#pageItems(limit, more);
    const page = this.#items.slice(0, count);
    const entries = page.flatMap(({ name, status }) => (status === undefined ? [] : [{ name, status }]));
    const hidden = page.length - entries.length;
    const last = page.at(-1);
    if (last === undefined || (!more && count === this.#items.length)) return { entries, truncated: false, hidden };
    return { entries, truncated: true, hidden, next: resumeToken(last, this.#items[count]) };
  }

  /** How many items the page has. It ends with its last visible one, and never between a file and the directory of its name: no token lies between the two. */
  #pageItems(limit: number, more: boolean): number {
    // Without a look at what follows, the last item stays for the next page: it tells how the store sorts.
    const end = more && this.#visible <= limit && this.#items.length > 1 ? this.#items.length - 1 : this.#items.length;
    let count = 0;
    for (let visible = 0; count < end && visible < limit; count++) if (this.#items[count]!.status !== undefined) visible++;
    if (!this.#areTwins(count)) return count;
    return count > 1 && this.#items[count - 1]!.status === undefined ? count - 1 : count + 1;
  }

  /** Whether the item at `at` has the name of the one before it. */
  #areTwins(at: number): boolean {
    return this.#items[at] !== undefined && this.#items[at].name === this.#items[at - 1]?.name;
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
    const isShown = isPosixName(name) && !this.#isShadowed(name, isDirectory);
    const status = isShown ? entry.status : undefined;
    const item: Item = { name, sortKey, status };
    this.#items.push(item);
    if (this.#prefixesSort) this.#twins.set(name, item);
    if (status !== undefined) this.#visible++;
  }

  /** A directory hides the file of its name, whichever comes first. */
  #isShadowed(name: ByteName, isDirectory: boolean): boolean {
    if (!this.#prefixesSort) return false;
    const twin = this.#twins.get(name);
    if (isDirectory) this.#hide(twin);
    return !isDirectory && twin !== undefined;
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
