// Kept connections to one origin, the latest used first. Opens as many as there are requests at once: whoever calls bounds those.
import { type Clock, systemClock, type Timer } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { DirectConnection, type DirectHandler, type DirectRequest } from './direct-connection.ts';

/** A connection that the server may be about to close is not used again. */
const MARGIN_MS = 1000;

export interface DirectPoolOptions {
  readonly origin: string;
  readonly idleMs: number;
  readonly clock?: Clock;
}

interface Idle {
  readonly connection: DirectConnection;
  readonly untilMs: number;
}

export class DirectPool {
  readonly #options: DirectPoolOptions;
  readonly #origin: URL;
  readonly #clock: Clock;
  readonly #all = new Set<DirectConnection>();
  #idle: Idle[] = [];
  #sweep: Timer | undefined;
  #isClosed = false;

  constructor(options: DirectPoolOptions) {
    this.#options = options;
    this.#origin = new URL(options.origin);
    this.#clock = options.clock ?? systemClock;
  }

  /** Open connections, idle ones included. */
  get size(): number {
    return this.#all.size;
  }

  /** @throws InvalidArgument for a request that HTTP cannot carry */
  dispatch(request: DirectRequest, handler: DirectHandler): void {
    if (this.#isClosed) throw new CacheError('Cancelled', 'The UFS is closed.');
    const connection = this.#takeIdle() ?? this.#open();
    try {
      connection.send(request, handler);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Ends requests in flight with an error. */
  close(): void {
    this.#isClosed = true;
    this.#sweep?.cancel();
    for (const connection of this.#all) connection.fail(new CacheError('UfsUnavailable', 'The UFS is closed.', { source: 'ufs' }));
  }

  #takeIdle(): DirectConnection | undefined {
    const nowMs = this.#clock.nowMs();
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      if (last.untilMs > nowMs) return last.connection;
      last.connection.close();
    }
    return undefined;
  }

  #open(): DirectConnection {
    const connection = new DirectConnection(this.#origin, {
      idle: (self, keptMs) => this.#keep(self, keptMs),
      closed: (self) => {
        this.#all.delete(self);
        this.#idle = this.#idle.filter((idle) => idle.connection !== self);
      },
    });
    this.#all.add(connection);
    return connection;
  }

  #keep(connection: DirectConnection, keptMs: number | undefined): void {
    const idleMs = Math.min(this.#options.idleMs, keptMs === undefined ? Infinity : keptMs - MARGIN_MS);
    if (this.#isClosed || idleMs <= 0) return connection.close();
    this.#idle.push({ connection, untilMs: this.#clock.nowMs() + idleMs });
    this.#sweep ??= this.#clock.schedule(this.#options.idleMs, () => this.#closeOld(), true);
  }

  #closeOld(): void {
    this.#sweep = undefined;
    const nowMs = this.#clock.nowMs();
    for (const { connection } of this.#idle.filter(({ untilMs }) => untilMs <= nowMs)) connection.close();
    if (this.#idle.length > 0) this.#sweep = this.#clock.schedule(this.#options.idleMs, () => this.#closeOld(), true);
  }
}
