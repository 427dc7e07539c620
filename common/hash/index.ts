// Door for xxHash and the digests of identity. Ring and keys use xxhash-wasm; page checksums use the native build when it loads.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import xxhash from 'xxhash-wasm';

/** A 64-bit hash as two unsigned halves: bigint arithmetic is several times slower on hot paths. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

const wasm = await xxhash();

/** xxh64, seed 0. @param data bytes */
export const xxh64 = (data: Uint8Array): bigint => wasm.h64Raw(data);

export function xxh64Halves(data: Uint8Array): Hash64 {
  const hash = wasm.h64Raw(data);
  return { high: Number(hash >> 32n), low: Number(hash & 0xffffffffn) };
}

type PageHash = (data: Uint8Array) => bigint;
function loadPageHash(): PageHash {
  try {
    const native = createRequire(import.meta.url)('@node-rs/xxhash') as { xxh64: (data: Uint8Array, seed?: bigint) => bigint };
    return (data) => native.xxh64(data);
  } catch {
    return xxh64; // no prebuilt binary for this platform: same result, slower
  }
}
/** Checksum of page bytes: xxh64, seed 0. */
export const pageChecksum: PageHash = loadPageHash();

/** 16-byte identity of one version of one object: first half of SHA-256(UFS URI ‖ 0 ‖ version). Both are UTF-8. */
export function fileIdOf(ufsUri: string, version: string): Uint8Array {
  return createHash('sha256').update(ufsUri).update('\0').update(version).digest().subarray(0, 16);
}
export const fileIdHex = (fileId: Uint8Array): string => Buffer.from(fileId.buffer, fileId.byteOffset, 16).toString('hex');
