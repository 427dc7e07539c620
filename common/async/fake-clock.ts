// Clock for tests: time moves only by `advance`.
import type { Clock, Timer } from './clock.ts';

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #wallOffsetMs: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  /** @param wallMs milliseconds since the epoch at the start */
  constructor(wallMs = 1_700_000_000_000) {
    this.#wallOffsetMs = wallMs;
  }

  get pendingTimers(): number {
    return this.#pending.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): Timer {
    const pending: Pending = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Moves time forward, running due timers in order; promise callbacks settle before each timer and at the end. */
  async advance(byMs: number): Promise<void> {
    const targetMs = this.#nowMs + byMs;
    await settle();
    for (let next = this.#next(targetMs); next !== undefined; next = this.#next(targetMs)) {
      this.#pending.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
      await settle();
    }
    this.#nowMs = targetMs;
  }

  /** The event loop is held up: time passes, and what is due runs late, at the next `advance`. */
  stall(byMs: number): void {
    this.#nowMs += byMs;
  }

  #next(untilMs: number): Pending | undefined {
    let first: Pending | undefined;
    for (const candidate of this.#pending) {
      if (candidate.dueMs > untilMs) continue;
      if (first === undefined || candidate.dueMs < first.dueMs || (candidate.dueMs === first.dueMs && candidate.order < first.order)) first = candidate;
    }
    return first;
  }
}

/** Lets chains of resolved promises run: a turn of the event loop is longer than any of them. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
