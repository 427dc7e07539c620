// File handles as numbers that several threads hand out without asking each other: the giver in the high bits, its own count in the low ones.

const TWO_32 = 0x1_0000_0000;
const TURNS = 2 ** 14;
/** Givers: serve threads 0 … 62, the main thread. */
export const MAIN_GIVER = 127;

export class HandleNumbers {
  readonly #giver: number;
  #count = 0;

  constructor(giver: number) {
    this.#giver = giver;
  }

  /** Below 2^53; repeats after 7 × 10^13 handles. */
  next(): number {
    this.#count++;
    const low = this.#count % TWO_32;
    return (this.#giver * TURNS + (Math.floor(this.#count / TWO_32) % TURNS)) * TWO_32 + low;
  }
}
