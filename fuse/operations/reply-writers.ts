// Threads that write large replies; the reply's memory goes there and comes back, nothing is copied.
import { Worker } from 'node:worker_threads';
import { ReplyBuffer } from '../protocol/index.ts';
import type { WriteOrder, WriteOutcome } from './reply-writer-thread.ts';

export interface ReplyWritersOptions {
  readonly fuseFd: number;
  readonly threads: number;
  /** The buffer is free again. */
  readonly onReturn: (reply: ReplyBuffer) => void;
  /** The kernel refused a reply; it was told EIO. */
  readonly onRefused: (code: string) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Below this the way to another thread costs more than the write. */
export const LARGE_REPLY_BYTES = 256 * 1024;

export class ReplyWriters {
  readonly #workers: Worker[];
  #turn = 0;

  constructor(options: ReplyWritersOptions) {
    const { fuseFd, threads, onReturn, onRefused, onFailure } = options;
    const entry = new URL('./reply-writer-thread.ts', import.meta.url);
    this.#workers = Array.from({ length: threads }, (_, i) => {
      const worker = new Worker(entry, { workerData: { fuseFd }, name: `fuse-writer-${i}` });
      worker.on('message', ({ memory, failure }: WriteOutcome) => {
        if (failure !== undefined) onRefused(failure);
        onReturn(new ReplyBuffer(memory));
      });
      worker.on('error', onFailure);
      return worker;
    });
  }

  /** Takes the reply away: its buffer is unusable until it comes back by `onReturn`. @param total as `seal` gave it */
  write(reply: ReplyBuffer, total: number): void {
    const order: WriteOrder = { memory: reply.memory, from: reply.headerAt, length: total };
    this.#workers[this.#turn++ % this.#workers.length]!.postMessage(order, [reply.memory]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
