// AbortSignals: one error for an aborted call, links without leaks, sleeping.
import { asCacheError, CacheError } from '../errors/index.ts';
import { type Clock, systemClock } from './clock.ts';

/** Why a signal aborted, as a CacheError (an AbortError becomes Cancelled, a TimeoutError DeadlineExceeded). */
export const abortReason = (signal: AbortSignal): CacheError => asCacheError(signal.reason, 'Cancelled');

/** @throws the signal's reason as a CacheError when it has aborted */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}

/** Calls `run` once when the signal aborts (at once when it has). @returns stops listening; call it when the work is over, or long-lived signals collect listeners */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    run();
    return () => undefined;
  }
  signal.addEventListener('abort', run, { once: true });
  return () => signal.removeEventListener('abort', run);
}

export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Forgets the sources and the timer. Idempotent. */
  dispose(): void;
}

export interface LinkOptions {
  /** Aborts with DeadlineExceeded after this time. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** A signal that aborts with the first of `sources` or after a time-out. `dispose` it when the call ends. */
export function linkSignals(sources: readonly (AbortSignal | undefined)[], options: LinkOptions = {}): LinkedSignal {
  const controller = new AbortController();
  const releases: (() => void)[] = [];
  const dispose = (): void => {
    for (const release of releases.splice(0)) release();
  };
  const abort = (reason: unknown): void => {
    dispose();
    controller.abort(reason);
  };
  if (options.timeoutMs !== undefined) {
    const { timeoutMs, clock = systemClock } = options;
    const timer = clock.schedule(timeoutMs, () => abort(new CacheError('DeadlineExceeded', 'The operation did not finish in time.', { context: { timeoutMs } })), true);
    releases.push(() => timer.cancel());
  }
  for (const source of sources) {
    if (controller.signal.aborted) break;
    releases.push(onAbort(source, () => abort(source?.reason)));
  }
  if (controller.signal.aborted) dispose();
  return { signal: controller.signal, dispose };
}

/** Resolves after `delayMs`. @throws Cancelled or DeadlineExceeded when the signal aborts first */
export function sleep(delayMs: number, signal?: AbortSignal, clock: Clock = systemClock): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortReason(signal));
      return;
    }
    const timer = clock.schedule(delayMs, () => {
      stop();
      resolve();
    });
    const stop = onAbort(signal, () => {
      timer.cancel();
      reject(abortReason(signal!));
    });
  });
}

/** Waits for `promise` until the signal aborts; the promise itself goes on and its late failure is swallowed. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const stop = onAbort(signal, () => reject(abortReason(signal)));
    promise.then(resolve, reject).finally(stop);
  });
}
