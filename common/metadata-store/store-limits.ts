// Limits that every implementation keeps, and the checks of calls.
import type { Change, Transaction } from './metadata-store.ts';
import { badCall } from './store-faults.ts';

/** As etcd's own default. */
export const TRANSACTION_CHANGES_MAX = 128;
export const KEY_BYTES_MAX = 4096;
export const VALUE_BYTES_MAX = 1024 * 1024;
export const LEASE_TTL_SECONDS_MAX = 9_000_000;
export const WATCH_PREFIXES_MAX = 16;

function checkChange(change: Change): void {
  checkKey(change.key);
  if (change.type === 'put' && Buffer.byteLength(change.value) > VALUE_BYTES_MAX) {
    throw badCall(`The value of ${change.key} is larger than ${VALUE_BYTES_MAX} bytes.`, 'value');
  }
}

/** @throws InvalidArgument */
export function checkKey(key: string): void {
  if (key === '' || !key.isWellFormed() || Buffer.byteLength(key) > KEY_BYTES_MAX) throw badCall(`A key is 1 to ${KEY_BYTES_MAX} bytes of well-formed text.`, 'key');
}

/** @throws InvalidArgument */
export function checkTransaction({ compares = [], changes }: Transaction): void {
  if (changes.length > TRANSACTION_CHANGES_MAX || compares.length > TRANSACTION_CHANGES_MAX) {
    throw badCall(`A transaction has at most ${TRANSACTION_CHANGES_MAX} compares and changes.`, 'changes');
  }
  for (const compare of compares) checkKey(compare.key);
  for (const change of changes) checkChange(change);
  if (new Set(changes.map((change) => change.key)).size !== changes.length) throw badCall('A transaction changes each key at most once.', 'changes');
}

/** @throws InvalidArgument */
export function checkTtl(ttlSeconds: number): void {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > LEASE_TTL_SECONDS_MAX) {
    throw badCall(`A lease lives 1 to ${LEASE_TTL_SECONDS_MAX} whole seconds, not ${ttlSeconds}.`, 'ttlSeconds');
  }
}

/** @throws InvalidArgument */
export function checkPrefixes(prefixes: readonly string[]): void {
  if (prefixes.length === 0 || prefixes.length > WATCH_PREFIXES_MAX) throw badCall(`A watch follows 1 to ${WATCH_PREFIXES_MAX} prefixes.`, 'prefixes');
  for (const prefix of prefixes) checkKey(prefix);
}
