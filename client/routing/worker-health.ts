// Which workers are suspect. States of a worker: good (not in the map); suspect (failed; passed over while others can answer; probed in the
// background after a growing, bounded pause); good again when a probe or a read succeeds. Reads never pay for finding out that it is back.
import { asCacheError } from '../../common/errors/index.ts';
import { backoffDelayMs, type Clock, type Timer } from '../../common/async/index.ts';
import type { ClientObserver } from '../cache-client.ts';
import type { ClientSettings } from '../client-settings.ts';

interface Suspicion {
  failures: number;
  timer: Timer | undefined;
}

export interface WorkerHealthOptions {
  readonly settings: ClientSettings;
  readonly clock: Clock;
  readonly observer: ClientObserver;
  /** Resolves when the worker answers. Bounded in time by itself. */
  readonly probe: (workerId: string) => Promise<void>;
}

export class WorkerHealth {
  readonly #options: WorkerHealthOptions;
  readonly #suspects = new Map<string, Suspicion>();
  #epoch = 0;
  #closed = false;

  constructor(options: WorkerHealthOptions) {
    this.#options = options;
  }

  /** Changes whenever any worker's state does: routes are kept as long. */
  get epoch(): number {
    return this.#epoch;
  }

  isSuspect(workerId: string): boolean {
    return this.#suspects.has(workerId);
  }

  /** The worker refused, broke off or fell silent. Many calls that fail together count once. */
  fault(workerId: string): void {
    if (this.#closed || this.#suspects.has(workerId)) return;
    const suspicion: Suspicion = { failures: 1, timer: undefined };
    this.#suspects.set(workerId, suspicion);
    this.#changed(workerId, true);
    this.#scheduleProbe(workerId, suspicion);
  }

  answered(workerId: string): void {
    const suspicion = this.#suspects.get(workerId);
    if (suspicion === undefined) return;
    suspicion.timer?.cancel();
    this.#suspects.delete(workerId);
    this.#changed(workerId, false);
  }

  get suspects(): readonly string[] {
    return [...this.#suspects.keys()];
  }

  close(): void {
    this.#closed = true;
    for (const suspicion of this.#suspects.values()) suspicion.timer?.cancel();
    this.#suspects.clear();
  }

  #changed(workerId: string, isSuspect: boolean): void {
    this.#epoch++;
    this.#options.observer.suspect?.(workerId, isSuspect);
  }

  #scheduleProbe(workerId: string, suspicion: Suspicion): void {
    const { settings, clock, probe } = this.#options;
    const delayMs = backoffDelayMs(suspicion.failures, { baseMs: settings.suspectMsMin, maxMs: settings.suspectMsMax });
    const isCurrent = (): boolean => !this.#closed && this.#suspects.get(workerId) === suspicion;
    suspicion.timer = clock.schedule(
      delayMs,
      () => {
        probe(workerId).then(
          () => isCurrent() && this.answered(workerId),
          (error: unknown) => {
            asCacheError(error); // whatever it is, the worker stays suspect
            if (!isCurrent()) return;
            suspicion.failures++;
            this.#scheduleProbe(workerId, suspicion);
          },
        );
      },
      true,
    );
  }
}
