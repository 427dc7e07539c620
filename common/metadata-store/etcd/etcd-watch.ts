// A watch over etcd that never misses a change: each prefix goes on from its own last revision after a cut, and from a snapshot when etcd has compacted the
// changes in between or is not the etcd of before. States: away (backing off) → caught up with the revision → streaming → away …
import type { IDuplexStream, IWatchRequest, IWatchResponse } from 'etcd3';
import { backoffDelayMs, onAbort, sleep } from '../../async/index.ts';
import { CacheError, isCacheError } from '../../errors/index.ts';
import type { RangeAnswer, StoreEvent, Watch, WatchListener } from '../metadata-store.ts';
import { storeUnavailable } from '../store-faults.ts';
import { eventOf, rangeOf } from './etcd-codec.ts';

/** What the watch needs of the store. */
export interface EtcdWatchSource {
  /** One consistent snapshot. */
  snapshot(prefixes: readonly string[], signal: AbortSignal): Promise<RangeAnswer & { readonly clusterId: string }>;
  /** Of the store now. */
  position(signal: AbortSignal): Promise<{ readonly revision: number; readonly clusterId: string }>;
  open(): Promise<IDuplexStream<IWatchRequest, IWatchResponse>>;
}

export interface EtcdWatchOptions {
  readonly prefixes: readonly string[];
  readonly listener: WatchListener;
  readonly fromRevision?: number;
  readonly source: EtcdWatchSource;
  readonly createTimeoutMs: number;
  readonly restarted?: () => void;
}

const BACKOFF = { baseMs: 50, maxMs: 1000 } as const;

/** etcd no longer has the changes that are asked for. */
class ChangesForgotten {
  readonly _tag = 'ChangesForgotten';
}

export class EtcdWatch implements Watch {
  readonly #options: EtcdWatchOptions;
  readonly #stop = new AbortController();
  /** First revision not yet told, by prefix; empty: a snapshot comes first. */
  #next: number[];
  #told = 0;
  #clusterId: string | undefined;
  #isConnected = false;

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
    this.#next = options.fromRevision === undefined ? [] : options.prefixes.map(() => options.fromRevision!);
    void this.#run();
  }

  close(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#catchUp(signal);
        await this.#stream(signal, () => (failures = 0));
      } catch (error) {
        if (signal.aborted || isCacheError(error, 'Cancelled')) return;
        if (error instanceof ChangesForgotten) this.#next = [];
      }
      this.#tellConnected(false);
      if (signal.aborted) return;
      this.#options.restarted?.();
      await sleep(backoffDelayMs(++failures, BACKOFF), signal).catch(() => undefined);
    }
  }

  /** Leaves `#next` at revisions that this etcd still has to tell. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { source, prefixes, listener } = this.#options;
    if (this.#next.length > 0) {
      const { revision, clusterId } = await source.position(signal);
      const isSame = this.#clusterId === undefined || this.#clusterId === clusterId;
      this.#clusterId = clusterId;
      if (isSame && this.#next.every((next) => next <= revision + 1)) return;
    }
    const { clusterId, ...snapshot } = await source.snapshot(prefixes, signal);
    if (signal.aborted) return;
    this.#clusterId = clusterId;
    this.#next = prefixes.map(() => snapshot.revision + 1);
    this.#told = snapshot.revision;
    listener.resync(snapshot);
  }

  async #stream(signal: AbortSignal, connected: () => void): Promise<void> {
    const { source, prefixes, createTimeoutMs } = this.#options;
    const stream = await source.open();
    const waiting = new Set(prefixes.map((_, index) => String(index + 1)));
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(storeUnavailable('etcd did not begin a watch in time')), createTimeoutMs);
      const stop = onAbort(signal, () => reject(new CacheError('Cancelled', 'The watch was closed.')));
      const end = (settle: () => void) => (): void => {
        clearTimeout(timer);
        stop();
        settle();
      };
      stream.on('error', (error) => end(() => reject(storeUnavailable('the watch was cut', error)))());
      stream.on('end', end(resolve));
      stream.on('data', (response) => {
        if (signal.aborted) return;
        if (response.canceled) {
          const isCompacted = response.compact_revision !== '0';
          reject(isCompacted ? new ChangesForgotten() : storeUnavailable(`etcd cancelled a watch (${response.cancel_reason})`));
          return;
        }
        if (response.created) waiting.delete(response.watch_id);
        if (waiting.size === 0) {
          clearTimeout(timer);
          connected();
          this.#tellConnected(true);
        }
        this.#take(response);
      });
      prefixes.forEach((prefix, index) => {
        const create = { ...rangeOf(prefix), start_revision: this.#next[index]!, watch_id: index + 1, progress_notify: true };
        stream.write({ create_request: create });
      });
    }).finally(() => {
      stream.on('error', () => undefined);
      stream.cancel();
    });
  }

  #take(response: IWatchResponse): void {
    const index = Number(response.watch_id) - 1;
    const from = this.#next[index];
    if (from === undefined) return;
    const events = response.events.map(eventOf).filter((event) => revisionOf(event) >= from);
    const last = events.at(-1);
    if (last === undefined) {
      // A progress notice: nothing happened below this prefix up to there.
      if (!response.created && response.events.length === 0) this.#next[index] = Math.max(from, Number(response.header.revision) + 1);
      return;
    }
    this.#next[index] = revisionOf(last) + 1;
    this.#told = Math.max(this.#told, revisionOf(last));
    this.#options.listener.changed(events, this.#told);
  }

  #tellConnected(isConnected: boolean): void {
    if (this.#isConnected === isConnected || this.#stop.signal.aborted) return;
    this.#isConnected = isConnected;
    this.#options.listener.connected?.(isConnected);
  }
}

const revisionOf = (event: StoreEvent): number => (event.type === 'put' ? event.entry.modRevision : event.modRevision);
