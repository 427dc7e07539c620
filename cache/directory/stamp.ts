// stamp.json: whose directory this is. A directory of another worker, cluster, format version or page size is refused before anything in it is touched.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CacheError } from '../../common/errors/index.ts';

export const STORE_FORMAT_VERSION = 1;
const STAMP_NAME = 'stamp.json';

export interface Stamp {
  readonly formatVersion: number;
  readonly clusterUid: string;
  readonly workerUuid: string;
  readonly pageSizeBytes: number;
}

const FIELDS: readonly { readonly name: keyof Stamp; readonly what: string; readonly remedy: string }[] = [
  { name: 'formatVersion', what: 'format version', remedy: 'start the release that wrote it, empty the directory, or configure another one' },
  { name: 'clusterUid', what: 'cluster', remedy: 'configure a directory of this cluster, or empty this one' },
  { name: 'workerUuid', what: 'worker', remedy: 'configure a directory of this worker (or its identity file), or empty this one' },
  { name: 'pageSizeBytes', what: 'page size', remedy: 'configure the page size it was written with, or allow it to be re-initialised' },
];

function refusal(path: string, found: unknown, expected: Stamp): CacheError | undefined {
  const stamp = (typeof found === 'object' && found !== null ? found : {}) as Partial<Record<keyof Stamp, unknown>>;
  const field = FIELDS.find(({ name }) => stamp[name] !== expected[name]);
  if (field === undefined) return undefined;
  const raw = stamp[field.name];
  const value = typeof raw === 'string' || typeof raw === 'number' ? raw : 'none';
  return new CacheError(
    'InvalidConfiguration',
    `The page-store directory ${path} belongs to another ${field.what}: found ${value}, expected ${expected[field.name]} (${field.remedy}).`,
    { source: 'caller', context: { path, field: field.name, found: value, expected: expected[field.name], remedy: field.remedy } },
  );
}

/** undefined: there is none. @throws errors of the file system other than that */
function readStamp(path: string): unknown {
  try {
    return JSON.parse(readFileSync(join(path, STAMP_NAME), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof SyntaxError) return null; // a damaged stamp is nobody's
    throw error;
  }
}

/**
 * @returns `none` when the directory has no stamp, `ours` when it is the expected one, `other-page-size` when only the page size differs and `mayReinitialise`
 * @throws InvalidConfiguration that names directory, found, expected and remedy
 */
export function checkStamp(path: string, expected: Stamp, mayReinitialise: boolean): 'none' | 'ours' | 'other-page-size' {
  const found = readStamp(path);
  if (found === undefined) return 'none';
  const error = refusal(path, found, expected);
  if (error === undefined) return 'ours';
  if (mayReinitialise && error.context['field'] === 'pageSizeBytes') return 'other-page-size';
  throw error;
}

export function writeStamp(path: string, stamp: Stamp): void {
  const file = join(path, STAMP_NAME);
  writeFileSync(`${file}.tmp`, `${JSON.stringify(stamp)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.tmp`, file);
}
