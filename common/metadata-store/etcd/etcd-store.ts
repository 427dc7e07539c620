// Metadata store on an etcd cluster.
import type { IDuplexStream, ILeaseKeepAliveRequest, ILeaseKeepAliveResponse } from 'etcd3';
import { abortReason, linkSignals, onAbort, throwIfAborted } from '../../async/index.ts';
import { asCacheError } from '../../errors/index.ts';
import { KeptLease } from '../kept-lease.ts';
import type { CallOptions, CommitAnswer, GetAnswer, Lease, MetadataStore, RangeAnswer, StoreObserver, Transaction, Watch, WatchListener, WatchOptions } from '../metadata-store.ts';
import { storeUnavailable } from '../store-faults.ts';
import { checkKey, checkPrefixes, checkTransaction, checkTtl } from '../store-limits.ts';
import { compareOf, entryOf, rangeOf, requestOf } from './etcd-codec.ts';
import { EtcdConnection, type EtcdConnectionOptions } from './etcd-connection.ts';
import { EtcdWatch, type EtcdWatchSource } from './etcd-watch.ts';

export interface EtcdStoreOptions extends EtcdConnectionOptions {
  readonly observer?: StoreObserver;
}

type KeepAliveStream = IDuplexStream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>;

/** Sends nothing yet. */
export class EtcdStore implements MetadataStore {
  readonly #connection: EtcdConnection;
  readonly #callTimeoutMs: number;
  readonly #observer: StoreObserver;
  readonly #watches = new Set<EtcdWatch>();
  readonly #leases = new Set<KeptLease>();

  constructor(options: EtcdStoreOptions) {
    this.#connection = new EtcdConnection(options);
    this.#callTimeoutMs = options.callTimeoutMs;
    this.#observer = options.observer ?? {};
  }

  get(key: string, options: CallOptions = {}): Promise<GetAnswer> {
    return this.#observed('get', async () => {
      throwIfAborted(options.signal);
      checkKey(key);
      const answer = await this.#connection.read({ run: (client) => client.kv.range({ key: Buffer.from(key) }), options });
      return { revision: Number(answer.header.revision), entry: answer.kvs[0] === undefined ? undefined : entryOf(answer.kvs[0]) };
    });
  }

  range(prefix: string, options: CallOptions = {}): Promise<RangeAnswer> {
    return this.#observed('range', async () => {
      throwIfAborted(options.signal);
      checkKey(prefix);
      const answer = await this.#connection.read({ run: (client) => client.kv.range(rangeOf(prefix)), options });
      return { revision: Number(answer.header.revision), entries: answer.kvs.map(entryOf) };
    });
  }

  commit(transaction: Transaction, options: CallOptions = {}): Promise<CommitAnswer> {
    return this.#observed('commit', async () => {
      throwIfAborted(options.signal);
      checkTransaction(transaction);
      const request = { compare: (transaction.compares ?? []).map(compareOf), success: transaction.changes.map(requestOf), failure: [] };
      const answer = await this.#connection.write({ run: (client) => client.kv.txn(request), options });
      return { committed: answer.succeeded, revision: Number(answer.header.revision) };
    });
  }

  lease(ttlSeconds: number, options: CallOptions = {}): Promise<Lease> {
    return this.#observed('lease', async () => {
      throwIfAborted(options.signal);
      checkTtl(ttlSeconds);
      let sentAtMs = 0;
      const granted = await this.#connection.write({
        run: (client) => {
          sentAtMs = performance.now();
          return client.leaseClient.leaseGrant({ TTL: ttlSeconds });
        },
        options,
      });
      return this.#keep(granted.ID, ttlSeconds, sentAtMs);
    });
  }

  watch(prefixes: readonly string[], listener: WatchListener, options: WatchOptions = {}): Watch {
    checkPrefixes(prefixes);
    const watch = new EtcdWatch({
      prefixes,
      listener,
      source: this.#watchSource(),
      createTimeoutMs: this.#callTimeoutMs,
      ...(options.fromRevision === undefined ? {} : { fromRevision: options.fromRevision }),
      restarted: () => this.#observer.watchRestarted?.(),
    });
    this.#watches.add(watch);
    return {
      close: () => {
        this.#watches.delete(watch);
        watch.close();
      },
    };
  }

  async close(): Promise<void> {
    if (!this.#connection.isOpen) return;
    for (const watch of this.#watches) watch.close();
    for (const lease of this.#leases) lease.abandon();
    this.#connection.close();
  }

  #keep(id: string, ttlSeconds: number, sentAtMs: number): KeptLease {
    const lease = new KeptLease({
      id,
      ttlSeconds,
      sentAtMs,
      driver: {
        keepAlive: (leaseId, signal) => this.#keepAlive(leaseId, signal),
        revoke: async (leaseId) => void (await this.#connection.write({ run: (client) => client.leaseClient.leaseRevoke({ ID: leaseId }), options: {} })),
      },
      ended: (ended) => void this.#leases.delete(ended),
    });
    this.#leases.add(lease);
    return lease;
  }

  /** A stream of one question: its failure says nothing about the next, which may go to another member. */
  #keepAlive(leaseId: string, caller: AbortSignal): Promise<number> {
    const run = async (): Promise<number> => {
      const linked = linkSignals([caller], { timeoutMs: this.#callTimeoutMs });
      let stream: KeepAliveStream | undefined;
      try {
        stream = await this.#connection.streamClient().leaseClient.leaseKeepAlive();
        return await askKeepAlive(stream, leaseId, linked.signal);
      } finally {
        linked.dispose();
        stream?.cancel();
      }
    };
    return this.#connection.read({ run, options: { signal: caller } });
  }

  #watchSource(): EtcdWatchSource {
    return {
      open: () => this.#connection.streamClient().watchClient.watch(),
      position: async (signal) => {
        const { header } = await this.#connection.read({ run: (client) => client.kv.range({ key: Buffer.from('/'), limit: 1, keys_only: true }), options: { signal } });
        return { revision: Number(header.revision), clusterId: header.cluster_id };
      },
      snapshot: async (prefixes, signal) => {
        const request = { compare: [], success: prefixes.map((prefix) => ({ request_range: rangeOf(prefix) })), failure: [] };
        const answer = await this.#connection.read({ run: (client) => client.kv.txn(request), options: { signal, timeoutMs: this.#callTimeoutMs * 5 } });
        const entries = answer.responses.flatMap((response) => response.response_range.kvs.map(entryOf));
        return { revision: Number(answer.header.revision), clusterId: answer.header.cluster_id, entries };
      },
    };
  }

  async #observed<T>(operation: 'get' | 'range' | 'commit' | 'lease', call: () => Promise<T>): Promise<T> {
    const startedAtMs = performance.now();
    try {
      const answer = await call();
      this.#observer.callEnded?.(operation, undefined, performance.now() - startedAtMs);
      return answer;
    } catch (error) {
      const failure = asCacheError(error);
      this.#observer.callEnded?.(operation, failure, performance.now() - startedAtMs);
      throw failure;
    }
  }
}

function askKeepAlive(stream: KeepAliveStream, leaseId: string, signal: AbortSignal): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    const stop = onAbort(signal, () => reject(abortReason(signal)));
    const settle = (act: () => void): void => {
      stop();
      act();
    };
    stream.on('data', (answer) => settle(() => resolve(Number(answer.TTL))));
    stream.on('error', (error) => settle(() => reject(storeUnavailable('a keepalive was not answered', error))));
    stream.on('end', () => settle(() => reject(storeUnavailable('a keepalive was not answered'))));
    stream.write({ ID: leaseId });
  });
}
