// Reads through the client library and compares with the pattern that the source was written with.
import type { CacheClient, FileHandle } from '../../client/index.ts';
import { MOUNT_PATH } from './cluster.ts';
import { patternMismatch } from './pattern.ts';

export const PAGE_BYTES = 4 << 20;
export const MIB = 2 ** 20;

/** Namespace path of a key. */
export const pathOf = (key: string): string => `${MOUNT_PATH}/${key}`;

export interface WholeRead {
  /** Bytes read. */
  readonly total: number;
  /** Offset of the first wrong byte, or -1. */
  readonly mismatch: number;
}

export interface ReadWholeOptions {
  readonly blockBytes?: number;
  readonly from?: number;
  /** Called after each block with the bytes read so far. */
  readonly onBlock?: (total: number) => Promise<void> | void;
}

/** Sequentially to the end. */
export async function readHandle(handle: FileHandle, seed: number, options: ReadWholeOptions = {}): Promise<WholeRead> {
  const into = Buffer.alloc(options.blockBytes ?? MIB);
  let total = options.from ?? 0;
  for (;;) {
    const count = await handle.read(total, into);
    if (count === 0) return { total, mismatch: -1 };
    const mismatch = patternMismatch(seed, total, into.subarray(0, count));
    if (mismatch >= 0) return { total, mismatch };
    total += count;
    await options.onBlock?.(total);
  }
}

export async function readFile(client: CacheClient, key: string, seed: number, options: ReadWholeOptions = {}): Promise<WholeRead> {
  const handle = await client.openFile(pathOf(key));
  try {
    return await readHandle(handle, seed, options);
  } finally {
    handle.close();
  }
}

/** Uuid of the ring's first choice. */
export function ownerOf(client: CacheClient, key: string): string {
  const { owner } = client.route(pathOf(key));
  if (owner === undefined) throw new Error(`${key} has no owner`);
  return owner.workerId;
}
