// Checks what clients send as JSON: right shape, bounded, or a clear refusal. Nothing here trusts a client.
import { CacheError } from '../../common/errors/index.ts';
import { parseObject } from '../../proto/frames/index.ts';

const PATHS_MAX = 1000;
/** Far above what any file system shows: 64 KiB of name. */
const PATH_UNITS_MAX = 65_536;

const refuse = (field: string, remedy: string): CacheError =>
  new CacheError('InvalidArgument', `The request's ${field} is not as it must be.`, { source: 'caller', context: { field, remedy } });

export function checkedPath(value: unknown, field = 'path'): string {
  if (typeof value === 'string' && value.startsWith('/') && value.length <= PATH_UNITS_MAX) return value;
  throw refuse(field, 'Send an absolute path of at most 64 KiB.');
}

/** A number of milliseconds or a count; absent: `fallback`. */
function checkedNumber(value: unknown, field: string, fallback: number): number {
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'number' && value >= 0) return value;
  throw refuse(field, 'Send a number that is not negative.');
}

export interface StatusRequest {
  readonly paths: readonly string[];
  readonly maxAgeMs: number;
}
/** @throws InvalidArgument, ProtocolMismatch (no JSON object) */
export function statusRequest(payload: Uint8Array): StatusRequest {
  const { paths, maxAgeMs } = parseObject(payload);
  if (!Array.isArray(paths) || paths.length > PATHS_MAX) throw refuse('paths', `Send a list of at most ${PATHS_MAX} paths.`);
  return { paths: paths.map((path) => checkedPath(path, 'paths')), maxAgeMs: checkedNumber(maxAgeMs, 'maxAgeMs', 0) };
}

export interface PathRequest {
  readonly path: string;
  readonly maxAgeMs: number;
}
export function pathRequest(payload: Uint8Array): PathRequest {
  const { path, maxAgeMs } = parseObject(payload);
  return { path: checkedPath(path), maxAgeMs: checkedNumber(maxAgeMs, 'maxAgeMs', 0) };
}

export interface ListRequest {
  readonly path: string;
  readonly startAfter?: string;
  readonly limit?: number;
}
export function listRequest(payload: Uint8Array): ListRequest {
  const { path, startAfter, limit } = parseObject(payload);
  if (startAfter !== undefined && startAfter !== null && (typeof startAfter !== 'string' || startAfter.length > PATH_UNITS_MAX)) {
    throw refuse('startAfter', 'Send `next` of the page before, or a name.');
  }
  const entries = checkedNumber(limit, 'limit', 0);
  return { path: checkedPath(path), ...(typeof startAfter === 'string' && { startAfter }), ...(entries > 0 && { limit: Math.floor(entries) }) };
}

export interface MembershipRequest {
  readonly revision: number;
  /** undefined: the caller compares revisions alone. */
  readonly generation: number | undefined;
  readonly waitMs: number;
}
export function membershipRequest(payload: Uint8Array): MembershipRequest {
  const { revision, generation, waitMs } = parseObject(payload);
  return {
    revision: checkedNumber(revision, 'revision', 0),
    generation: generation === undefined ? undefined : checkedNumber(generation, 'generation', 0),
    waitMs: checkedNumber(waitMs, 'waitMs', 0),
  };
}
