// Checks and defaults of the page store's options. A bad one is refused before any directory is touched.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CacheError } from '../common/errors/index.ts';
import { fileCalls, type FileCalls, portableFileCalls } from '../common/syscall/files.ts';
import type { PageStoreEvent, PageStoreOptions } from './contracts.ts';
import { createEvictor } from './eviction/evictors.ts';

export const PAGE_BYTES_MIN = 64 * 1024;
export const PAGE_BYTES_MAX = 64 * 1024 * 1024;
const PAGES_MAX = 2 ** 25;
const FILES_MAX = 2 ** 24;
const RECORDS_MIN = 4096;
/** No file takes less than a block. */
const BLOCK_BYTES = 4096;
const DESCRIPTORS_MAX = 65_536;
const DESCRIPTORS_MIN = 16;
const MIN_PAGES_PER_DIRECTORY = 4;

export interface StoreSettings {
  readonly directories: readonly { readonly path: string; readonly capacityBytes: number }[];
  readonly pageSizeBytes: number;
  readonly evictor: string;
  readonly clusterUid: string;
  readonly workerUuid: string;
  readonly marginShare: number;
  readonly hitRings: number;
  readonly reinitialise: boolean;
  readonly calls: FileCalls;
  readonly pagesMax: number;
  readonly filesMax: number;
  readonly descriptorsMax: number;
  readonly probeIntervalMs: number;
  readonly emit: (event: PageStoreEvent) => void;
}

function refuse(field: string, value: string | number, message: string, remedy: string): never {
  throw new CacheError('InvalidConfiguration', `${message} (${remedy}).`, { source: 'caller', context: { field, value, remedy } });
}

function checkPageSize(bytes: number): void {
  if (Number.isInteger(Math.log2(bytes)) && bytes >= PAGE_BYTES_MIN && bytes <= PAGE_BYTES_MAX) return;
  refuse('pageSizeBytes', bytes, `The page size must be a power of two between 64 KiB and 64 MiB, not ${bytes} bytes`, 'set one, such as 4 MiB');
}

function checkDirectories(options: PageStoreOptions): void {
  if (options.directories.length === 0) refuse('directories', '', 'The page store needs at least one directory', 'configure one');
  const paths = options.directories.map(({ path }) => resolve(path));
  const twice = paths.find((path, i) => paths.indexOf(path) !== i);
  if (twice !== undefined) refuse('directories', twice, `The page-store directory ${twice} is named twice`, 'remove one of them');
  const least = MIN_PAGES_PER_DIRECTORY * options.pageSizeBytes;
  const small = options.directories.find(({ capacityBytes }) => !(capacityBytes >= least));
  if (small !== undefined)
    refuse(
      'capacityBytes',
      small.capacityBytes,
      `The page-store directory ${small.path} has a capacity of ${small.capacityBytes} bytes, less than ${MIN_PAGES_PER_DIRECTORY} pages`,
      `give it at least ${least} bytes`,
    );
}

function descriptorLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return Math.floor(Number(soft ?? 8192) / 2);
  } catch {
    return 4096; // no /proc: half of what Node raises the limit to almost everywhere
  }
}

/** How many records the tables may ever hold. */
function bounds(options: PageStoreOptions): { readonly pagesMax: number; readonly filesMax: number } {
  const blocks = options.directories.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0) / BLOCK_BYTES;
  const records = Math.max(RECORDS_MIN, Math.ceil(blocks));
  return { pagesMax: options.pagesMax ?? Math.min(PAGES_MAX, records), filesMax: options.filesMax ?? Math.min(FILES_MAX, records) };
}

/** @throws InvalidConfiguration */
export function storeSettings(options: PageStoreOptions): StoreSettings {
  const { pageSizeBytes, marginShare = 0.01, reinitialise = false, portable = false, probeIntervalMs = 5000, onEvent = () => undefined } = options;
  checkPageSize(pageSizeBytes);
  checkDirectories(options);
  createEvictor(options.evictor, 1);
  if (!(marginShare >= 0 && marginShare <= 0.5))
    refuse('marginShare', marginShare, `The margin must be between 0 and 0.5 of a directory, not ${marginShare}`, 'leave it out for 0.01');
  return {
    directories: options.directories,
    pageSizeBytes,
    evictor: options.evictor,
    clusterUid: options.clusterUid,
    workerUuid: options.workerUuid,
    marginShare,
    hitRings: options.hitRings,
    reinitialise,
    calls: portable ? portableFileCalls : fileCalls,
    ...bounds(options),
    descriptorsMax: Math.max(DESCRIPTORS_MIN, Math.min(DESCRIPTORS_MAX, options.descriptorsMax ?? descriptorLimit())),
    probeIntervalMs,
    emit: onEvent,
  };
}
