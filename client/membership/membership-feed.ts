// Keeps the membership view fresh by long polls to any worker, never to the metadata store. Owns the current snapshot; it only moves forward
// in (generation, revision), and the last one holds while no worker answers. Not here: who is suspect, pooled connections.
import type { MembershipView } from '../../common/api/index.ts';
import { backoffDelayMs, type Clock, sleep, throwIfAborted, untilAborted } from '../../common/async/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import type { DataConnection, DataPlaneEndpoint } from '../../proto/frames/contracts.ts';
import { Op } from '../../proto/frames/layout.ts';
import type { ClientObserver } from '../cache-client.ts';
import type { ClientSettings } from '../client-settings.ts';
import type { ConnectWorker } from '../routing/connection-pool.ts';
import { compareViews, ViewSnapshot } from './view-snapshot.ts';
import { endpointOf, endpointText } from './worker-endpoint.ts';

/** On top of the wait that was asked for, before the worker counts as silent. */
const POLL_GRACE_MS = 3000;
/** Between polls that are answered before their time with nothing new. */
const EARLY_PAUSE_MS = 1000;

export interface MembershipFeedOptions {
  readonly endpoints: readonly DataPlaneEndpoint[];
  readonly clusterUid: string;
  readonly localHostId: string;
  readonly connect: ConnectWorker;
  readonly settings: ClientSettings;
  readonly clock: Clock;
  readonly observer: ClientObserver;
}

export class MembershipFeed {
  readonly #options: MembershipFeedOptions;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<(snapshot: ViewSnapshot) => void>();
  #snapshot: ViewSnapshot | undefined;
  #running: Promise<void> = Promise.resolve();
  #connection: DataConnection | undefined;
  #connectedTo = '';
  /** Rotates over endpoints, so that one bad worker is not asked for ever. */
  #turn = 0;

  constructor(options: MembershipFeedOptions) {
    this.#options = options;
  }

  /** @throws Internal before `start` has ended */
  get snapshot(): ViewSnapshot {
    if (this.#snapshot === undefined) throw new CacheError('Internal', 'There is no membership view yet.');
    return this.#snapshot;
  }

  /** Fetches the first view, then follows it in the background until `close`. @throws WorkerUnavailable when no endpoint answers in time */
  async start(signal?: AbortSignal): Promise<void> {
    const { settings, clock, endpoints } = this.#options;
    const untilMs = clock.nowMs() + settings.startTimeoutMs;
    for (let attempt = 1; this.#snapshot === undefined; attempt++) {
      throwIfAborted(signal);
      const error = await untilAborted(this.#pollOnce(this.#nextEndpoint()), signal);
      if (error === undefined) continue;
      const isFinal = error.row.retry === 'no' && attempt >= endpoints.length;
      if (isFinal || clock.nowMs() >= untilMs) throw startError(error, endpoints);
      if (attempt % endpoints.length === 0) await sleep(backoffDelayMs(attempt / endpoints.length, { maxMs: 1000 }), signal, clock);
    }
    this.#running = this.#follow();
  }

  onSnapshot(listener: (snapshot: ViewSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#connection?.close();
    await this.#running;
    this.#listeners.clear();
  }

  async #follow(): Promise<void> {
    const { clock, observer } = this.#options;
    let endpoint = this.#nextEndpoint();
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      const error = await this.#pollOnce(endpoint);
      if (error === undefined) {
        failures = 0;
        continue;
      }
      if (this.#stop.signal.aborted) return;
      failures++;
      endpoint = this.#nextEndpoint();
      const round = Math.ceil(failures / this.#candidates().length);
      if (round > 1 && failures % this.#candidates().length === 1) observer.membershipUnavailable?.(error);
      await sleep(backoffDelayMs(round, { baseMs: 50, maxMs: 3000 }), this.#stop.signal, clock).catch(() => undefined);
    }
  }

  /** One long poll. @returns why this worker should not be asked next; undefined when it is fine */
  async #pollOnce(endpoint: DataPlaneEndpoint): Promise<CacheError | undefined> {
    try {
      const connection = await this.#connectionTo(endpoint);
      const { settings, clock } = this.#options;
      const known = this.#snapshot?.view;
      const sentAtMs = clock.nowMs();
      const request = { revision: known?.revision ?? 0, generation: known?.generation ?? 0, waitMs: known === undefined ? 0 : settings.membershipWaitMs };
      const timeoutMs = request.waitMs + POLL_GRACE_MS;
      const reply = await connection.call(Op.Membership, Buffer.from(JSON.stringify(request)), { timeoutMs, signal: this.#stop.signal });
      if (reply.bytes.length > 0) return this.#accept(JSON.parse(reply.bytes.toString()) as MembershipView);
      if (known === undefined) return new CacheError('WorkerUnavailable', 'The worker has no membership view yet.', { source: 'worker' });
      // A worker that does not hold the poll (it drains, or is of another version) must not make us spin.
      const earlyMs = request.waitMs - (clock.nowMs() - sentAtMs);
      if (earlyMs > request.waitMs / 2) await sleep(Math.min(earlyMs, EARLY_PAUSE_MS), this.#stop.signal, clock);
      return undefined;
    } catch (error) {
      this.#connection?.close();
      this.#connection = undefined;
      return asCacheError(error, 'WorkerUnavailable', { source: 'worker', context: { endpoint: endpointText(endpoint) } });
    }
  }

  #accept(view: MembershipView): CacheError | undefined {
    const { clusterUid, observer } = this.#options;
    if (view.clusterUid !== clusterUid) {
      return new CacheError('InvalidConfiguration', 'The worker belongs to another cluster.', {
        source: 'worker',
        context: { field: 'endpoints', clusterUid: view.clusterUid, remedy: 'Point alluxio.user.worker.endpoints at workers of this cluster.' },
      });
    }
    const known = this.#snapshot;
    // A worker that lags answers at once with what we left behind: ask another one.
    if (known !== undefined && compareViews(view, known.view) <= 0)
      return new CacheError('WorkerUnavailable', 'The worker has an older view of the cluster.', { source: 'worker' });
    this.#snapshot = new ViewSnapshot(view, known);
    observer.view?.(view);
    for (const listener of this.#listeners) listener(this.#snapshot);
    return undefined;
  }

  async #connectionTo(endpoint: DataPlaneEndpoint): Promise<DataConnection> {
    if (this.#connection !== undefined && !this.#connection.closed && this.#connectedTo === endpointText(endpoint)) return this.#connection;
    this.#connection?.close();
    const { connect, settings } = this.#options;
    this.#connection = await connect(endpoint, { timeoutMs: Math.max(1000, settings.connectTimeoutMs), signal: this.#stop.signal });
    this.#connectedTo = endpointText(endpoint);
    return this.#connection;
  }

  /** Live workers first, then what was configured: their addresses may have changed, and new ones may stand behind the same name. */
  #candidates(): readonly DataPlaneEndpoint[] {
    const { endpoints, localHostId } = this.#options;
    const online = this.#snapshot?.online.map((member) => endpointOf(member.record, localHostId)) ?? [];
    return [...online, ...endpoints];
  }

  #nextEndpoint(): DataPlaneEndpoint {
    const candidates = this.#candidates();
    return candidates[this.#turn++ % candidates.length]!;
  }
}

function startError(error: CacheError, endpoints: readonly DataPlaneEndpoint[]): CacheError {
  if (error.row.retry === 'no') return error;
  return new CacheError('WorkerUnavailable', 'No worker answered.', {
    source: 'worker',
    cause: error,
    context: { endpoints: endpoints.map(endpointText).join(', '), remedy: 'Start a worker, or correct alluxio.user.worker.endpoints.' },
  });
}
