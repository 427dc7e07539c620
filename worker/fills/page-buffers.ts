// Pooled page buffers: the only memory that fills use. Bounded; who finds none waits in order.
import { Semaphore } from '../../common/async/index.ts';

export interface PageBuffer {
  /** A whole page; the owner uses a prefix. Not zeroed. */
  readonly bytes: Uint8Array;
  /** Idempotent. The bytes must not be touched afterwards. */
  release(): void;
}

/** Kept for the next fill; what a burst took beyond it goes back to the system. */
const FREE_BYTES_MAX = 64 << 20;

export class PageBuffers {
  readonly #pageSizeBytes: number;
  readonly #permits: Semaphore;
  readonly #free: Uint8Array[] = [];

  /** @param waitersMax fills that may wait for a buffer; the next one gets Overloaded */
  constructor(pageSizeBytes: number, count: number, waitersMax: number) {
    this.#pageSizeBytes = pageSizeBytes;
    this.#permits = new Semaphore(count, { waitersMax, name: 'page buffers' });
  }

  get inUse(): number {
    return this.#permits.capacity - this.#permits.available;
  }

  /** @throws Overloaded, Cancelled, DeadlineExceeded */
  async acquire(signal: AbortSignal): Promise<PageBuffer> {
    const permit = await this.#permits.acquire(signal);
    const bytes = this.#free.pop() ?? new Uint8Array(new ArrayBuffer(this.#pageSizeBytes));
    let held = true;
    return {
      bytes,
      release: () => {
        if (!held) return;
        held = false;
        if ((this.#free.length + 1) * this.#pageSizeBytes <= FREE_BYTES_MAX) this.#free.push(bytes);
        permit();
      },
    };
  }
}
