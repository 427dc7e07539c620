// Reads the names of directories, and keeps those of large ones for a while, so that a listing that is resumed page by page does not read the whole
// directory for each page. Kept names hold as long as the directory's own times do.
import { opendir, stat } from 'node:fs/promises';
import type { BigIntStats, Dirent } from 'node:fs';
import { type Clock, systemClock, throwIfAborted } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { decodeName, printableName } from '../../common/namespace/index.ts';
import { TEMPORARY_PREFIX } from './local-root.ts';
import { NameCollector, type SortedNames } from './sorted-names.ts';

/** Names of one directory; 20 million names of 20 bytes. */
const DIRECTORY_BYTES_MAX = 512 * 2 ** 20;
/** Kept names of all directories. */
const KEPT_BYTES_MAX = 64 * 2 ** 20;
/** Smaller directories are read again: that is cheap. */
const KEPT_COUNT_MIN = 2000;
/** A directory that changed so recently may change again without its times telling; its names are kept no longer than this. */
const SETTLED_AFTER_MS = 2000;
const DIRENTS_AT_ONCE = 1024;

interface Kept {
  readonly names: SortedNames;
  readonly identity: string;
  /** By the clock's nowMs; Infinity for a directory that had settled when it was read. */
  readonly untilMs: number;
}

export interface NamesRequest {
  /** Links followed. */
  readonly path: Buffer;
  /** Directories get a closing slash and sort by it, as keys below them do. */
  readonly isSlashed: boolean;
  /** Whether a link is a directory. */
  readonly isDirectoryLink: (path: Buffer) => Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
}

const identityOf = (stats: BigIntStats): string => `${stats.dev}-${stats.ino}-${stats.mtimeNs}-${stats.ctimeNs}`;

export class DirectoryNames {
  readonly #clock: Clock;
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #keptBytes = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** @throws errors of the file system, Overloaded for a directory with too many names, Cancelled */
  async read(request: NamesRequest): Promise<SortedNames> {
    const cacheKey = `${request.isSlashed ? 's' : 'p'}${request.path.toString('latin1')}`;
    const stats = await stat(request.path, { bigint: true });
    const identity = identityOf(stats);
    const kept = this.#kept.get(cacheKey);
    if (kept !== undefined) {
      this.#forget(cacheKey, kept);
      if (kept.identity === identity && this.#clock.nowMs() < kept.untilMs) {
        this.#keep(cacheKey, kept);
        return kept.names;
      }
    }
    const isSettled = this.#clock.wallMs() - Number(stats.ctimeMs) >= SETTLED_AFTER_MS;
    const untilMs = isSettled ? Infinity : this.#clock.nowMs() + SETTLED_AFTER_MS;
    const names = await collect(request);
    if (names.count >= KEPT_COUNT_MIN && names.sizeBytes <= KEPT_BYTES_MAX) this.#keep(cacheKey, { names, identity, untilMs });
    return names;
  }

  clear(): void {
    this.#kept.clear();
    this.#keptBytes = 0;
  }

  #keep(cacheKey: string, kept: Kept): void {
    const twin = this.#kept.get(cacheKey);
    if (twin !== undefined) this.#forget(cacheKey, twin);
    this.#kept.set(cacheKey, kept);
    this.#keptBytes += kept.names.sizeBytes;
    for (const [oldest, other] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES_MAX) return;
      this.#forget(oldest, other);
    }
  }

  #forget(cacheKey: string, kept: Kept): void {
    if (this.#kept.delete(cacheKey)) this.#keptBytes -= kept.names.sizeBytes;
  }
}

const CAN_BE_SHOWN = (dirent: Dirent<Buffer>): boolean => dirent.isFile() || dirent.isDirectory() || dirent.isSymbolicLink();
const TEMPORARY = Buffer.from(TEMPORARY_PREFIX);
const isTemporary = (name: Buffer): boolean => name.subarray(0, TEMPORARY.length).equals(TEMPORARY);

async function collect({ path, isSlashed, isDirectoryLink, signal }: NamesRequest): Promise<SortedNames> {
  const collector = new NameCollector();
  const directory = await opendir(path, { encoding: 'buffer' as BufferEncoding, bufferSize: DIRENTS_AT_ONCE });
  for await (const entry of directory) {
    throwIfAborted(signal);
    const dirent = entry as unknown as Dirent<Buffer>;
    if (!CAN_BE_SHOWN(dirent) || isTemporary(dirent.name)) continue;
    const name = dirent.name.toString('latin1');
    const isDirectory = isSlashed && (dirent.isDirectory() || (dirent.isSymbolicLink() && (await isDirectoryLink(pathBelow(path, dirent.name)))));
    collector.add(isDirectory ? `${name}/` : name);
    if (collector.sizeBytes > DIRECTORY_BYTES_MAX) throw tooMany(path);
  }
  return collector.finish();
}

export const pathBelow = (directory: Buffer, name: Buffer): Buffer => Buffer.concat([directory, Buffer.from('/'), name]);

const tooMany = (path: Buffer): CacheError =>
  new CacheError('Overloaded', 'The directory has too many names to be sorted in memory.', {
    source: 'ufs',
    context: { directory: printableName(decodeName(path)), limitBytes: DIRECTORY_BYTES_MAX, remedy: 'Spread the files over several directories.' },
  });
