// INIT: what kernel and daemon agree on. A pure function of the kernel's offer and our wishes.
import { InitFlag, MAX_PAGES, MAX_WRITE_BYTES } from './layout.ts';

export interface KernelOffer {
  readonly major: number;
  readonly minor: number;
  readonly maxReadAheadBytes: number;
  readonly flags: number;
  readonly flags2: number;
}

export interface Agreement {
  readonly minor: number;
  readonly flags: number;
  readonly flags2: number;
  /** Body of the reply, 64 bytes. */
  readonly body: Buffer;
}

/** Older kernels lack large requests and readdirplus; they are not worth a second form. */
export const MINOR_MIN = 28;
const MINOR_MAX = 45;
/** Requests that the kernel keeps in flight for read-ahead. */
const MAX_BACKGROUND = 64;

// Not AsyncDirectIo: with it the kernel waits for O_DIRECT reads in a way that no signal ends.
const WANTED =
  InitFlag.AsyncRead |
  InitFlag.Readdirplus |
  InitFlag.ReaddirplusAuto |
  InitFlag.ParallelDirops |
  InitFlag.MaxPages |
  // A node id stands for one version: its pages are right for ever, the kernel need not drop them when a time stamp moves.
  InitFlag.ExplicitInvalidateData |
  InitFlag.InitExt;

/** undefined: the kernel is too old. */
export function agree(offer: KernelOffer, wishes: { readonly readAheadBytes: number }): Agreement | undefined {
  if (offer.major !== 7 || offer.minor < MINOR_MIN) return undefined;
  const minor = Math.min(offer.minor, MINOR_MAX);
  const flags = (offer.flags & WANTED) >>> 0;
  const flags2 = 0;
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(minor, 4);
  body.writeUInt32LE(Math.max(wishes.readAheadBytes, offer.maxReadAheadBytes), 8);
  body.writeUInt32LE(flags, 12);
  body.writeUInt16LE(MAX_BACKGROUND, 16);
  body.writeUInt16LE(MAX_BACKGROUND, 18);
  body.writeUInt32LE(MAX_WRITE_BYTES, 20);
  body.writeUInt32LE(1, 24); // granularity of times: nanoseconds
  body.writeUInt16LE(MAX_PAGES, 28);
  body.writeUInt32LE(flags2, 32);
  return { minor, flags, flags2, body };
}
