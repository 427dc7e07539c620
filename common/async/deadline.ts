// A point in monotonic time by which work must be done; nested calls take what is left.
import { CacheError } from '../errors/index.ts';
import { linkSignals, type LinkedSignal } from './cancellation.ts';
import { type Clock, systemClock } from './clock.ts';

export class Deadline {
  readonly #clock: Clock;
  readonly #atMs: number;

  private constructor(clock: Clock, atMs: number) {
    this.#clock = clock;
    this.#atMs = atMs;
  }

  static after(timeoutMs: number, clock: Clock = systemClock): Deadline {
    return new Deadline(clock, clock.nowMs() + timeoutMs);
  }

  /** Never negative. */
  remainingMs(): number {
    return Math.max(0, this.#atMs - this.#clock.nowMs());
  }

  get expired(): boolean {
    return this.#clock.nowMs() >= this.#atMs;
  }

  /** What one attempt may take: the rest, at most `capMs`. */
  attemptMs(capMs: number): number {
    return Math.min(capMs, this.remainingMs());
  }

  /** @throws DeadlineExceeded */
  throwIfExpired(what = 'The operation'): void {
    if (this.expired) throw new CacheError('DeadlineExceeded', `${what} did not finish in time.`);
  }

  /** A signal that aborts at the deadline or with `source`. `dispose` it when the call ends. */
  signal(source?: AbortSignal): LinkedSignal {
    return linkSignals([source], { timeoutMs: this.remainingMs(), clock: this.#clock });
  }
}
