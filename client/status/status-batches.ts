// Joins status look-ups that go to one worker in one turn of the event loop into one request. A look-up that leaves does not stop the others.
import type { ByteName, FileStatus } from '../../common/api/index.ts';
import { type Clock, untilAborted } from '../../common/async/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import { Op } from '../../proto/frames/layout.ts';
import type { Turn } from '../routing/dispatcher.ts';
import type { CachedStatus } from './status-cache.ts';

const PATHS_MAX = 256;
/** Names of escapes and long directories: far below what a request may carry. */
const PATH_UNITS_MAX = 128 * 1024;

interface Waiting {
  readonly path: ByteName;
  readonly resolve: (answer: CachedStatus) => void;
  readonly reject: (error: Error) => void;
}

interface Batch {
  readonly key: string;
  readonly turn: Turn;
  readonly maxAgeMs: number;
  readonly waiting: Waiting[];
  units: number;
}

export class StatusBatches {
  readonly #clock: Clock;
  readonly #open = new Map<string, Batch>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws what the worker answers */
  ask(turn: Turn, path: ByteName, maxAgeMs: number): Promise<CachedStatus> {
    const batch = this.#batch(turn, maxAgeMs);
    const answer = new Promise<CachedStatus>((resolve, reject) => batch.waiting.push({ path, resolve, reject }));
    batch.units += path.length;
    if (batch.waiting.length >= PATHS_MAX || batch.units >= PATH_UNITS_MAX) this.#open.delete(batch.key);
    return untilAborted(answer, turn.signal);
  }

  #batch(turn: Turn, maxAgeMs: number): Batch {
    const key = `${turn.target.workerId}/${maxAgeMs}`;
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const batch: Batch = { key, turn, maxAgeMs, waiting: [], units: 0 };
    this.#open.set(key, batch);
    setImmediate(() => {
      if (this.#open.get(key) === batch) this.#open.delete(key);
      void this.#send(batch);
    });
    return batch;
  }

  async #send(batch: Batch): Promise<void> {
    try {
      const answers = await this.#request(
        batch,
        batch.waiting.map(({ path }) => path),
      );
      for (const [at, { resolve }] of batch.waiting.entries()) resolve(answers[at]!);
    } catch (thrown) {
      const error = asCacheError(thrown);
      // One path's trouble must not become its neighbours': apart they get their own answers.
      const isShared = batch.waiting.length > 1 && error.source === 'ufs';
      if (!isShared) for (const { reject } of batch.waiting) reject(error);
      else await Promise.all(batch.waiting.map((waiting) => this.#sendAlone(batch, waiting)));
    }
  }

  async #sendAlone(batch: Batch, waiting: Waiting): Promise<void> {
    try {
      waiting.resolve((await this.#request(batch, [waiting.path]))[0]!);
    } catch (error) {
      waiting.reject(asCacheError(error));
    }
  }

  async #request(batch: Batch, paths: readonly ByteName[]): Promise<CachedStatus[]> {
    const { turn, maxAgeMs } = batch;
    const sentAtMs = this.#clock.nowMs();
    const payload = Buffer.from(JSON.stringify({ paths, maxAgeMs: wireAge(maxAgeMs) }));
    const { bytes } = await turn.connection.call(Op.Status, payload, { timeoutMs: turn.timeoutMs, ringRevision: turn.ringRevision });
    const reply = JSON.parse(bytes.toString()) as { statuses: (FileStatus | null)[]; agesMs?: number[] };
    if (reply.statuses?.length !== paths.length) {
      throw new CacheError('Internal', 'A worker answered a status request with the wrong number of statuses.', { source: 'worker', context: { workerId: turn.target.workerId } });
    }
    return reply.statuses.map((status, at) => ({ status: status ?? undefined, validatedAtMs: sentAtMs - (reply.agesMs?.[at] ?? 0) }));
  }
}

/** JSON has no Infinity. */
const wireAge = (maxAgeMs: number): number => Math.min(maxAgeMs, Number.MAX_SAFE_INTEGER);
