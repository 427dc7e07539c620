// The process's own libc through koffi: the one place that loads it. Owns no call's meaning. Undefined where koffi has no build, and off Linux.
import { createRequire } from 'node:module';

interface Koffi {
  load(path: string | null): { func(definition: string): unknown };
  errno(): number;
  alloc(type: string, length: number): bigint;
  view(pointer: bigint, length: number): ArrayBuffer;
}

/** Bytes that C code sees at a fixed address for as long as the thread lives. */
export interface NativeBlock {
  /** Below 2^53 on every platform that koffi supports: addresses of user space have 47 or 48 bits. */
  readonly address: number;
  readonly bytes: Buffer;
}

/** A C function that gives a number; for those of more than four arguments. */
export type CFunction<A extends readonly unknown[]> = (...args: A) => number;

export interface Libc {
  /** Declares a C function; arguments named `void *` take a buffer or an address. */
  declare<F>(definition: string): F;
  /** Of the last call of this thread; ask at once. */
  errno(): number;
  allocate(length: number): NativeBlock;
  /** Memory of C, not copied. */
  view(address: number, length: number): Buffer;
}

function load(): Libc | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const library = koffi.load(null); // glibc or musl, whichever runs us
    const view = (address: number, length: number): Buffer => Buffer.from(koffi.view(BigInt(address), length));
    return {
      declare: <F>(definition: string) => library.func(definition) as F,
      errno: () => koffi.errno(),
      allocate: (length) => {
        const address = Number(koffi.alloc('uint8_t', length));
        return { address, bytes: view(address, length) };
      },
      view,
    };
  } catch {
    return undefined; // no prebuilt koffi for this platform
  }
}

export const libc: Libc | undefined = load();
