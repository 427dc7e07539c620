// Asks every live worker what it holds of a path: what xattrs, `fs location` and `fs check-cached` tell. Counts, never guesses.
import { Semaphore } from '../../common/async/index.ts';
import type { FileStatus } from '../../common/api/index.ts';
import { Op } from '../../proto/frames/layout.ts';
import type { ClientCallOptions, PathResidency, ResidencyReport } from '../cache-client.ts';
import type { ViewSnapshot } from '../membership/view-snapshot.ts';
import type { ConnectionPool } from '../routing/connection-pool.ts';
import { RoutedPath, type Router } from '../routing/router.ts';

const ASKED_AT_ONCE = 16;
const TIMEOUT_MS = 5000;

export interface ResidencyReaderOptions {
  readonly router: Router;
  readonly pool: ConnectionPool;
  readonly snapshot: () => ViewSnapshot;
}

export class ResidencyReader {
  readonly #options: ResidencyReaderOptions;

  constructor(options: ResidencyReaderOptions) {
    this.#options = options;
  }

  /** @param status of a file */
  async report(status: FileStatus, call: ClientCallOptions): Promise<ResidencyReport> {
    const { router, snapshot } = this.#options;
    const ownerId = router.route(new RoutedPath(status.path)).owner?.workerId;
    const lanes = new Semaphore(ASKED_AT_ONCE);
    const holders: PathResidency[] = [];
    const silentWorkers: string[] = [];
    const ask = async (workerId: string): Promise<void> => {
      const held = await this.#ask(workerId, status, call).catch(() => undefined);
      if (held === undefined) silentWorkers.push(workerId);
      else if (held.pagesResident > 0 || workerId === ownerId) holders.push(held);
    };
    await Promise.all(snapshot().online.map(({ record }) => lanes.with(() => ask(record.uuid), call.signal)));
    return { status, ownerId, holders: holders.toSorted((a, b) => b.pagesResident - a.pagesResident), silentWorkers };
  }

  async #ask(workerId: string, status: FileStatus, call: ClientCallOptions): Promise<PathResidency> {
    const target = this.#options.router.target(workerId)!;
    const pooled = await this.#options.pool.acquire(target, call.signal);
    const { bytes } = await pooled.connection.call(Op.Residency, Buffer.from(JSON.stringify({ path: status.path })), {
      fileId: Buffer.from(status.fileId, 'hex'),
      timeoutMs: call.timeoutMs ?? TIMEOUT_MS,
      ...(call.signal !== undefined && { signal: call.signal }),
    });
    this.#options.pool.answered(pooled);
    return JSON.parse(bytes.toString()) as PathResidency;
  }
}
