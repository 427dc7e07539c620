// Page source that reads the under file system: one ranged read per page.
import { CacheError } from '../../common/errors/index.ts';
import type { UnderFileSystem, VersionedFile } from '../../ufs/under-file-system.ts';
import type { PageSource } from './page-fill.ts';

/** A file of a weak-version UFS that changed so recently may change again without its version telling. */
const SETTLED_AFTER_MS = 2000;

/** Reads the page at `offset` of one version. @throws what the UFS throws; UfsUnavailable for a page cut short */
export function ufsSource(ufs: UnderFileSystem, file: VersionedFile, offset: number): PageSource {
  // A weak version is compared again after the last byte: nothing may be handed on before.
  const isEarly = ufs.capabilities.versionStrength === 'strong';
  return async (into, onProgress, signal) => {
    const count = await ufs.read(file, offset, into, isEarly ? { signal, onProgress: (received) => onProgress(received, 'ufs') } : { signal });
    if (count !== into.length) {
      throw new CacheError('UfsUnavailable', 'The under file system answered fewer bytes than the version has.', {
        source: 'ufs',
        context: { expected: into.length, received: count },
      });
    }
    return 'ufs';
  };
}

/** Whether a weak version (`file:ino-size-mtimeNs-ctimeNs`) is too fresh to be cached; a version that cannot be read is. */
export function isTooYoung(version: string, wallMs: number): boolean {
  const match = /^file:\d+-\d+-(-?\d+)-(-?\d+)$/.exec(version);
  if (match === null) return true;
  const changedMs = Math.max(Number(match[1]), Number(match[2])) / 1e6;
  return wallMs - changedMs < SETTLED_AFTER_MS;
}
