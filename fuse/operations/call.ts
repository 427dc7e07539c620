// One request on the main thread, from arrival to reply.
import type { KernelRequest, ReplyBuffer } from '../protocol/index.ts';

export interface Call {
  readonly request: KernelRequest;
  /** Room for the body. @param bodyBytes default: one page */
  reply(bodyBytes?: number): ReplyBuffer;
  /** Aborts when the kernel interrupts the request. */
  readonly signal: AbortSignal;
  /** Runs when the kernel did not take the reply: what it gave away comes back. */
  onUnwanted(undo: () => void): void;
}

/** @returns 0, or a positive errno. @throws CacheError: its row's errno is answered */
export type Handler = (call: Call) => number | Promise<number>;
