// One load per key at a time; callers that come meanwhile share it. A caller who leaves does not stop the others; the last one who leaves aborts the load.
import { abortReason, onAbort, throwIfAborted } from './cancellation.ts';

interface Flight<V> {
  readonly promise: Promise<V>;
  readonly controller: AbortController;
  waiters: number;
}

export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Flight<V>>();

  /** Loads in progress. */
  get size(): number {
    return this.#flights.size;
  }

  has(key: K): boolean {
    return this.#flights.has(key);
  }

  /**
   * @param load gets a signal that aborts when nobody waits any more; its result or error goes to everyone who waits
   * @param signal of this caller alone
   */
  run(key: K, load: (signal: AbortSignal) => Promise<V>, signal?: AbortSignal): Promise<V> {
    try {
      throwIfAborted(signal);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return this.#wait(key, this.#flights.get(key) ?? this.#start(key, load), signal);
  }

  #start(key: K, load: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const controller = new AbortController();
    // The load starts in a later microtask, so that even one that fails at once finds its flight registered and clears it.
    const promise = Promise.resolve()
      .then(() => load(controller.signal))
      .finally(() => this.#forget(key, flight));
    const flight: Flight<V> = { promise, controller, waiters: 0 };
    this.#flights.set(key, flight);
    return flight;
  }

  #wait(key: K, flight: Flight<V>, signal: AbortSignal | undefined): Promise<V> {
    flight.waiters++;
    return new Promise<V>((resolve, reject) => {
      const stop = onAbort(signal, () => {
        this.#leave(key, flight);
        reject(abortReason(signal!));
      });
      flight.promise.then(resolve, reject).finally(stop);
    });
  }

  #leave(key: K, flight: Flight<V>): void {
    if (--flight.waiters > 0) return;
    // A newcomer must not join a load that is being aborted.
    this.#forget(key, flight);
    flight.controller.abort();
  }

  #forget(key: K, flight: Flight<V>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
