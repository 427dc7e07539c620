// Pooled connections to workers: a bounded number each, opened when the open ones are busy, closed when idle, the unix socket first for a
// worker on the same host. Watches for silence: a connection with requests in flight and no answer is pinged, and cut when the ping is not answered,
// so that its readers go elsewhere. A slow UFS does not cut it: pings are answered meanwhile.
import { type Clock, patientTimer, type Timer, untilAborted } from '../../common/async/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import type { DataConnection, DataPlaneEndpoint } from '../../proto/frames/contracts.ts';
import { Op } from '../../proto/frames/layout.ts';
import type { RouteTarget } from '../cache-client.ts';
import type { ClientSettings } from '../client-settings.ts';

export type ConnectWorker = (endpoint: DataPlaneEndpoint, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }) => Promise<DataConnection>;

const EMPTY = Buffer.alloc(0);

/** A connection with what the watch must know. */
export interface PooledConnection {
  readonly connection: DataConnection;
  /** When it last answered, or became busy after a pause. */
  lastSignMs: number;
  pinging: boolean;
}

interface WorkerConnections {
  readonly instanceId: string;
  readonly open: PooledConnection[];
  opening: Promise<PooledConnection> | undefined;
}

export interface ConnectionPoolOptions {
  readonly connect: ConnectWorker;
  readonly settings: ClientSettings;
  readonly clock: Clock;
  /** A connection of this worker was cut because it fell silent. */
  readonly onSilent: (workerId: string) => void;
}

export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  readonly #workers = new Map<string, WorkerConnections>();
  /** Of workers that left: closed when their last request has ended. */
  readonly #leaving = new Set<PooledConnection>();
  readonly #stop = new AbortController();
  #watch: Timer | undefined;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /** The least busy connection; a further one is opened beside it when it is busy. @throws WorkerUnavailable, Cancelled */
  acquire(target: RouteTarget, signal?: AbortSignal): PooledConnection | Promise<PooledConnection> {
    const worker = this.#worker(target);
    this.#startWatch();
    const best = leastBusy(worker.open);
    if (best !== undefined && best.connection.inFlight === 0) {
      best.lastSignMs = this.#options.clock.nowMs();
      return best;
    }
    const canOpen = worker.open.length < this.#options.settings.connectionsPerWorkerMax;
    if (worker.opening === undefined && canOpen) worker.opening = this.#open(target, worker);
    if (best === undefined) return untilAborted(worker.opening!, signal);
    worker.opening?.catch(() => undefined); // only a spare: a failure shows at the next one who needs it
    return best;
  }

  answered(pooled: PooledConnection): void {
    pooled.lastSignMs = this.#options.clock.nowMs();
  }

  /** Connects and pings. @throws when the worker does not answer */
  async probe(target: RouteTarget): Promise<void> {
    const pooled = await this.acquire(target);
    const { settings } = this.#options;
    try {
      await pooled.connection.call(Op.Ping, EMPTY, { timeoutMs: settings.silenceMs });
    } catch (error) {
      pooled.connection.close();
      throw error;
    }
  }

  /** Open connections, for tests and metrics. */
  count(workerId: string): number {
    return this.#workers.get(workerId)?.open.filter((pooled) => !pooled.connection.closed).length ?? 0;
  }

  /** Closes what belongs to workers that are no longer in the view. */
  retain(isWanted: (workerId: string) => boolean): void {
    for (const [workerId, worker] of this.#workers) {
      if (isWanted(workerId)) continue;
      this.#workers.delete(workerId);
      // Requests in flight may still be answered: a worker that drains leaves the view first.
      for (const pooled of worker.open) this.#leaving.add(pooled);
    }
  }

  close(): void {
    this.#stop.abort();
    this.#watch?.cancel();
    for (const worker of this.#workers.values()) for (const pooled of worker.open) pooled.connection.close();
    for (const pooled of this.#leaving) pooled.connection.close();
    this.#workers.clear();
    this.#leaving.clear();
  }

  #worker(target: RouteTarget): WorkerConnections {
    const known = this.#workers.get(target.workerId);
    if (known !== undefined && known.instanceId === target.instanceId) return known;
    if (known !== undefined) for (const pooled of known.open) this.#leaving.add(pooled);
    const worker: WorkerConnections = { instanceId: target.instanceId, open: [], opening: undefined };
    this.#workers.set(target.workerId, worker);
    return worker;
  }

  async #open(target: RouteTarget, worker: WorkerConnections): Promise<PooledConnection> {
    try {
      const connection = await this.#connect(target.endpoint);
      if (this.#stop.signal.aborted || this.#workers.get(target.workerId) !== worker) {
        connection.close();
        throw new CacheError('WorkerUnavailable', 'The worker was replaced while a connection to it was opened.', { source: 'worker' });
      }
      const pooled: PooledConnection = { connection, lastSignMs: this.#options.clock.nowMs(), pinging: false };
      worker.open.push(pooled);
      return pooled;
    } catch (error) {
      throw asCacheError(error, 'WorkerUnavailable', { source: 'worker', context: { workerId: target.workerId } });
    } finally {
      worker.opening = undefined;
    }
  }

  async #connect(endpoint: DataPlaneEndpoint): Promise<DataConnection> {
    const { connect, settings } = this.#options;
    const options = { timeoutMs: settings.connectTimeoutMs, signal: this.#stop.signal };
    if (endpoint.unixPath === '' || endpoint.port === 0) return await connect(endpoint, options);
    try {
      return await connect({ host: '', port: 0, unixPath: endpoint.unixPath }, options);
    } catch {
      // The socket may be out of reach (another container's directory) while TCP works.
      return await connect({ ...endpoint, unixPath: '' }, options);
    }
  }

  #startWatch(): void {
    if (this.#watch !== undefined || this.#stop.signal.aborted) return;
    const { clock, settings } = this.#options;
    this.#watch = patientTimer(settings.silenceMs / 2, () => this.#look(), { clock, background: true });
  }

  #look(): void {
    this.#watch = undefined;
    for (const pooled of this.#leaving) {
      if (pooled.connection.inFlight === 0) pooled.connection.close();
      if (pooled.connection.closed) this.#leaving.delete(pooled);
    }
    for (const [workerId, worker] of this.#workers) {
      for (const pooled of worker.open) this.#lookAt(workerId, pooled);
      for (let i = worker.open.length - 1; i >= 0; i--) if (worker.open[i]!.connection.closed) worker.open.splice(i, 1);
      if (worker.open.length === 0 && worker.opening === undefined) this.#workers.delete(workerId);
    }
    if (this.#workers.size > 0 || this.#leaving.size > 0) this.#startWatch();
  }

  #lookAt(workerId: string, pooled: PooledConnection): void {
    const { settings, clock } = this.#options;
    const quietMs = clock.nowMs() - pooled.lastSignMs;
    if (pooled.connection.closed || pooled.pinging) return;
    if (pooled.connection.inFlight === 0) {
      if (quietMs >= settings.idleConnectionMs) pooled.connection.close();
    } else if (quietMs >= settings.silenceMs) void this.#ping(workerId, pooled);
  }

  async #ping(workerId: string, pooled: PooledConnection): Promise<void> {
    const signBefore = pooled.lastSignMs;
    const bytesBefore = pooled.connection.receivedBytes;
    pooled.pinging = true;
    try {
      await pooled.connection.call(Op.Ping, EMPTY, { timeoutMs: this.#options.settings.silenceMs });
      this.answered(pooled);
    } catch {
      // Another answer came meanwhile, or a part of one that the ping's waits behind: the link is slow, not silent.
      const isHeard = pooled.lastSignMs !== signBefore || pooled.connection.receivedBytes !== bytesBefore;
      if (pooled.connection.closed || isHeard) return;
      this.#options.onSilent(workerId);
      pooled.connection.close();
    } finally {
      pooled.pinging = false;
    }
  }
}

function leastBusy(open: readonly PooledConnection[]): PooledConnection | undefined {
  let best: PooledConnection | undefined;
  for (const pooled of open) {
    if (!pooled.connection.closed && (best === undefined || pooled.connection.inFlight < best.connection.inFlight)) best = pooled;
  }
  return best;
}
