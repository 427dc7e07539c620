// Opening the configured directories at start: all are looked at and locked before the first is changed, and a refusal leaves none half made.
import { accessSync, closeSync, constants, mkdirSync, openSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CacheError } from '../../common/errors/index.ts';
import type { DirectoryLock, FileCalls } from '../../common/syscall/files.ts';
import { checkStamp, type Stamp, writeStamp } from './stamp.ts';

export const INDEX_FOLDER = 'index';
const PROBE_NAME = '.probe';
/** What a directory without a stamp may hold. */
const HARMLESS = /^(lost\+found|\.lock|\.probe|stamp\.json\.tmp)$/;
const PAGE_FOLDER = /^[0-9a-f]{2}$/;

export interface OpenedDirectory {
  readonly path: string;
  readonly lock: DirectoryLock;
  readonly isNew: boolean;
}

export interface OpeningOptions {
  readonly paths: readonly string[];
  readonly stamp: Stamp;
  readonly mayReinitialise: boolean;
  readonly calls: FileCalls;
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** A file-system error at start as one clear line. */
export function directoryError(error: unknown, path: string): CacheError {
  if (error instanceof CacheError) return error;
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new CacheError('CacheFull', `The page-store directory ${path} is on a full disk: nothing can be stored (free some space, or configure another directory).`, {
      context: { path, remedy: 'free some space, or configure another directory' },
      cause: error,
    });
  const reasons: Readonly<Record<string, readonly [string, string]>> = {
    ENOENT: ['its parent directory does not exist', `create ${dirname(path)}, or correct the path`],
    ENOTDIR: ['a part of the path is not a directory', 'correct the path'],
    EACCES: ['it is not writable for this user', 'change its owner or mode, or configure another directory'],
    EPERM: ['it is not writable for this user', 'change its owner or mode, or configure another directory'],
    EROFS: ['its file system is mounted read-only', 'mount it read-write, or configure another directory'],
  };
  const [reason, remedy] = reasons[code] ?? [`it cannot be used (${code === '' ? String(error) : code})`, 'check the disk, or configure another directory'];
  return new CacheError('InvalidConfiguration', `The page-store directory ${path}: ${reason} (${remedy}).`, { source: 'caller', context: { path, remedy }, cause: error });
}

function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (!statSync(path).isDirectory()) throw Object.assign(new RangeError('not a directory'), { code: 'ENOTDIR' });
    return false;
  }
}

function lockOf(path: string, calls: FileCalls): DirectoryLock {
  const lock = calls.lockDirectory(path);
  if (lock !== undefined) return lock;
  throw new CacheError('InvalidConfiguration', `The page-store directory ${path} is in use by another process (stop it, or configure another directory).`, {
    source: 'caller',
    context: { path, remedy: 'stop the other process, or configure another directory' },
  });
}

function checkForeign(path: string): void {
  const foreign = readdirSync(path).find((name) => !HARMLESS.test(name));
  if (foreign === undefined) return;
  throw new CacheError('InvalidConfiguration', `The directory ${path} is not empty and not a page store: it holds '${foreign}' (empty it, or configure another directory).`, {
    source: 'caller',
    context: { path, found: foreign, expected: 'an empty directory or a page store', remedy: 'empty it, or configure another directory' },
  });
}

/** A full disk is refused only where there are no pages that could make room. */
function checkWritable(path: string, isNew: boolean): void {
  accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  const probe = join(path, PROBE_NAME);
  try {
    writeFileSync(probe, Buffer.alloc(4096, 1), { mode: 0o600 });
  } catch (error) {
    if (isNew || codeOf(error) !== 'ENOSPC') throw error;
  } finally {
    rmSync(probe, { force: true });
  }
}

/** Removes what a store of another page size left. Only names that are ours. */
function wipe(path: string): void {
  for (const name of readdirSync(path)) if (name === INDEX_FOLDER || PAGE_FOLDER.test(name)) rmSync(join(path, name), { recursive: true, force: true });
}

interface Looked extends OpenedDirectory {
  readonly wasCreated: boolean;
  readonly found: 'none' | 'ours' | 'other-page-size';
}

function look(path: string, options: OpeningOptions, wasCreated: boolean): Looked {
  const lock = lockOf(path, options.calls);
  try {
    const found = checkStamp(path, options.stamp, options.mayReinitialise);
    if (found === 'none') checkForeign(path);
    checkWritable(path, found !== 'ours');
    return { path, lock, isNew: found !== 'ours', wasCreated, found };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function undo(looked: readonly Looked[], created: readonly string[]): void {
  for (const { path, lock, isNew, found } of looked) {
    if (isNew && found === 'none') {
      rmSync(join(path, INDEX_FOLDER), { recursive: true, force: true });
      rmSync(join(path, 'stamp.json'), { force: true });
    }
    lock.release();
  }
  for (const path of created.toReversed()) {
    try {
      rmdirSync(path);
    } catch {
      // something else is in it by now: not ours to remove
    }
  }
}

export interface Preparation<T> {
  /** Makes what a directory needs (index, records); its errors undo everything. */
  prepare(opened: OpenedDirectory, position: number): Promise<T>;
  /** Lets go of what was prepared when a later directory is refused. */
  discard(prepared: T): void;
}

/** Opens all of them or none. */
export async function openDirectories<T>(options: OpeningOptions, preparation: Preparation<T>): Promise<T[]> {
  const looked: Looked[] = [];
  const prepared: T[] = [];
  const created: string[] = [];
  let current = '';
  try {
    for (const configured of options.paths) {
      current = resolve(configured);
      const wasCreated = makeDirectory(current);
      if (wasCreated) created.push(current);
      looked.push(look(current, options, wasCreated));
    }
    for (const [position, opened] of looked.entries()) {
      current = opened.path;
      if (opened.found === 'other-page-size') wipe(current);
      if (opened.isNew) writeStamp(current, options.stamp);
      mkdirSync(join(current, INDEX_FOLDER), { recursive: true, mode: 0o700 });
      prepared.push(await preparation.prepare(opened, position));
    }
    return prepared;
  } catch (error) {
    for (const one of prepared) preparation.discard(one);
    undo(looked, created);
    throw directoryError(error, current);
  }
}

/** What the file system under a directory can do: tried, since file systems differ. */
export interface FileSystemAbilities {
  /** Blocks can be taken out of the middle of a file. */
  readonly canPunch: boolean;
  /** It can be told whether a file is open elsewhere. */
  readonly canTellOpeners: boolean;
}

/** A full disk counts as one that can do nothing: whole files are unlinked until the next start. */
export function abilitiesOf(path: string, calls: FileCalls): FileSystemAbilities {
  const file = join(path, PROBE_NAME);
  let fd: number | undefined;
  try {
    fd = openSync(file, 'w+', 0o600);
    writeSync(fd, Buffer.alloc(8192, 1));
    return { canPunch: calls.punchHole(fd, 0, 4096) === 0, canTellOpeners: calls.isOnlyOpener(fd) === true };
  } catch {
    return { canPunch: false, canTellOpeners: false };
  } finally {
    if (fd !== undefined) closeSync(fd);
    rmSync(file, { force: true });
  }
}
