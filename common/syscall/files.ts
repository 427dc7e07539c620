// File calls that Node lacks: preallocate, punch holes, lock a directory, ask whether a file is open elsewhere. Through koffi on Linux; elsewhere the portable
// form: a lock file, no preallocation, no holes. Owns no policy: callers decide what a refused call means. Results are 0 or a negative errno, as in the kernel.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join, resolve } from 'node:path';
import { libc, type Libc } from './libc.ts';

const { EOPNOTSUPP, EAGAIN } = osConstants.errno;
const FALLOC_KEEP_SIZE = 1;
const FALLOC_PUNCH_HOLE = 2;
const LOCK_EXCLUSIVE_NONBLOCKING = 2 | 4;
const F_SETLEASE = 1024;
const F_WRLCK = 1;
const F_UNLCK = 2;

interface FileFunctions {
  fallocate(fd: number, mode: number, offset: number, length: number): number;
  flock(fd: number, operation: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  errno(): number;
}

function declareCalls(c: Libc): FileFunctions {
  return {
    fallocate: c.declare('int fallocate(int fd, int mode, int64_t offset, int64_t length)'),
    flock: c.declare('int flock(int fd, int operation)'),
    fcntl: c.declare('int fcntl(int fd, int command, long argument)'),
    errno: () => c.errno(),
  };
}

export interface DirectoryLock {
  /** Idempotent. */
  release(): void;
}

export interface FileCalls {
  /** False: the portable form. */
  readonly native: boolean;
  /** Allocates blocks without changing the size. @returns 0, or -errno: -ENOSPC when they are not there, -EOPNOTSUPP when the file system cannot */
  preallocate(fd: number, offset: number, length: number): number;
  /** Frees the blocks of a range; it reads as zeros. @returns 0 or -errno */
  punchHole(fd: number, offset: number, length: number): number;
  /** undefined: another holder has it. @throws the error of the file system when the directory cannot be opened */
  lockDirectory(path: string): DirectoryLock | undefined;
  /**
   * Whether `fd` is the only open description of its file on this machine: descriptors in other processes, mappings and FUSE passthrough included. Descriptors that
   * were duplicated from `fd` are the same description and are not seen: ask with one that was never given away. undefined: the file system cannot tell.
   */
  isOnlyOpener(fd: number): boolean | undefined;
}

const once = (release: () => void): DirectoryLock => {
  let isHeld = true;
  return {
    release: () => {
      if (isHeld) release();
      isHeld = false;
    },
  };
};

function nativeCalls(libc: FileFunctions): FileCalls {
  const result = (value: number): number => (value === 0 ? 0 : -libc.errno());
  return {
    native: true,
    preallocate: (fd, offset, length) => result(libc.fallocate(fd, FALLOC_KEEP_SIZE, offset, length)),
    punchHole: (fd, offset, length) => result(libc.fallocate(fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, offset, length)),
    lockDirectory: (path) => {
      const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
      if (libc.flock(fd, LOCK_EXCLUSIVE_NONBLOCKING) === 0) return once(() => closeSync(fd));
      closeSync(fd);
      return undefined;
    },
    isOnlyOpener: (fd) => {
      if (libc.fcntl(fd, F_SETLEASE, F_WRLCK) === 0) {
        libc.fcntl(fd, F_SETLEASE, F_UNLCK); // at once: a lease that stays would hold up the next open
        return true;
      }
      return libc.errno() === EAGAIN ? false : undefined;
    },
  };
}

const LOCK_FILE = '.lock';
const heldHere = new Set<string>();

/** What tells one process from a later one with the same pid; '' when nobody can say. */
function processStart(pid: number): string {
  try {
    if (process.platform === 'linux')
      return (
        readFileSync(`/proc/${pid}/stat`, 'latin1')
          .replace(/^.*\) /s, '')
          .split(' ')[19] ?? ''
      );
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 2000 }).trim();
  } catch {
    return '';
  }
}

function isHolderAlive(content: string): boolean {
  const [pidText = '', ...start] = content.trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  return processStart(pid) !== '' && processStart(pid) === start.join(' ');
}

/** @returns whether the lock file was made; a dead holder's is removed first. */
function createLockFile(file: string): boolean {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, `${process.pid} ${processStart(process.pid)}\n`, { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (isHolderAlive(readFileSync(file, 'utf8'))) return false;
      unlinkSync(file);
    }
  }
  return false;
}

function lockByFile(path: string): DirectoryLock | undefined {
  const key = resolve(path);
  const file = join(key, LOCK_FILE);
  if (heldHere.has(key) || !createLockFile(file)) return undefined;
  heldHere.add(key);
  return once(() => {
    heldHere.delete(key);
    unlinkSync(file);
  });
}

/** Works on every platform: a lock file with pid and start time, nothing preallocated, no holes. */
export const portableFileCalls: FileCalls = {
  native: false,
  preallocate: () => -EOPNOTSUPP,
  punchHole: () => -EOPNOTSUPP,
  lockDirectory: lockByFile,
  isOnlyOpener: () => undefined,
};

/** The best form that this machine has. */
export const fileCalls: FileCalls = libc === undefined ? portableFileCalls : nativeCalls(declareCalls(libc));
