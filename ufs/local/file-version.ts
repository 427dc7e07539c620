// The version of a file: what changes whenever its bytes may have.
import type { BigIntStats } from 'node:fs';
import { directoryStatus, fileStatus } from '../entry-status.ts';
import type { FileStatus } from '../../common/api/index.ts';
import type { UfsKey } from '../under-file-system.ts';

/** `file:ino-size-mtimeNs-ctimeNs`. Weak: two writes within one tick of the file system's clock look alike. */
export const versionOf = (stats: BigIntStats): string => `file:${stats.ino}-${stats.size}-${stats.mtimeNs}-${stats.ctimeNs}`;

/** undefined for special files: they are neither shown nor read. */
export function statusOf(rootUri: string, key: UfsKey, stats: BigIntStats): FileStatus | undefined {
  const facts = { mtimeMs: Number(stats.mtimeMs), mode: Number(stats.mode) & 0o7777 };
  if (stats.isDirectory()) return directoryStatus(rootUri, key, facts);
  if (!stats.isFile()) return undefined;
  return fileStatus(rootUri, key, { length: Number(stats.size), version: versionOf(stats), ...facts });
}
