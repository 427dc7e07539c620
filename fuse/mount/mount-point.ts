// The directory to mount on: checked before anything is built, a dead mount of an earlier daemon cleared away.
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { sleep } from '../../common/async/index.ts';
import { Property } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { mountedAt } from './mount-table.ts';

const PROBE_TIMEOUT_MS = 3000;
/** Several dead daemons may have left their mounts on top of each other. */
const STALE_MAX = 16;

const refuse = (mountPoint: string, why: string, remedy: string): CacheError =>
  new CacheError('InvalidConfiguration', `The mount point ${mountPoint} ${why}.`, {
    source: 'caller',
    context: { field: Property.fuseMountPoint.name, value: mountPoint, remedy },
  });

/** Absolute, links resolved but for the last segment: a dead mount there cannot be looked at. */
export function canonicalMountPoint(mountPoint: string): string {
  const absolute = resolve(mountPoint);
  if (absolute === '/') throw refuse(absolute, 'is the root directory', 'Choose another directory.');
  try {
    return join(realpathSync(dirname(absolute)), basename(absolute));
  } catch {
    return absolute;
  }
}

/** 'dead': a mount whose daemon is gone; 'silent': a daemon that does not answer in time. */
async function probe(mountPoint: string): Promise<'alive' | 'dead' | 'silent'> {
  const timeout = new AbortController();
  // Not stat: the kernel answers it from its memory of the root's attributes, also after the daemon has died.
  const answer = statfs(mountPoint).then(
    () => 'alive' as const,
    (error: NodeJS.ErrnoException) => (error.code === 'ENOTCONN' || error.code === 'ECONNABORTED' ? ('dead' as const) : ('alive' as const)),
  );
  const late = sleep(PROBE_TIMEOUT_MS, timeout.signal).then(
    () => 'silent' as const,
    () => 'silent' as const,
  );
  const found = await Promise.race([answer, late]);
  timeout.abort();
  return found;
}

/**
 * Clears dead FUSE mounts off the path and checks that it is a usable directory.
 * @param detach unmounts lazily
 * @returns number of dead mounts cleared away
 * @throws InvalidConfiguration (missing, no directory, not empty, busy) with the remedy
 */
export async function prepareMountPoint(mountPoint: string, options: { readonly nonEmpty: boolean; readonly detach: (mountPoint: string) => void }): Promise<number> {
  let cleared = 0;
  for (let mounted = mountedAt(mountPoint); mounted?.type.startsWith('fuse') === true; mounted = mountedAt(mountPoint)) {
    const state = await probe(mountPoint);
    if (state === 'alive')
      throw refuse(mountPoint, `is busy: a file system of type ${mounted.type} is mounted there`, `Unmount it (umount ${mountPoint}) or choose another directory.`);
    if (state === 'silent' || cleared >= STALE_MAX) {
      throw refuse(mountPoint, 'is busy: what is mounted there does not answer', `Stop its daemon, then umount -l ${mountPoint}, or choose another directory.`);
    }
    options.detach(mountPoint);
    cleared++;
  }
  checkDirectory(mountPoint, options.nonEmpty);
  return cleared;
}

function checkDirectory(mountPoint: string, nonEmpty: boolean): void {
  let names: string[];
  try {
    if (!statSync(mountPoint).isDirectory()) throw refuse(mountPoint, 'is not a directory', 'Choose a directory.');
    names = readdirSync(mountPoint);
  } catch (error) {
    if (error instanceof CacheError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw refuse(mountPoint, 'does not exist', `Create it: mkdir -p ${mountPoint}`);
    throw refuse(mountPoint, `cannot be read (${code ?? 'unknown error'})`, 'Check its permissions.');
  }
  if (names.length > 0 && !nonEmpty) throw refuse(mountPoint, 'is not empty', 'Choose an empty directory, or add nonempty to the mount options to cover what is there.');
}
