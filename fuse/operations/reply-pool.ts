// Reply buffers of the main thread: small ones and ones for a whole READ, kept for the next request up to a bound.
import { READ_BYTES_MAX, ReplyBuffer } from '../protocol/index.ts';

export const SMALL_BODY_BYTES = 4096;
const SMALL_KEPT = 256;
const LARGE_KEPT = 64;

export class ReplyPool {
  readonly #small: ReplyBuffer[] = [];
  readonly #large: ReplyBuffer[] = [];

  take(bodyBytes: number): ReplyBuffer {
    const isSmall = bodyBytes <= SMALL_BODY_BYTES;
    const kept = (isSmall ? this.#small : this.#large).pop();
    return (kept ?? new ReplyBuffer(isSmall ? SMALL_BODY_BYTES : READ_BYTES_MAX)).reset();
  }

  give(reply: ReplyBuffer): void {
    const isSmall = reply.bodyBytesMax <= SMALL_BODY_BYTES;
    const kept = isSmall ? this.#small : this.#large;
    if (kept.length < (isSmall ? SMALL_KEPT : LARGE_KEPT)) kept.push(reply);
  }
}
