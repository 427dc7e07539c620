// Namespace paths: absolute, segments between slashes, nothing folded: `/data/a//b` has an empty segment and is not `/data/a/b`.
import type { ByteName } from '../api/index.ts';
import { nameLengthBytes } from './byte-name.ts';

export const NAME_BYTES_MAX = 255;

/** Whether POSIX can show the segment: not empty, `.`, `..`, no slash or NUL, at most 255 bytes. */
export function isPosixName(segment: ByteName): boolean {
  if (segment === '' || segment === '.' || segment === '..') return false;
  if (segment.includes('/') || segment.includes('\0')) return false;
  // A UTF-16 unit is at most three bytes of UTF-8.
  return segment.length * 3 <= NAME_BYTES_MAX || nameLengthBytes(segment) <= NAME_BYTES_MAX;
}

/** `name` below `directory`; only the root does not get a second slash. */
export const joinPath = (directory: ByteName, name: ByteName): ByteName => (directory === '/' ? `/${name}` : `${directory}/${name}`);

/** What precedes the last slash; the parent of `/a` and of `/` is `/`. */
export function parentPath(path: ByteName): ByteName {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** What follows the last slash; '' for `/`. */
export const baseName = (path: ByteName): ByteName => path.slice(path.lastIndexOf('/') + 1);
