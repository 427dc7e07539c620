// Time as a dependency: product code takes a Clock so that tests can move it.

export interface Timer {
  /** Idempotent. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds, fraction included; only differences mean anything. */
  nowMs(): number;
  /** Milliseconds since the epoch; may jump. */
  wallMs(): number;
  /** One call of `run` after `delayMs`. The timer does not keep the process alive by itself when `background` is true. */
  schedule(delayMs: number, run: () => void, background?: boolean): Timer;
}

/** Node clamps longer delays to 1 ms. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs, run, background = false) {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
    if (background) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
