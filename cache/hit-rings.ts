// Draining the hit rings: each reader thread writes the slots it served into its own ring, the main thread tells the evictors. A full ring drops hits; they are counted.
import type { PageSlot } from './contracts.ts';
import { RING_DROPPED, RING_HEAD, RING_SLOTS, RING_SLOTS_AT, RING_TAIL, RING_WORDS, type TableViews } from './shared-layout.ts';

export class HitRings {
  readonly #hits: Int32Array;
  readonly #rings: number;

  constructor(views: TableViews, rings: number) {
    this.#hits = views.hits;
    this.#rings = rings;
  }

  /** Hits lost to full rings since the start. */
  get dropped(): number {
    let dropped = 0;
    for (let ring = 0; ring < this.#rings; ring++) dropped += this.#hits[ring * RING_WORDS + RING_DROPPED]!;
    return dropped;
  }

  /** @returns hits delivered: at most what lay in the rings when it began, so that busy readers cannot hold the main thread */
  drain(hit: (slot: PageSlot) => void): number {
    let delivered = 0;
    for (let ring = 0; ring < this.#rings; ring++) {
      const at = ring * RING_WORDS;
      const head = Atomics.load(this.#hits, at + RING_HEAD);
      let tail = this.#hits[at + RING_TAIL]!;
      for (; tail !== head; tail = (tail + 1) | 0) {
        hit(this.#hits[at + RING_SLOTS_AT + (tail & (RING_SLOTS - 1))]!);
        delivered++;
      }
      Atomics.store(this.#hits, at + RING_TAIL, tail);
    }
    return delivered;
  }
}
