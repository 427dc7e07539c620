// Numbers of the FUSE kernel protocol (7.x, little-endian): opcodes, flags, struct sizes. Owns no behaviour.

/** Kernel requests by number. */
export const Opcode = {
  Lookup: 1,
  Forget: 2,
  Getattr: 3,
  Setattr: 4,
  Readlink: 5,
  Symlink: 6,
  Mknod: 8,
  Mkdir: 9,
  Unlink: 10,
  Rmdir: 11,
  Rename: 12,
  Link: 13,
  Open: 14,
  Read: 15,
  Write: 16,
  Statfs: 17,
  Release: 18,
  Fsync: 20,
  Setxattr: 21,
  Getxattr: 22,
  Listxattr: 23,
  Removexattr: 24,
  Flush: 25,
  Init: 26,
  Opendir: 27,
  Readdir: 28,
  Releasedir: 29,
  Fsyncdir: 30,
  Getlk: 31,
  Setlk: 32,
  Setlkw: 33,
  Access: 34,
  Create: 35,
  Interrupt: 36,
  Bmap: 37,
  Destroy: 38,
  Ioctl: 39,
  Poll: 40,
  NotifyReply: 41,
  BatchForget: 42,
  Fallocate: 43,
  Readdirplus: 44,
  Rename2: 45,
  Lseek: 46,
  CopyFileRange: 47,
  SetupMapping: 48,
  RemoveMapping: 49,
  Syncfs: 50,
  Tmpfile: 51,
  Statx: 52,
} as const;
export type OpcodeName = keyof typeof Opcode;
/** Opcodes lie below. */
export const OPCODE_COUNT = 64;

const NAMES = new Map<number, OpcodeName>(Object.entries(Opcode).map(([name, value]) => [value, name as OpcodeName]));
export const opcodeName = (opcode: number): OpcodeName | 'Unknown' => NAMES.get(opcode) ?? 'Unknown';

/** Requests that change something: a read-only mount answers EROFS. */
export const WRITING_OPCODES: ReadonlySet<number> = new Set([
  Opcode.Setattr,
  Opcode.Symlink,
  Opcode.Mknod,
  Opcode.Mkdir,
  Opcode.Unlink,
  Opcode.Rmdir,
  Opcode.Rename,
  Opcode.Rename2,
  Opcode.Link,
  Opcode.Write,
  Opcode.Setxattr,
  Opcode.Removexattr,
  Opcode.Create,
  Opcode.Fallocate,
  Opcode.CopyFileRange,
  Opcode.Tmpfile,
]);

/** The kernel expects no reply. */
export const SILENT_OPCODES: ReadonlySet<number> = new Set([Opcode.Forget, Opcode.BatchForget, Opcode.Interrupt, Opcode.NotifyReply]);

export const ROOT_NODE_ID = 1;
export const IN_HEADER_BYTES = 40;
export const OUT_HEADER_BYTES = 16;
export const ATTR_BYTES = 88;
export const ENTRY_BYTES = 128;
export const ATTR_REPLY_BYTES = 104;
export const DIRENT_BYTES = 24;
/** What the kernel insists on for the buffer of a reader; more takes more FORGETs at once. */
export const REQUEST_BUFFER_BYTES = 64 * 1024;
/** Largest READ: 256 pages of memory. */
export const READ_BYTES_MAX = 1 << 20;
export const MAX_PAGES = 256;
/** No write reaches a read-only mount: the smallest the kernel takes. */
export const MAX_WRITE_BYTES = 4096;

export const InitFlag = {
  AsyncRead: 1 << 0,
  ExportSupport: 1 << 4,
  AutoInvalidateData: 1 << 12,
  Readdirplus: 1 << 13,
  ReaddirplusAuto: 1 << 14,
  AsyncDirectIo: 1 << 15,
  ParallelDirops: 1 << 18,
  MaxPages: 1 << 22,
  CacheSymlinks: 1 << 23,
  ExplicitInvalidateData: 1 << 25,
  InitExt: 1 << 30,
} as const;
/** Of the second word. */
export const InitFlag2 = { DirectIoAllowMmap: 1 << 4 } as const;

export const OpenFlag = { DirectIo: 1 << 0, KeepCache: 1 << 1, CacheDir: 1 << 3, NoFlush: 1 << 5 } as const;

export const NotifyCode = { InvalidateEntry: 3, Prune: 9 } as const;
/** Minor version from which the kernel knows NOTIFY_PRUNE. */
export const PRUNE_MINOR = 45;

export const FileType = { Directory: 0o040000, Regular: 0o100000 } as const;
export const DirentType = { Directory: 4, Regular: 8 } as const;
