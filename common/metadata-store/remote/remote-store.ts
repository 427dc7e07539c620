// The metadata store of a coordinator, from a worker of local mode: every call is a signed RPC; leases and watches outlive the coordinator's restart.
import { backoffDelayMs, sleep, throwIfAborted } from '../../async/index.ts';
import { asCacheError, type CacheError, isCacheError } from '../../errors/index.ts';
import { RpcClient } from '../../rpc/index.ts';
import type { MetadataStoreDefinition } from '../../../proto/services.ts';
import type { WatchResponse__Output } from '../../../proto/gen/alluxio/metadatastore/WatchResponse.ts';
import { KeptLease } from '../kept-lease.ts';
import type { CallOptions, CommitAnswer, GetAnswer, Lease, MetadataStore, RangeAnswer, StoreObserver, Transaction, Watch, WatchListener, WatchOptions } from '../metadata-store.ts';
import { storeClosed, storeUnavailable } from '../store-faults.ts';
import { checkKey, checkPrefixes, checkTransaction, checkTtl } from '../store-limits.ts';
import { changeMessage, compareMessage, eventOf } from './store-messages.ts';
import { storeDefinition, storeSignature } from './store-service.ts';

export interface RemoteStoreOptions {
  /** host:port of the coordinator's gRPC door. */
  readonly address: string;
  readonly dataPlaneKey: Uint8Array;
  readonly callTimeoutMs: number;
  readonly observer?: StoreObserver;
}

type Client = RpcClient<MetadataStoreDefinition>;
type Operation = Parameters<NonNullable<StoreObserver['callEnded']>>[0];

const READ_RETRY = { baseMs: 20, maxMs: 200 } as const;

/** Sends nothing yet. */
export class RemoteStore implements MetadataStore {
  readonly #client: Client;
  readonly #options: RemoteStoreOptions;
  readonly #closing = new AbortController();
  readonly #leases = new Set<KeptLease>();

  constructor(options: RemoteStoreOptions) {
    this.#options = options;
    this.#client = new RpcClient(storeDefinition(), { address: options.address, unavailable: 'MetadataStoreUnavailable', signature: storeSignature(options.dataPlaneKey) });
  }

  get(key: string, options: CallOptions = {}): Promise<GetAnswer> {
    return this.#observed('get', async () => {
      checkKey(key);
      const { revision, entry } = await this.#read(options, (timeoutMs) => this.#client.call('Get', { key }, { timeoutMs, signal: options.signal }));
      return { revision, entry: entry ?? undefined };
    });
  }

  range(prefix: string, options: CallOptions = {}): Promise<RangeAnswer> {
    return this.#observed('range', async () => {
      checkKey(prefix);
      return await this.#read(options, (timeoutMs) => this.#client.call('Range', { prefix }, { timeoutMs, signal: options.signal }));
    });
  }

  commit(transaction: Transaction, options: CallOptions = {}): Promise<CommitAnswer> {
    return this.#observed('commit', async () => {
      checkTransaction(transaction);
      const request = { compares: (transaction.compares ?? []).map(compareMessage), changes: transaction.changes.map(changeMessage) };
      return await this.#send(options, 'unknown', (timeoutMs) => this.#client.call('Commit', request, { timeoutMs, signal: options.signal }));
    });
  }

  lease(ttlSeconds: number, options: CallOptions = {}): Promise<Lease> {
    return this.#observed('lease', async () => {
      checkTtl(ttlSeconds);
      const sentAtMs = performance.now();
      const { leaseId } = await this.#send(options, 'unknown', (timeoutMs) => this.#client.call('GrantLease', { ttlSeconds }, { timeoutMs, signal: options.signal }));
      return this.#keep(leaseId, ttlSeconds, sentAtMs);
    });
  }

  watch(prefixes: readonly string[], listener: WatchListener, options: WatchOptions = {}): Watch {
    checkPrefixes(prefixes);
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#closing.signal]);
    void this.#follow(new WatchPosition(listener, options.fromRevision ?? 0, signal), prefixes);
    return { close: () => stop.abort() };
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    for (const lease of this.#leases) lease.abandon();
    this.#client.close();
  }

  #keep(id: string, ttlSeconds: number, sentAtMs: number): KeptLease {
    const timeoutMs = this.#options.callTimeoutMs;
    const lease = new KeptLease({
      id,
      ttlSeconds,
      sentAtMs,
      driver: {
        keepAlive: async (leaseId, signal) => (await this.#client.call('KeepAlive', { leaseId }, { timeoutMs, signal })).ttlSeconds,
        revoke: async (leaseId) => void (await this.#client.call('RevokeLease', { leaseId }, { timeoutMs })),
      },
      ended: (ended) => void this.#leases.delete(ended),
    });
    this.#leases.add(lease);
    return lease;
  }

  async #follow(position: WatchPosition, prefixes: readonly string[]): Promise<void> {
    const { signal } = position;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#client.stream(
          'Watch',
          { prefixes: [...prefixes], fromRevision: position.fromRevision },
          (message) => {
            failures = 0;
            position.take(message);
          },
          signal,
        );
      } catch {
        // told below; the next attempt shows whether it lasts
      }
      position.tellConnected(false);
      if (signal.aborted) return;
      this.#options.observer?.watchRestarted?.();
      await sleep(backoffDelayMs(++failures, { baseMs: 50, maxMs: 1000 }), signal).catch(() => undefined);
    }
  }

  /** A call that changes nothing is sent again until its deadline. */
  #read<T>(options: CallOptions, call: (timeoutMs: number) => Promise<T>): Promise<T> {
    const untilMs = performance.now() + (options.timeoutMs ?? this.#options.callTimeoutMs);
    return this.#send(options, undefined, async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await call(Math.max(1, untilMs - performance.now()));
        } catch (error) {
          const pauseMs = backoffDelayMs(attempt, READ_RETRY);
          if (!isCacheError(error, 'MetadataStoreUnavailable') || performance.now() + pauseMs >= untilMs) throw error;
          await sleep(pauseMs, options.signal);
        }
      }
    });
  }

  async #send<T>(options: CallOptions, outcome: 'unknown' | undefined, call: (timeoutMs: number) => Promise<T>): Promise<T> {
    throwIfAborted(options.signal);
    if (this.#closing.signal.aborted) throw storeClosed();
    try {
      return await call(options.timeoutMs ?? this.#options.callTimeoutMs);
    } catch (error) {
      throw this.#closing.signal.aborted ? storeClosed() : remoteFault(error, outcome);
    }
  }

  async #observed<T>(operation: Operation, call: () => Promise<T>): Promise<T> {
    const startedAtMs = performance.now();
    try {
      const answer = await call();
      this.#options.observer?.callEnded?.(operation, undefined, performance.now() - startedAtMs);
      return answer;
    } catch (error) {
      const failure = asCacheError(error);
      this.#options.observer?.callEnded?.(operation, failure, performance.now() - startedAtMs);
      throw failure;
    }
  }
}

function remoteFault(error: unknown, outcome: 'unknown' | undefined): CacheError {
  const failure = asCacheError(error);
  if (failure.code === 'DeadlineExceeded') return storeUnavailable('the coordinator did not answer in time', failure, outcome);
  if (failure.code === 'MetadataStoreUnavailable') return storeUnavailable('the coordinator does not answer', failure, outcome);
  return failure;
}

/** What a watch has told so far: where it goes on after a cut. */
class WatchPosition {
  readonly #listener: WatchListener;
  readonly signal: AbortSignal;
  /** 0: from a snapshot. */
  fromRevision: number;
  #isConnected = false;

  constructor(listener: WatchListener, fromRevision: number, signal: AbortSignal) {
    this.#listener = listener;
    this.fromRevision = fromRevision;
    this.signal = signal;
  }

  take({ what, snapshot, changes }: WatchResponse__Output): void {
    if (this.signal.aborted) return;
    this.tellConnected(true);
    if (what === 'snapshot' && snapshot) {
      this.fromRevision = snapshot.revision + 1;
      this.#listener.resync(snapshot);
    } else if (what === 'changes' && changes) {
      this.fromRevision = changes.revision + 1;
      this.#listener.changed(changes.events.flatMap(eventOf), changes.revision);
    }
  }

  tellConnected(isConnected: boolean): void {
    if (this.#isConnected === isConnected || this.signal.aborted) return;
    this.#isConnected = isConnected;
    this.#listener.connected?.(isConnected);
  }
}
