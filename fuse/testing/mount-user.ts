// A process that uses a mount with calls that Node lacks or that would block the daemon's own process: `node mount-user.ts NAME ARGUMENTS…`, one JSON value on stdout.
import * as fs from 'node:fs';
import { libc } from '../../common/syscall/libc.ts';

const declare = libc!.declare.bind(libc!);
const errnoOf = (work: () => unknown): string => {
  try {
    work();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
};
const GETDENTS64 = process.arch === 'x64' ? 217 : 61;
const O_DIRECT = process.arch === 'x64' ? 0o40000 : 0o200000;
const PAGE = 4096;

/** Bytes of a private mapping, summed and hashed cheaply enough to compare. */
function viaMmap(path: string): string {
  const mmap = declare<(at: number, length: number, protection: number, flags: number, fd: number, offset: number) => number>(
    'int64_t mmap(int64_t at, size_t length, int protection, int flags, int fd, int64_t offset)',
  );
  const fd = fs.openSync(path, 'r');
  const { size } = fs.fstatSync(fd);
  const address = Number(mmap(0, size, 1, 2, fd, 0));
  const bytes = Buffer.from(libc!.view(address, size));
  fs.closeSync(fd);
  return bytes.toString('base64');
}

function viaDirect(path: string, length: number): string {
  const fd = fs.openSync(path, fs.constants.O_RDONLY | O_DIRECT);
  const { address, bytes } = libc!.allocate(length + PAGE);
  const into = bytes.subarray((PAGE - (address % PAGE)) % PAGE).subarray(0, length);
  const read = fs.readSync(fd, into, 0, length, 0);
  fs.closeSync(fd);
  return Buffer.from(into.subarray(0, read)).toString('base64');
}

function getxattr(path: string, name: string): string {
  const call = declare<(path: string, name: string, into: Buffer, size: number) => number>('long getxattr(const char *path, const char *name, void *into, size_t size)');
  const into = Buffer.alloc(1000);
  const length = call(path, name, into, into.length);
  return length < 0 ? `errno ${libc!.errno()}` : into.toString('utf8', 0, length);
}

function listxattr(path: string): string[] {
  const call = declare<(path: string, into: Buffer, size: number) => number>('long listxattr(const char *path, void *into, size_t size)');
  const into = Buffer.alloc(1000);
  return into
    .toString('utf8', 0, call(path, into, into.length))
    .split('\0')
    .filter(Boolean);
}

function setxattr(path: string): number {
  const call = declare<(path: string, name: string, value: string, size: number, flags: number) => number>(
    'int setxattr(const char *path, const char *name, const char *value, size_t size, int flags)',
  );
  return call(path, 'user.x', 'y', 1, 0) < 0 ? libc!.errno() : 0;
}

interface Listed {
  readonly name: string;
  readonly cookie: number;
}

/** Reads a directory by getdents64 from a cookie on (0: the beginning), at most `count` names. */
function listFrom(fd: number, cookie: number, count: number): Listed[] {
  const getdents = declare<(number: number, fd: number, into: Buffer, size: number) => number>('long syscall(long number, int fd, void *into, size_t size)');
  const lseek = declare<(fd: number, offset: number, whence: number) => number>('int64_t lseek(int fd, int64_t offset, int whence)');
  lseek(fd, cookie, 0);
  const into = Buffer.alloc(32_768);
  const listed: Listed[] = [];
  for (let bytes = getdents(GETDENTS64, fd, into, into.length); bytes > 0 && listed.length < count; bytes = getdents(GETDENTS64, fd, into, into.length)) {
    for (let at = 0; at < bytes; at += into.readUInt16LE(at + 16)) {
      listed.push({ name: into.toString('latin1', at + 19, into.indexOf(0, at + 19)), cookie: Number(into.readBigInt64LE(at + 8)) });
    }
  }
  return listed.slice(0, count);
}

/** Names after going back to the cookie of the entry `at`, and what had followed there the first time. */
function seekBack(path: string, at: number): { readonly first: readonly string[]; readonly again: readonly string[] } {
  const fd = fs.openSync(path, 'r');
  const all = listFrom(fd, 0, 1_000_000);
  const again = listFrom(fd, all[at]!.cookie, 50);
  fs.closeSync(fd);
  return { first: all.slice(at + 1, at + 51).map(({ name }) => name), again: again.map(({ name }) => name) };
}

function writes(file: string, directory: string): Record<string, string | number> {
  return {
    write: errnoOf(() => fs.openSync(file, 'r+')),
    append: errnoOf(() => fs.openSync(file, 'a')),
    create: errnoOf(() => fs.openSync(`${directory}/new`, 'w')),
    mkdir: errnoOf(() => fs.mkdirSync(`${directory}/new`)),
    unlink: errnoOf(() => fs.unlinkSync(file)),
    rmdir: errnoOf(() => fs.rmdirSync(directory)),
    rename: errnoOf(() => fs.renameSync(file, `${directory}/new`)),
    symlink: errnoOf(() => fs.symlinkSync('x', `${directory}/new`)),
    link: errnoOf(() => fs.linkSync(file, `${directory}/new`)),
    truncate: errnoOf(() => fs.truncateSync(file, 0)),
    chmod: errnoOf(() => fs.chmodSync(file, 0o777)),
    chown: errnoOf(() => fs.chownSync(file, 1, 1)),
    utimes: errnoOf(() => fs.utimesSync(file, 1, 1)),
    setxattr: setxattr(file),
  };
}

/** Holds a file open, having read its first byte, until it is killed. */
function hold(path: string): string {
  const fd = fs.openSync(path, 'r');
  fs.readSync(fd, Buffer.alloc(1), 0, 1, 0);
  setInterval(() => undefined, 1000);
  return 'held';
}

const COMMANDS: Readonly<Record<string, (a: string, b: string) => unknown>> = {
  mmap: viaMmap,
  direct: (path, length) => viaDirect(path, Number(length)),
  getxattr,
  listxattr,
  writes,
  hold,
  seekBack: (path, at) => seekBack(path, Number(at)),
};

const [command = '', a = '', b = ''] = process.argv.slice(2);
console.log(JSON.stringify(COMMANDS[command]!(a, b)));
