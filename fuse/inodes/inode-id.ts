// Node ids: a hash of path, version and type, so that one id never shows two versions, and a restarted daemon gives the same ids.
import type { FileStatus } from '../../common/api/index.ts';
import { xxh64Halves } from '../../common/hash/index.ts';
import { encodeName } from '../../common/namespace/index.ts';
import { ROOT_NODE_ID } from '../protocol/index.ts';

/** Raised when attributes come to be shown in another way for the same version: ids change with it, so that the kernel keeps nothing of the old way. */
const MODE_EPOCH = 0;
const HIGH_BITS = 0xf_ffff;
const TWO_32 = 0x1_0000_0000;

export type InodeKey = Pick<FileStatus, 'path' | 'version' | 'type'>;

/** What is below stands for nothing or the root. */
export const NODE_ID_MIN = ROOT_NODE_ID + 1;
/** Ids are whole numbers of 52 bits: numbers of JavaScript, and enough that two of a million meet once in 9,000 daemons (the table then takes the next free one). */
export const NODE_ID_MAX = HIGH_BITS * TWO_32 + 0xffff_ffff;

export function nodeIdOf({ path, version, type }: InodeKey): number {
  if (path === '/') return ROOT_NODE_ID;
  const tail = `\0${version}\0${type === 'directory' ? 'd' : 'f'}${MODE_EPOCH}`;
  const bytes = path.isWellFormed() ? Buffer.from(path + tail) : Buffer.concat([encodeName(path), Buffer.from(tail)]);
  const { high, low } = xxh64Halves(bytes);
  return Math.max(NODE_ID_MIN, (high & HIGH_BITS) * TWO_32 + low);
}
