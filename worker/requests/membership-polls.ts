// Clients' long polls for the membership view: parked until a newer view is published, bounded, debounced. Also knows how many FUSE clients poll here.
// Not here: where views come from.
import type { MembershipView } from '../../common/api/index.ts';
import { abortReason, type Clock, onAbort, systemClock, type Timer } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import type { Session } from '../../proto/frames/contracts.ts';
import { membershipRequest } from './payload.ts';

export interface MembershipPollsOptions {
  /** Polls parked at the same time; further ones are answered Overloaded. */
  readonly pollsMax: number;
  /** Views that follow each other within this time are told as one. Default 200 ms. */
  readonly debounceMs?: number;
  /** Longest time a poll is held. Default 60 s. */
  readonly waitMsMax?: number;
  readonly clock?: Clock;
}

const NOTHING = Buffer.alloc(0);
/** After its poll has ended a client counts as alive for so long: it polls again at once, or its worker has changed. */
const CLIENT_GRACE_MS = 10_000;
const CLIENTS_MAX = 100_000;
/** A changed count of clients is no reason to wake all of them: it travels with the next change, or after this time. */
const LAZY_DEBOUNCE_MS = 2000;

export class MembershipPolls {
  readonly #options: MembershipPollsOptions;
  readonly #clock: Clock;
  readonly #parked = new Set<() => void>();
  /** FUSE clients by identity, with the time until which they count. */
  readonly #fuseClients = new Map<string, number>();
  #view: MembershipView | undefined;
  /** The view as it is sent: made once, whoever asks. */
  #bytes: Buffer = NOTHING;
  #next: MembershipView | undefined;
  #timer: Timer | undefined;
  #isTimerLazy = false;
  #rejected = 0;
  #isClosed = false;

  constructor(options: MembershipPollsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get parked(): number {
    return this.#parked.size;
  }
  get capacity(): number {
    return this.#options.pollsMax;
  }
  get rejected(): number {
    return this.#rejected;
  }

  /** FUSE clients that poll this worker; each polls one worker at a time, so that the sum over workers counts everybody once. */
  get fuseClients(): number {
    const nowMs = this.#clock.nowMs();
    for (const [identity, untilMs] of this.#fuseClients) if (untilMs < nowMs) this.#fuseClients.delete(identity);
    return this.#fuseClients.size;
  }

  /** The first view is told at once, later ones after the debounce time. */
  publish(view: MembershipView): void {
    const before = this.#next;
    this.#next = view;
    if (this.#view === undefined) return this.#tell();
    const isUrgent = before === undefined || essence(view) !== essence(before);
    if (isUrgent && this.#isTimerLazy) this.#timer?.cancel();
    if (this.#timer !== undefined && !(isUrgent && this.#isTimerLazy)) return;
    this.#isTimerLazy = !isUrgent;
    this.#timer = this.#clock.schedule(isUrgent ? (this.#options.debounceMs ?? 200) : LAZY_DEBOUNCE_MS, () => this.#tell(), true);
  }

  /** @returns the view as JSON, or nothing when the caller has it. @throws Overloaded, Cancelled, InvalidArgument */
  async answer(payload: Uint8Array, session: Session, signal: AbortSignal): Promise<Uint8Array> {
    const request = membershipRequest(payload);
    const waitMs = Math.min(request.waitMs, this.#options.waitMsMax ?? 60_000);
    const isKnown = (): boolean =>
      this.#view === undefined || (this.#view.revision === request.revision && (request.generation === undefined || this.#view.generation === request.generation));
    this.#noteClient(session, waitMs);
    if (isKnown() && waitMs > 0 && !this.#isClosed) await this.#park(waitMs, signal);
    return isKnown() ? NOTHING : this.#bytes;
  }

  /** Lets everybody go: a worker that leaves must not hold them. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#wake();
  }

  #park(waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#parked.size >= this.#options.pollsMax) {
      this.#rejected++;
      throw new CacheError('Overloaded', 'Too many clients wait for membership here.', { source: 'worker' });
    }
    return new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#parked.delete(end);
        timer.cancel();
        stop();
        resolve();
      };
      const timer = this.#clock.schedule(waitMs, end, true);
      let stop = (): void => undefined;
      this.#parked.add(end);
      stop = onAbort(signal, () => {
        this.#parked.delete(end);
        timer.cancel();
        reject(abortReason(signal));
      });
    });
  }

  #tell(): void {
    this.#timer = undefined;
    this.#isTimerLazy = false;
    this.#view = this.#next!;
    this.#bytes = Buffer.from(JSON.stringify(this.#view));
    this.#wake();
  }

  #wake(): void {
    for (const end of this.#parked) end();
  }

  #noteClient({ role, identity }: Session, waitMs: number): void {
    if (role !== 'fuse' || waitMs === 0) return;
    if (this.#fuseClients.size >= CLIENTS_MAX && !this.#fuseClients.has(identity)) return;
    this.#fuseClients.set(identity, this.#clock.nowMs() + waitMs + CLIENT_GRACE_MS);
  }
}

/** What routing depends on. */
const essence = ({ generation, staticRing, members, mounts }: MembershipView): string =>
  JSON.stringify([generation, staticRing, members.map(({ record, online }) => [{ ...record, fuseClients: 0 }, online]), mounts]);
