// A doubly linked order of slots in typed arrays: O(1) at both ends and in the middle, no object per slot. Memory is committed as slots are touched.

/** Links are slot + 1; 0 ends. A slot's own presence is a bit in `#next`'s neighbour array, so that absent and last are told apart. */
export class SlotOrder {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #present: Uint8Array;
  #first = 0;
  #last = 0;
  #size = 0;

  /** @param slotsMax slots are 0 … slotsMax - 1 */
  constructor(slotsMax: number) {
    this.#next = new Int32Array(slotsMax);
    this.#previous = new Int32Array(slotsMax);
    this.#present = new Uint8Array(slotsMax);
  }

  get size(): number {
    return this.#size;
  }
  get first(): number | undefined {
    return this.#first === 0 ? undefined : this.#first - 1;
  }

  has(slot: number): boolean {
    return this.#present[slot] === 1;
  }

  /** Puts the slot at the end, wherever it was. */
  append(slot: number): void {
    this.remove(slot);
    this.#present[slot] = 1;
    this.#previous[slot] = this.#last;
    this.#next[slot] = 0;
    if (this.#last === 0) this.#first = slot + 1;
    else this.#next[this.#last - 1] = slot + 1;
    this.#last = slot + 1;
    this.#size++;
  }

  /** No effect on a slot that is not in the order. */
  remove(slot: number): void {
    if (this.#present[slot] !== 1) return;
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    if (previous === 0) this.#first = next;
    else this.#next[previous - 1] = next;
    if (next === 0) this.#last = previous;
    else this.#previous[next - 1] = previous;
    this.#present[slot] = 0;
    this.#size--;
  }
}
