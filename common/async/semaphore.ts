// At most so many at a time, in the order of arrival, with a bounded number of waiters.
import { CacheError } from '../errors/index.ts';
import { abortReason, onAbort } from './cancellation.ts';

/** Gives the permits back. Idempotent. */
export type Release = () => void;

interface Waiter {
  readonly count: number;
  readonly grant: () => void;
}

export interface SemaphoreOptions {
  /** Callers that may wait; the next one gets Overloaded. Default: no bound, for callers bounded elsewhere. */
  readonly waitersMax?: number;
  /** Named in the Overloaded error. */
  readonly name?: string;
}

export class Semaphore {
  readonly capacity: number;
  readonly #options: SemaphoreOptions;
  #available: number;
  readonly #waiters = new Set<Waiter>();
  #rejected = 0;

  constructor(capacity: number, options: SemaphoreOptions = {}) {
    this.capacity = capacity;
    this.#available = capacity;
    this.#options = options;
  }

  get available(): number {
    return this.#available;
  }
  get waiting(): number {
    return this.#waiters.size;
  }
  get rejected(): number {
    return this.#rejected;
  }

  tryAcquire(count = 1): Release | undefined {
    if (this.#waiters.size > 0 || this.#available < count) return undefined;
    return this.#grant(count);
  }

  /** @param count permits; more than the capacity means all of them. @throws Overloaded when too many wait, Cancelled or DeadlineExceeded by the signal */
  acquire(signal?: AbortSignal, count = 1): Promise<Release> {
    const wanted = Math.min(count, this.capacity);
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    const release = this.tryAcquire(wanted);
    if (release !== undefined) return Promise.resolve(release);
    if (this.#waiters.size >= (this.#options.waitersMax ?? Infinity)) {
      this.#rejected++;
      return Promise.reject(new CacheError('Overloaded', 'Too many callers wait.', { context: { queue: this.#options.name, waiting: this.#waiters.size } }));
    }
    return new Promise<Release>((resolve, reject) => {
      const waiter: Waiter = {
        count: wanted,
        grant: () => {
          stop();
          resolve(this.#grant(wanted));
        },
      };
      this.#waiters.add(waiter);
      const stop = onAbort(signal, () => {
        this.#waiters.delete(waiter);
        reject(abortReason(signal!));
        this.#serve(); // who left may have held up a smaller request
      });
    });
  }

  /** Runs `work` with permits held. */
  async with<T>(work: () => Promise<T>, signal?: AbortSignal, count = 1): Promise<T> {
    const release = await this.acquire(signal, count);
    try {
      return await work();
    } finally {
      release();
    }
  }

  #grant(count: number): Release {
    this.#available -= count;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#available += count;
      this.#serve();
    };
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      if (waiter.count > this.#available) return;
      this.#waiters.delete(waiter);
      waiter.grant();
    }
  }
}
