// Keeps the descriptors of local files below their limit: takes them from inodes that nobody has open, and frees what no thread uses any more.
import type { Inode, InodeTable } from './inode-table.ts';
import type { InodeWriter } from './shared-inodes.ts';

export interface DescriptorSweepOptions {
  readonly table: InodeTable;
  readonly writer: InodeWriter;
  readonly held: () => number;
  readonly heldMax: number;
}

/** Above this share of the limit descriptors are taken back. */
const HIGH_SHARE = 0.8;
/** Inodes looked at in one run. */
const SCAN_MAX = 20_000;

export class DescriptorSweep {
  readonly #options: DescriptorSweepOptions;
  #cursor: IterableIterator<Inode> | undefined;

  constructor(options: DescriptorSweepOptions) {
    this.#options = options;
  }

  run(): void {
    const { table, writer, held, heldMax } = this.#options;
    let excess = held() - Math.floor(heldMax * HIGH_SHARE);
    for (let scanned = 0; excess > 0 && scanned < SCAN_MAX; scanned++) {
      this.#cursor ??= table.values();
      const { value, done } = this.#cursor.next();
      if (done === true) {
        this.#cursor = undefined;
        break;
      }
      if (value.record >= 0 && table.opens(value) === 0 && writer.dropDescriptor(value.record)) excess--;
    }
    writer.reap();
  }
}
