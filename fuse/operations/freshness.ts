// How long the kernel may believe what it is told: what is left of the mount's maximum age, unless a property or a mount option says otherwise.
import type { StatusLookup } from '../../client/index.ts';

export interface Timeouts {
  /** undefined: what is left of the age. */
  readonly attrTimeoutMs: number | undefined;
  readonly entryTimeoutMs: number | undefined;
}

/** Milliseconds for which the answer stays good. */
export const freshMsOf = ({ ageMs, maxAgeMs }: Pick<StatusLookup, 'ageMs' | 'maxAgeMs'>): number => (maxAgeMs === Infinity ? Infinity : Math.max(0, maxAgeMs - ageMs));

export const timeoutsOf = (timeouts: Timeouts, freshMs: number): { readonly entryTimeoutMs: number; readonly attributeTimeoutMs: number } => ({
  entryTimeoutMs: timeouts.entryTimeoutMs ?? freshMs,
  attributeTimeoutMs: timeouts.attrTimeoutMs ?? freshMs,
});
