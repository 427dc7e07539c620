// A timer for the silence of a peer: counts only time in which this process could have heard it. While the event loop is held up (garbage collection, a busy main
// thread) answers lie unread in the socket; a plain timer would fire before they are looked at.
import { type Clock, systemClock, type Timer } from './clock.ts';

/** The wait is cut into these parts, so that a pause anywhere in it is seen. */
const PARTS = 4;
/** A part that ends later than this share of itself, and than the floor, was held up: it starts again. */
const LATE_SHARE = 1 / 4;
const LATE_MS_MIN = 20;
/** Parts forgiven in one wait: a process that is always busy must give up some time too. */
const FORGIVEN_MAX = 8;

class PatientTimer implements Timer {
  readonly #clock: Clock;
  readonly #run: () => void;
  readonly #partMs: number;
  readonly #background: boolean;
  #leftMs: number;
  #forgiven = 0;
  #timer: Timer | undefined;
  #cancelled = false;

  constructor(delayMs: number, run: () => void, options: { readonly clock: Clock; readonly background: boolean }) {
    this.#clock = options.clock;
    this.#background = options.background;
    this.#run = run;
    this.#leftMs = delayMs;
    this.#partMs = delayMs / PARTS;
    this.#wait();
  }

  cancel(): void {
    this.#cancelled = true;
    this.#timer?.cancel();
  }

  #wait(): void {
    const startMs = this.#clock.nowMs();
    const partMs = Math.min(this.#partMs, this.#leftMs);
    this.#timer = this.#clock.schedule(partMs, () => this.#fired(this.#clock.nowMs() - startMs, partMs), this.#background);
  }

  #fired(elapsedMs: number, partMs: number): void {
    const isHeldUp = elapsedMs - partMs > Math.max(LATE_MS_MIN, partMs * LATE_SHARE);
    if (isHeldUp && this.#forgiven < FORGIVEN_MAX) this.#forgiven++;
    // Less than the part after a busy turn of the loop: its timers count from the turn's start.
    else this.#leftMs -= elapsedMs;
    if (this.#leftMs >= 1) return this.#wait();
    // Timers come before I/O in a turn of the loop; immediates come after it.
    setImmediate(() => {
      if (!this.#cancelled) this.#run();
    });
  }
}

/** One call of `run` after `delayMs` in which the event loop was free, and after pending I/O was processed. A cancel by what that I/O brings still counts. */
export function patientTimer(delayMs: number, run: () => void, options: { readonly clock?: Clock; readonly background?: boolean } = {}): Timer {
  return new PatientTimer(delayMs, run, { clock: options.clock ?? systemClock, background: options.background ?? false });
}
