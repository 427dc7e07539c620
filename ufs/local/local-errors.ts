// What the kernel answers for files, told in the product's codes.
import { CacheError, type ErrorCode } from '../../common/errors/index.ts';
import { printableName } from '../../common/namespace/index.ts';
import type { UfsKey } from '../under-file-system.ts';

export const errnoOf = (error: unknown): string => (error as { readonly code?: string } | undefined)?.code ?? '';
/** Nothing of this name: also a link that leads nowhere or in circles. */
export const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error));

interface Row {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}
const PERMISSION: Row = { code: 'PermissionDenied', message: 'The file system refused access.', remedy: 'Give the user of this process read and search permission.' };
const READ_ONLY: Row = { code: 'PermissionDenied', message: 'The file system is read-only.', remedy: 'Mount it writable, or write elsewhere.' };
const FULL: Row = { code: 'UfsUnavailable', message: 'The file system is full.', remedy: 'Free space or raise the quota.' };
const TABLE: Readonly<Record<string, Row>> = {
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  EROFS: READ_ONLY,
  ENOENT: { code: 'PathNotFound', message: 'The file does not exist.', remedy: 'Check the path.' },
  ENOTDIR: { code: 'NotADirectory', message: 'A part of the path is not a directory.', remedy: 'Check the path.' },
  EISDIR: { code: 'IsADirectory', message: 'The path is a directory.', remedy: 'Name a file.' },
  EEXIST: { code: 'AlreadyExists', message: 'The file exists already.', remedy: 'Choose another name.' },
  ENOTEMPTY: { code: 'DirectoryNotEmpty', message: 'The directory is not empty.', remedy: 'Delete what is in it first.' },
  ENAMETOOLONG: { code: 'NameTooLong', message: 'The path is longer than the file system allows.', remedy: 'Use a shorter path.' },
  ENOSPC: FULL,
  EDQUOT: FULL,
};
const OTHER: Row = { code: 'UfsUnavailable', message: 'The file system failed.', remedy: 'Look at the kernel log and the state of the mount.' };

/** A CacheError for whatever a file call threw; a CacheError stays as it is. */
export function localError(error: unknown, key: UfsKey): CacheError {
  if (error instanceof CacheError) return error;
  const errno = errnoOf(error);
  const { code, message, remedy } = TABLE[errno] ?? OTHER;
  return new CacheError(code, message, { source: 'ufs', context: { key: printableName(key), errno, remedy }, cause: error });
}

export const changedFile = (key: UfsKey): CacheError =>
  new CacheError('UfsObjectChanged', 'The file is no longer the version that was asked for.', { source: 'ufs', context: { key: printableName(key) } });
