// First in, first out, with a fixed capacity: a full queue refuses instead of growing.
import { CacheError } from '../errors/index.ts';
import { abortReason, onAbort } from './cancellation.ts';

interface Taker<T> {
  readonly give: (item: T) => void;
  readonly fail: (error: CacheError) => void;
}

export class BoundedQueue<T> {
  readonly capacity: number;
  readonly #ring: (T | undefined)[];
  #head = 0;
  #size = 0;
  #rejected = 0;
  #closed = false;
  readonly #takers = new Set<Taker<T>>();

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#ring = Array.from({ length: capacity });
  }

  get size(): number {
    return this.#size;
  }
  /** Items refused since the start: for the queue's metric. */
  get rejected(): number {
    return this.#rejected;
  }
  get closed(): boolean {
    return this.#closed;
  }

  /** false: full or closed; the caller decides what that means. */
  tryPush(item: T): boolean {
    if (!this.#closed && this.#handOver(item)) return true;
    if (this.#closed || this.#size === this.capacity) {
      this.#rejected++;
      return false;
    }
    this.#ring[(this.#head + this.#size++) % this.capacity] = item;
    return true;
  }

  tryTake(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.capacity;
    this.#size--;
    return item;
  }

  /** The next item, waiting for it. @throws Cancelled when the signal aborts or the queue is closed and empty */
  take(signal?: AbortSignal): Promise<T> {
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    if (this.#size > 0) return Promise.resolve(this.tryTake() as T);
    if (this.#closed) return Promise.reject(closedError());
    return new Promise<T>((resolve, reject) => {
      const taker: Taker<T> = {
        give: (item) => {
          stop();
          resolve(item);
        },
        fail: (error) => {
          stop();
          reject(error);
        },
      };
      this.#takers.add(taker);
      const stop = onAbort(signal, () => {
        this.#takers.delete(taker);
        reject(abortReason(signal!));
      });
    });
  }

  /** No more items come in; what is queued can still be taken. */
  close(): void {
    this.#closed = true;
    for (const taker of this.#takers) taker.fail(closedError());
    this.#takers.clear();
  }

  #handOver(item: T): boolean {
    const first = this.#takers.values().next();
    if (first.done === true) return false;
    this.#takers.delete(first.value);
    first.value.give(item);
    return true;
  }
}

const closedError = (): CacheError => new CacheError('Cancelled', 'The queue was closed.');
