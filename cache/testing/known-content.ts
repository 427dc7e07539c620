// Bytes that follow from fileId and offset, so that any reader can tell a zero, shifted or foreign byte.
import { fileIdOf } from '../../common/hash/index.ts';
import type { CachedFile } from '../contracts.ts';

const { imul } = Math; // once: in Jest each look-up of a global leaves the sandbox, and these loops are long

const wordAt = (seed: number, wordIndex: number): number => {
  const h = imul(wordIndex + 1, 0x9e3779b1) ^ seed;
  return (imul(h ^ (h >>> 15), 0x85ebca6b) | 1) >>> 0; // never a zero word
};
const seedOf = (fileId: Uint8Array): number => (fileId[0]! | (fileId[1]! << 8) | (fileId[2]! << 16) | (fileId[3]! << 24)) >>> 0;

/** @param offset of the file, a multiple of 4 */
export function contentOf(fileId: Uint8Array, offset: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  const seed = seedOf(fileId);
  for (let i = 0; i < words.length; i++) words[i] = wordAt(seed, offset / 4 + i);
  return Buffer.from(words.buffer, 0, length);
}

/** Position of the first wrong byte, -1 when all are right. @param offset of the file, a multiple of 4 */
export function firstWrongByte(bytes: Buffer, fileId: Uint8Array, offset: number): number {
  return bytes.equals(contentOf(fileId, offset, bytes.length)) ? -1 : [...contentOf(fileId, offset, bytes.length)].findIndex((byte, i) => byte !== bytes[i]);
}

export function knownFile(name: string, lengthBytes: number, version = 'v1'): CachedFile {
  const ufsUri = `s3://bucket/${name}`;
  return { fileId: fileIdOf(ufsUri, version), ufsUri, version, lengthBytes };
}

/** What a reader thread is told. Its files are knownFile('f0' … , fileBytes). */
export interface ReaderTask {
  readonly files: number;
  readonly fileBytes: number;
  readonly takesWholeFiles: boolean;
  /** Counts shared by all threads, by the names below. */
  readonly tally: SharedArrayBuffer;
}
export const STOP = 0;
export const HITS = 1;
export const MISSES = 2;
export const HAND_OUTS = 3;
export const WRONG = 4;
/** Raised by the main thread with each step: readers take a burst per step, so that they leave it a share of the processor. */
export const TURN = 5;
export const TALLY_WORDS = 6;
