// Keeps the number of inodes near its limit: asks the kernel to drop those that nobody has open, the oldest first. Owns no threads: `send` must not block the caller,
// since the kernel may need an answer of ours before it can take a notification.
import { baseName, parentPath } from '../../common/namespace/index.ts';
import { encodeInvalidateEntry, encodePrune, PRUNE_MINOR, ROOT_NODE_ID } from '../protocol/index.ts';
import type { Inode, InodeTable } from './inode-table.ts';

export interface PrunerOptions {
  readonly table: InodeTable;
  readonly inodesMax: number;
  /** Minor version agreed with the kernel. */
  readonly minor: number;
  readonly send: (notifications: readonly Buffer[]) => void;
}

const BATCH_MAX = 512;
/** Inodes looked at per call: those in use are passed over. */
const SCAN_MAX = 8192;
/** Down to this share of the limit, so that not each look-up asks. */
const KEEP_SHARE = 0.9;

export class InodePruner {
  readonly #options: PrunerOptions;
  #cursor: IterableIterator<Inode> | undefined;
  /** Asked for and not gone yet; the kernel may refuse (in use): forgotten by us with the next round through the table. */
  readonly #asked = new Set<number>();
  pruned = 0;

  constructor(options: PrunerOptions) {
    this.#options = options;
  }

  /** Call after look-ups. */
  relieve(): void {
    const { table, inodesMax, minor, send } = this.#options;
    if (table.size - this.#asked.size <= inodesMax) return;
    const victims = this.#victims(Math.min(BATCH_MAX, table.size - this.#asked.size - Math.floor(inodesMax * KEEP_SHARE)));
    if (victims.length === 0) return;
    for (const { nodeId } of victims) this.#asked.add(nodeId);
    this.pruned += victims.length;
    send(minor >= PRUNE_MINOR ? [encodePrune(victims.map(({ nodeId }) => nodeId))] : victims.flatMap((inode) => this.#byName(inode)));
  }

  /** The inode is gone. */
  forgotten(nodeId: number): void {
    this.#asked.delete(nodeId);
  }

  #victims(count: number): Inode[] {
    const { table } = this.#options;
    const victims: Inode[] = [];
    for (let scanned = 0; scanned < SCAN_MAX && victims.length < count; scanned++) {
      this.#cursor ??= table.values();
      const { value, done } = this.#cursor.next();
      if (done === true) {
        this.#cursor = undefined;
        this.#asked.clear();
        break;
      }
      if (value.nodeId === ROOT_NODE_ID || this.#asked.has(value.nodeId) || table.opens(value) > 0) continue;
      victims.push(value);
    }
    return victims;
  }

  #byName({ status }: Inode): Buffer[] {
    const parent = this.#options.table.current(parentPath(status.path)) ?? (parentPath(status.path) === '/' ? this.#options.table.get(ROOT_NODE_ID) : undefined);
    return parent === undefined ? [] : [encodeInvalidateEntry(parent.nodeId, baseName(status.path))];
  }
}
