// How long to wait before the next attempt: exponential with full jitter, so that many clients do not come back together.

export interface BackoffOptions {
  /** Upper bound of the first wait. Default 50 ms. */
  readonly baseMs?: number;
  /** Upper bound of any wait. Default 5 s. */
  readonly maxMs?: number;
  /** Default 2. */
  readonly factor?: number;
  /** Part of the bound that is certain, 0 … 1. Default 0.5: between half and the whole. */
  readonly certainShare?: number;
  /** In [0, 1). Default Math.random. */
  readonly random?: () => number;
}

/** @param attempt attempts that failed so far, from 1 */
export function backoffDelayMs(attempt: number, options: BackoffOptions = {}): number {
  const { baseMs = 50, maxMs = 5000, factor = 2, certainShare = 0.5, random = Math.random } = options;
  const boundMs = Math.min(maxMs, baseMs * factor ** Math.max(0, attempt - 1));
  return boundMs * (certainShare + (1 - certainShare) * random());
}
