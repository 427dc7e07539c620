// Rate limit: tokens flow in at a steady rate up to a burst; whoever takes more than there is waits its share, in order of arrival.
import { CacheError } from '../errors/index.ts';
import { sleep } from './cancellation.ts';
import { type Clock, systemClock } from './clock.ts';

export interface TokenBucketOptions {
  /** Infinity: no limit. */
  readonly tokensPerSecond: number;
  /** Tokens that may be taken at once after a pause. Default: one second's worth. */
  readonly burst?: number;
  /** A caller who would wait longer gets Overloaded. Default 30 s. */
  readonly waitMsMax?: number;
  readonly clock?: Clock;
}

export class TokenBucket {
  readonly #clock: Clock;
  readonly #waitMsMax: number;
  #perMs: number;
  #burst: number;
  /** May go below zero: debt that later callers wait for. */
  #tokens: number;
  #atMs: number;

  constructor(options: TokenBucketOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#waitMsMax = options.waitMsMax ?? 30_000;
    this.#perMs = options.tokensPerSecond / 1000;
    this.#burst = options.burst ?? options.tokensPerSecond;
    this.#tokens = this.#burst;
    this.#atMs = this.#clock.nowMs();
  }

  /** Changes the rate; debt and saved tokens stay (the latter up to the new burst). */
  setRate(tokensPerSecond: number, burst = tokensPerSecond): void {
    this.#refill();
    this.#perMs = tokensPerSecond / 1000;
    this.#burst = burst;
    this.#tokens = tokensPerSecond === Infinity ? burst : Math.min(this.#tokens, burst);
  }

  /** Takes `count` now or not at all. A request above the burst passes when the bucket is full. */
  tryTake(count = 1): boolean {
    if (this.#perMs === Infinity) return true;
    this.#refill();
    if (this.#tokens < Math.min(count, this.#burst)) return false;
    this.#tokens -= count;
    return true;
  }

  /** Takes `count`, waiting for them. @throws Overloaded when the wait would be too long; Cancelled or DeadlineExceeded gives the tokens back */
  async take(count = 1, signal?: AbortSignal): Promise<void> {
    if (this.#perMs === Infinity) return;
    this.#refill();
    const waitMs = Math.max(0, (count - this.#tokens) / this.#perMs);
    if (waitMs > this.#waitMsMax) throw new CacheError('Overloaded', 'The rate limit is used up.', { context: { waitMs: Math.round(waitMs) } });
    this.#tokens -= count;
    if (waitMs === 0) return;
    try {
      await sleep(waitMs, signal, this.#clock);
    } catch (error) {
      this.#tokens += count;
      throw error;
    }
  }

  #refill(): void {
    const nowMs = this.#clock.nowMs();
    const elapsedMs = nowMs - this.#atMs;
    if (elapsedMs > 0) this.#tokens = Math.min(this.#burst, this.#tokens + elapsedMs * this.#perMs);
    this.#atMs = nowMs;
  }
}
