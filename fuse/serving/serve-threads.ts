// The serve threads as the main thread sees them: started together, their requests delivered, their end awaited.
import { Worker } from 'node:worker_threads';
import { KernelRequest } from '../protocol/index.ts';
import { ThreadControl, type ThreadMemory, type ThreadSettings, type ThreadWorkers } from './thread-memory.ts';

export interface ServeThreadsOptions {
  readonly fuseFd: number;
  readonly threads: number;
  readonly memory: ThreadMemory;
  readonly settings: ThreadSettings;
  /** A request that a thread left to the main thread. */
  readonly onRequest: (request: KernelRequest) => void;
  /** A thread broke: the mount must end. */
  readonly onFailure: (error: unknown) => void;
}

export class ServeThreads {
  readonly #workers: Worker[];
  readonly #notifier: Worker;
  readonly #control: ThreadControl;
  /** Resolves when every serve thread has ended: the mount is gone. */
  readonly ended: Promise<void>;

  constructor(options: ServeThreadsOptions) {
    const { fuseFd, memory, settings, onRequest, onFailure } = options;
    this.#control = new ThreadControl(memory);
    const entry = new URL('./serve-thread.ts', import.meta.url);
    this.#workers = Array.from({ length: options.threads }, (_, thread) => new Worker(entry, { workerData: { fuseFd, thread, memory, settings }, name: `fuse-${thread}` }));
    const ends = this.#workers.map((worker) => {
      worker.on('message', (bytes: Uint8Array) => onRequest(KernelRequest.of(bytes)));
      worker.on('error', onFailure);
      return new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    });
    this.ended = Promise.all(ends).then(() => undefined);
    this.#notifier = new Worker(new URL('./notifier-thread.ts', import.meta.url), { workerData: { fuseFd }, name: 'fuse-notifier' });
    this.#notifier.on('error', onFailure);
  }

  /** Tells the threads which workers they may ask from now on. */
  publish(workers: ThreadWorkers): void {
    for (const worker of this.#workers) worker.postMessage(workers);
    this.#control.announceWorkers();
  }

  /** Never blocks; the kernel gets them from a thread that no request waits for. */
  notify(notifications: readonly Uint8Array[]): void {
    this.#notifier.postMessage(notifications);
  }

  /** Once the threads have ended. */
  async close(): Promise<void> {
    await this.#notifier.terminate();
  }
}
