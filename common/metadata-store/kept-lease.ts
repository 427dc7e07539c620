// A lease kept alive from this side, the same over every implementation. Its end is judged by our own deadline, counted from the sending of the last
// keepalive that was answered: the store may have dropped it any time after that.
import { sleep, systemClock, throwIfAborted, type Clock, type Timer } from '../async/index.ts';
import { asCacheError, isCacheError } from '../errors/index.ts';
import type { Lease } from './metadata-store.ts';
import { leaseLost } from './store-faults.ts';

/** What an implementation knows to do with a lease. */
export interface LeaseDriver {
  /** @returns seconds to live from now; 0 when the lease is gone. @throws when the store does not answer */
  keepAlive(leaseId: string, signal: AbortSignal): Promise<number>;
  revoke(leaseId: string): Promise<void>;
}

export interface KeptLeaseOptions {
  readonly id: string;
  readonly ttlSeconds: number;
  /** Monotonic: when the grant was sent. */
  readonly sentAtMs: number;
  readonly driver: LeaseDriver;
  readonly clock?: Clock;
  /** Called once, when the lease needs no more care. */
  readonly ended?: (lease: KeptLease) => void;
}

/** Keepalives within one TTL: two may fail and the third still saves the lease. */
const KEEPALIVES_PER_TTL = 3;
const RETRY_SHARE = 1 / 12;

export class KeptLease implements Lease {
  readonly id: string;
  readonly ttlSeconds: number;
  readonly #options: KeptLeaseOptions;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #stopping = new AbortController();
  #deadlineMs: number;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(options: KeptLeaseOptions) {
    this.id = options.id;
    this.ttlSeconds = options.ttlSeconds;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#deadlineMs = options.sentAtMs + options.ttlSeconds * 1000;
    this.#watchDeadline();
    void this.#keepAlive();
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  isValid(): boolean {
    return !this.#isOver && this.#clock.nowMs() < this.#deadlineMs;
  }

  /** Stops caring without telling the store: the keys stay until the TTL. */
  abandon(): void {
    if (this.#isOver) return;
    this.#end();
  }

  async revoke(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    await this.#options.driver.revoke(this.id).catch(() => undefined);
  }

  #end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#stopping.abort();
    this.#options.ended?.(this);
  }

  #lose(why: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#lost.abort(leaseLost(this.id, why));
  }

  #watchDeadline(): void {
    this.#timer?.cancel();
    const leftMs = this.#deadlineMs - this.#clock.nowMs();
    this.#timer = this.#clock.schedule(
      Math.max(0, leftMs),
      () => {
        if (this.#clock.nowMs() >= this.#deadlineMs) this.#lose(`no keepalive was answered for ${this.ttlSeconds} s`);
        else this.#watchDeadline();
      },
      true,
    );
  }

  async #keepAlive(): Promise<void> {
    const intervalMs = (this.ttlSeconds * 1000) / KEEPALIVES_PER_TTL;
    const { signal } = this.#stopping;
    try {
      for (let waitMs = intervalMs; ; ) {
        await sleep(waitMs, signal, this.#clock);
        waitMs = (await this.#renew(signal)) ? intervalMs : this.ttlSeconds * 1000 * RETRY_SHARE;
      }
    } catch (error) {
      if (!isCacheError(error, 'Cancelled')) this.#lose(asCacheError(error).message);
    }
  }

  /** @returns whether it was answered */
  async #renew(signal: AbortSignal): Promise<boolean> {
    const sentAtMs = this.#clock.nowMs();
    let ttlSeconds: number;
    try {
      ttlSeconds = await this.#options.driver.keepAlive(this.id, signal);
    } catch {
      throwIfAborted(signal);
      return false; // the deadline decides
    }
    if (ttlSeconds <= 0) {
      this.#lose('the metadata store no longer has it');
      return true;
    }
    if (this.#isOver) return true;
    this.#deadlineMs = Math.max(this.#deadlineMs, sentAtMs + Math.min(ttlSeconds, this.ttlSeconds) * 1000);
    this.#watchDeadline();
    return true;
  }
}
