// The one place where errors become errnos: looked up in the error table, never matched by text.
import { constants } from 'node:os';
import { asCacheError } from '../common/errors/index.ts';

/** Linux numbers: also those that Node's own table may lack on other systems. */
export const Errno = {
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EROFS: 30,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENODATA: 61,
  EOPNOTSUPP: 95,
  ENOTCONN: 107,
  ESTALE: 116,
} as const;

const byName: Readonly<Record<string, number | undefined>> = { ...constants.errno, ...Errno };

/** A positive errno for anything thrown; EIO when nothing better is known. */
export const errnoOf = (error: unknown): number => byName[asCacheError(error).row.errno] ?? Errno.EIO;
