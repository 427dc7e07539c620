// The generated dataset: a few large shards and many small samples, from a seeded cipher stream, with checksums known before anything is read.
import { createCipheriv, createHash } from 'node:crypto';
import { pageChecksum } from '../../common/hash/index.ts';

const MIB = 2 ** 20;
/** Unit of checksums: readers verify block by block, whatever order they read in. */
export const BLOCK_BYTES = 4 * MIB;

export interface DatasetFile {
  /** Below the mount. */
  readonly name: string;
  readonly length: number;
  /** xxh64 of each block; undefined: not known yet (real data), the first epoch fills it in. */
  checksums: bigint[] | undefined;
}

/** 5 shards of 40 MiB and 600 samples of 4 to 132 KiB, an empty file and sizes around a page: about 240 MiB. */
export function datasetFiles(): DatasetFile[] {
  const files: DatasetFile[] = [];
  const add = (name: string, length: number): void => void files.push({ name, length, checksums: undefined });
  for (let i = 0; i < 5; i++) add(`shards/train-${String(i).padStart(5, '0')}.tar`, 40 * MIB);
  for (let i = 0; i < 600; i++) add(`samples/class-${String(i % 12).padStart(2, '0')}/image-${String(i).padStart(4, '0')}.jpg`, 4096 + ((i * 7919) % 131_072));
  add('edge/empty', 0);
  add('edge/one-byte', 1);
  add('edge/one-page', BLOCK_BYTES);
  add('edge/page-and-a-byte', BLOCK_BYTES + 1);
  add('edge/naïve name 日本.txt', 12_345);
  return files;
}

/** Contents of a file, the same each time; its checksums are noted on the way. */
export function contentsOf(file: DatasetFile): Buffer {
  const key = createHash('sha256').update(file.name).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const bytes = cipher.update(Buffer.alloc(file.length));
  file.checksums = blocksOf(file.length).map(({ from, to }) => pageChecksum(bytes.subarray(from, to)));
  return bytes;
}

export interface Block {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}
export const blocksOf = (length: number): Block[] =>
  Array.from({ length: Math.ceil(length / BLOCK_BYTES) }, (_, index) => ({ index, from: index * BLOCK_BYTES, to: Math.min(length, (index + 1) * BLOCK_BYTES) }));

/** Order of an epoch: shuffled, the same for the same seed. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const order = [...items];
  let state = seed;
  for (let i = order.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
