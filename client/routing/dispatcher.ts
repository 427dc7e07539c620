// Asks for one thing until somebody answers: the workers of the route in order, then the UFS, then suspects; again after a pause while an error
// says that it may help and time is left. Decides from the error table what an error means; owns no bytes.
import { backoffDelayMs, type Clock, Deadline, sleep, throwIfAborted, untilAborted } from '../../common/async/index.ts';
import { asCacheError, CacheError, type ErrorCode } from '../../common/errors/index.ts';
import type { DataConnection } from '../../proto/frames/contracts.ts';
import type { ClientObserver, PathRoute, RouteTarget } from '../cache-client.ts';
import type { ClientCounters } from '../client-counters.ts';
import type { ClientSettings } from '../client-settings.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { RoutedPath, Router } from './router.ts';
import type { WorkerHealth } from './worker-health.ts';

/** One worker's turn. */
export interface Turn {
  readonly target: RouteTarget;
  readonly connection: DataConnection;
  readonly ringRevision: number;
  /** The UFS no longer has this version: only a cache may answer. */
  readonly onlyIfCached: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface Question<T> {
  readonly routed: RoutedPath;
  /** undefined as a value: this worker does not have it (OnlyIfCached); the next one is asked. */
  readonly ask: (turn: Turn) => Promise<T | undefined>;
  /** Answer from the UFS; undefined when this client may not or shall not ask it. */
  readonly direct: ((route: PathRoute, timeoutMs: number) => Promise<T>) | undefined;
  /** Reads: the UFS may do better than a worker's refusal. Metadata: a refusal that comes from the UFS is the answer. */
  readonly isRead: boolean;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

/** The worker itself, not what stands behind it, failed. */
const WORKER_FAULTS: ReadonlySet<ErrorCode> = new Set(['WorkerUnavailable', 'ProtocolMismatch', 'Unauthenticated']);
/** Rounds over silent workers when the UFS is out of reach, about 1.5 s: a cluster that starts gets its first worker meanwhile. Then the caller should hear of it. */
const ROUNDS_WITHOUT_UFS = 5;

export interface DispatcherOptions {
  readonly router: Router;
  readonly pool: ConnectionPool;
  readonly health: WorkerHealth;
  readonly counters: ClientCounters;
  readonly observer: ClientObserver;
  readonly settings: ClientSettings;
  readonly clock: Clock;
  /** Aborts when the client closes: nobody is asked any more. */
  readonly closing: AbortSignal;
}

interface Round {
  /** What the last one who was asked said. */
  error: CacheError | undefined;
  /** Somebody knows that the pinned version is gone. */
  changed: CacheError | undefined;
  /** A refusal by the UFS that workers only pass on. */
  refused: boolean;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  async ask<T>(question: Question<T>): Promise<T> {
    const { settings, clock, counters } = this.#options;
    const deadline = Deadline.after(question.timeoutMs ?? settings.callTimeoutMs, clock);
    for (let attempt = 1; ; attempt++) {
      const round: Round = { error: undefined, changed: undefined, refused: false };
      const answer = await this.#round(question, deadline, round);
      if (answer !== undefined) return answer;
      const delayMs = backoffDelayMs(attempt, { baseMs: 100, maxMs: 2000 });
      this.#throwUnlessWorthRetrying(question, round, { attempt, isLate: deadline.remainingMs() <= delayMs });
      counters.retries++;
      await untilAborted(sleep(delayMs, question.signal, clock), this.#options.closing);
    }
  }

  /** One attempt at one worker that nobody waits for: no fallback, no retry. Only a worker that is out of reach becomes suspect; a busy one does not. */
  async hint(target: RouteTarget, send: (connection: DataConnection, ringRevision: number) => Promise<unknown>, routed: RoutedPath): Promise<void> {
    const { pool, health, router, closing } = this.#options;
    try {
      const pooled = await pool.acquire(target, closing);
      await send(pooled.connection, router.route(routed).viewRevision);
      pool.answered(pooled);
    } catch (thrown) {
      const error = asCacheError(thrown, 'WorkerUnavailable', { source: 'worker' });
      if (!closing.aborted && WORKER_FAULTS.has(error.code) && error.source !== 'ufs') health.fault(target.workerId);
    }
  }

  #throwUnlessWorthRetrying(question: Question<unknown>, round: Round, at: { readonly attempt: number; readonly isLate: boolean }): void {
    const error = round.changed ?? round.error ?? noWorkers();
    const { retry } = error.row;
    const isHopeless = question.direct === undefined && at.attempt >= ROUNDS_WITHOUT_UFS;
    if (isHopeless && retry === 'elsewhere') throw noWorkers(error);
    if (isHopeless || at.isLate || retry === 'no' || retry === 'reopen') throw error;
  }

  async #round<T>(question: Question<T>, deadline: Deadline, round: Round): Promise<T | undefined> {
    const route = this.#options.router.route(question.routed);
    for (const target of route.targets) {
      if (target.suspect || (round.refused && question.direct !== undefined)) break;
      const answer = await this.#askWorker(question, target, deadline, round);
      if (answer !== undefined) return answer;
    }
    const direct = await this.#askUfs(question, route, deadline, round);
    if (direct !== undefined) return direct;
    for (const target of route.targets) {
      if (!target.suspect || round.refused) continue;
      const answer = await this.#askWorker(question, target, deadline, round);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  async #askWorker<T>(question: Question<T>, target: RouteTarget, deadline: Deadline, round: Round): Promise<T | undefined> {
    const { pool, health, settings, observer, counters } = this.#options;
    this.#throwIfOver(question);
    if (deadline.expired) return undefined;
    try {
      const acquired = pool.acquire(target, question.signal);
      const pooled = acquired instanceof Promise ? await acquired : acquired;
      const answer = await question.ask({
        target,
        connection: pooled.connection,
        ringRevision: this.#options.router.route(question.routed).viewRevision,
        onlyIfCached: round.changed !== undefined,
        timeoutMs: deadline.attemptMs(settings.attemptTimeoutMs),
        signal: question.signal,
      });
      pool.answered(pooled);
      if (target.suspect) health.answered(target.workerId);
      return answer;
    } catch (thrown) {
      this.#throwIfOver(question);
      const error = asCacheError(thrown, 'WorkerUnavailable', { source: 'worker' });
      counters.fellBack(error);
      observer.fallback?.(target.workerId, error.code);
      if (WORKER_FAULTS.has(error.code) && error.source !== 'ufs') health.fault(target.workerId);
      this.#judge(error, question.isRead, round);
      return undefined;
    }
  }

  #throwIfOver(question: Question<unknown>): void {
    throwIfAborted(question.signal);
    throwIfAborted(this.#options.closing);
  }

  /** @throws the error when nobody else could know better */
  #judge(error: CacheError, isRead: boolean, round: Round): void {
    round.error = error;
    const isRefusal = error.row.retry === 'no' && (error.source === 'ufs' || error.source === 'caller') && error.code !== 'Cancelled';
    if (isRefusal && !isRead) throw error;
    if (isRefusal) round.refused = true;
    // A worker that looks for a pinned version and finds nothing tells the same as one that finds another version.
    if (error.code === 'UfsObjectChanged' || (isRead && error.code === 'PathNotFound')) {
      round.changed ??= error.code === 'UfsObjectChanged' ? error : new CacheError('UfsObjectChanged', 'The object is gone.', { source: 'ufs', cause: error });
      round.refused = false;
    }
  }

  async #askUfs<T>(question: Question<T>, route: PathRoute, deadline: Deadline, round: Round): Promise<T | undefined> {
    this.#throwIfOver(question);
    if (deadline.expired) return undefined;
    try {
      return await question.direct?.(route, deadline.remainingMs());
    } catch (thrown) {
      this.#throwIfOver(question);
      const error = asCacheError(thrown, 'UfsUnavailable', { source: 'ufs' });
      if (error.row.retry === 'no' || error.row.retry === 'reopen') throw error;
      round.error = error;
      return undefined;
    }
  }
}

/** Nobody is left to ask and the UFS is out of reach. */
const noWorkers = (cause?: CacheError): CacheError =>
  new CacheError('WorkerUnavailable', 'No worker can answer, and this client may not read the UFS itself.', {
    source: 'worker',
    cause,
    context: { remedy: 'Start a worker, or give this client the sealing key (alluxio.security.sealing.key.file) and leave alluxio.dora.client.ufs.fallback.enabled on.' },
  });
