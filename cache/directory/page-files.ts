// Page files of one directory: where they lie, how they are opened, punched and unlinked. Owns no descriptor and no record.
import { mkdirSync, openSync, statSync, unlinkSync } from 'node:fs';
import { constants } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { fileIdHex } from '../../common/hash/index.ts';

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

export function pageFilePath(directory: string, fileId: Uint8Array): string {
  const hex = fileIdHex(fileId);
  return join(directory, hex.slice(0, 2), hex);
}

/** Creates the file and its folder when absent. @throws errors of the file system */
export function openForFilling(path: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT;
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    mkdirSync(join(path, '..'), { mode: 0o700 });
    return openSync(path, flags, 0o600);
  }
}

/** Read-only, since it may be handed to a client. @throws errors of the file system */
export const openForReading = (path: string): number => openSync(path, constants.O_RDONLY);

/** @returns whether there was such a file */
export function unlinkPageFile(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

const INTERRUPTIONS_MAX = 100;
/** A call that a signal cut off before it did anything, until it ran. @returns its result: 0 or -errno */
export function uninterrupted(call: () => number): number {
  for (let attempt = 1; ; attempt++) {
    const result = call();
    if (result !== -osConstants.errno.EINTR || attempt === INTERRUPTIONS_MAX) return result;
  }
}

/** Bytes of blocks; 0 when there is no such file. */
export const allocatedBytesOf = (path: string): number => (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
