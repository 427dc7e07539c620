// What a bench has started and must end: servers, mounts, directories. Ended in reverse order when the bench is over, however it is over.

type Closer = () => Promise<void> | void;

const EXIT_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export class Cleanup {
  readonly #closers: Closer[] = [];
  #closing: Promise<void> | undefined;
  readonly #onSignal = (signal: keyof typeof EXIT_OF_SIGNAL): void => void this.close().finally(() => process.exit(EXIT_OF_SIGNAL[signal]));

  constructor() {
    for (const signal of Object.keys(EXIT_OF_SIGNAL)) process.on(signal, this.#onSignal);
  }

  add(closer: Closer): void {
    this.#closers.push(closer);
  }

  /** Idempotent. A closer that fails is told of and does not keep the others from their turn. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer();
      } catch (error) {
        console.error(`bench: cleaning up failed: ${(error as Error).message}`);
      }
    }
    for (const signal of Object.keys(EXIT_OF_SIGNAL)) process.off(signal, this.#onSignal);
  }
}
