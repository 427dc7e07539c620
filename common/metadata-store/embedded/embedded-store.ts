// Metadata store in this process, kept in a file: for local mode, where the coordinator has it and serves it to workers, and for tests.
// Every change is on disk before it is answered. Leases outlive a restart: their time begins anew when the store is opened.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { systemClock, throwIfAborted, type Clock, type Timer } from '../../async/index.ts';
import { CacheError } from '../../errors/index.ts';
import { type DirectoryLock, fileCalls } from '../../syscall/index.ts';
import { KeptLease } from '../kept-lease.ts';
import type { CallOptions, Change, CommitAnswer, GetAnswer, Lease, MetadataStore, RangeAnswer, Transaction, Watch, WatchListener, WatchOptions } from '../metadata-store.ts';
import { leaseLost, storeClosed } from '../store-faults.ts';
import { checkKey, checkPrefixes, checkTransaction, checkTtl } from '../store-limits.ts';
import { StoreLog } from './store-log.ts';
import type { StateLease, StoreState } from './store-state.ts';
import { StoreWatcher } from './store-watcher.ts';

export interface EmbeddedStoreOptions {
  readonly directory: string;
  readonly clock?: Clock;
}

/** @throws AlreadyExists when another process has the directory; InvalidConfiguration when it cannot be read or written */
export function openEmbeddedStore({ directory, clock = systemClock }: EmbeddedStoreOptions): EmbeddedStore {
  const lock = lockDirectory(directory);
  try {
    return new EmbeddedStore(StoreLog.open(directory), lock, clock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function lockDirectory(directory: string): DirectoryLock {
  let lock: DirectoryLock | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    lock = fileCalls.lockDirectory(directory);
  } catch (error) {
    throw new CacheError('InvalidConfiguration', `The directory of the metadata store ${directory} cannot be used (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`, {
      source: 'caller',
      context: { field: 'alluxio.metadata.store.path', value: directory, remedy: 'Check alluxio.metadata.store.path and its permissions.' },
      cause: error,
    });
  }
  if (lock !== undefined) return lock;
  throw new CacheError('AlreadyExists', `Another process uses the metadata store ${directory}.`, {
    source: 'caller',
    context: { field: 'alluxio.metadata.store.path', value: directory, remedy: 'Stop it, or give this coordinator its own alluxio.metadata.store.path.' },
  });
}

export class EmbeddedStore implements MetadataStore {
  readonly #log: StoreLog;
  readonly #lock: DirectoryLock;
  readonly #clock: Clock;
  readonly #watchers = new Set<StoreWatcher>();
  readonly #expiries = new Map<string, { atMs: number; timer: Timer }>();
  readonly #kept = new Set<KeptLease>();
  #isOpen = true;

  constructor(log: StoreLog, lock: DirectoryLock, clock: Clock) {
    this.#log = log;
    this.#lock = lock;
    this.#clock = clock;
    for (const lease of this.#state.leases.values()) this.#arm(lease);
  }

  get #state(): StoreState {
    return this.#log.state;
  }

  // Async throughout: a refusal is a rejection, as with the other implementations.
  async get(key: string, options: CallOptions = {}): Promise<GetAnswer> {
    this.#enter(options);
    checkKey(key);
    return { revision: this.#state.revision, entry: this.#state.get(key) };
  }

  async range(prefix: string, options: CallOptions = {}): Promise<RangeAnswer> {
    this.#enter(options);
    checkKey(prefix);
    return this.#state.range([prefix]);
  }

  async commit(transaction: Transaction, options: CallOptions = {}): Promise<CommitAnswer> {
    this.#enter(options);
    checkTransaction(transaction);
    if (!(transaction.compares ?? []).every((compare) => this.#state.holds(compare))) return { committed: false, revision: this.#state.revision };
    for (const change of transaction.changes) {
      if (change.type === 'put' && change.leaseId !== undefined && !this.#state.leases.has(change.leaseId)) {
        throw leaseLost(change.leaseId, 'the metadata store does not have it');
      }
    }
    this.#change(transaction.changes);
    return { committed: true, revision: this.#state.revision };
  }

  async lease(ttlSeconds: number, options: CallOptions = {}): Promise<Lease> {
    this.#enter(options);
    const sentAtMs = this.#clock.nowMs();
    const id = this.grantLease(ttlSeconds);
    const driver = {
      keepAlive: async () => this.keepAlive(id),
      revoke: async () => this.revokeLease(id),
    };
    const lease = new KeptLease({ id, ttlSeconds, sentAtMs, driver, clock: this.#clock, ended: (ended) => void this.#kept.delete(ended) });
    this.#kept.add(lease);
    return lease;
  }

  watch(prefixes: readonly string[], listener: WatchListener, options: WatchOptions = {}): Watch {
    checkPrefixes(prefixes);
    const watcher = new StoreWatcher(prefixes, listener, (closed) => void this.#watchers.delete(closed));
    if (!this.#isOpen) return watcher;
    const events = options.fromRevision === undefined ? undefined : this.#state.eventsFrom(options.fromRevision);
    watcher.begin(events === undefined ? this.#state.range(prefixes) : undefined, events ?? []);
    this.#watchers.add(watcher);
    return watcher;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const lease of this.#kept) lease.abandon();
    for (const { timer } of this.#expiries.values()) timer.cancel();
    for (const watcher of this.#watchers) watcher.close();
    this.#log.close();
    this.#lock.release();
  }

  /** For the served form: a lease that somebody else keeps alive. @returns its id */
  grantLease(ttlSeconds: number): string {
    this.#enter({});
    checkTtl(ttlSeconds);
    const id = randomBytes(8).toString('hex');
    this.#log.append({ grant: id, ttlSeconds });
    this.#state.grant(id, ttlSeconds);
    this.#arm(this.#state.leases.get(id)!);
    return id;
  }

  /** @returns seconds to live; 0 when there is no such lease */
  keepAlive(id: string): number {
    this.#enter({});
    const lease = this.#state.leases.get(id);
    if (lease === undefined) return 0;
    this.#arm(lease);
    return lease.ttlSeconds;
  }

  /** Deletes the lease and its keys. */
  revokeLease(id: string): void {
    this.#enter({});
    const lease = this.#state.leases.get(id);
    if (lease === undefined) return;
    this.#change(
      [...lease.keys].map((key) => ({ type: 'delete', key })),
      id,
    );
    this.#disarm(id);
  }

  #enter({ signal }: CallOptions): void {
    throwIfAborted(signal);
    if (!this.#isOpen) throw storeClosed();
  }

  #change(changes: readonly Change[], ends?: string): void {
    const hasEffect = this.#state.hasEffect(changes);
    if (!hasEffect && ends === undefined) return;
    this.#log.append({ changes, ...(ends === undefined ? {} : { ends }) });
    const events = hasEffect ? this.#state.apply(changes) : [];
    if (ends !== undefined) this.#state.leases.delete(ends);
    this.#log.rewriteWhenGrown();
    for (const watcher of this.#watchers) watcher.offer(events);
  }

  #arm(lease: StateLease): void {
    this.#disarm(lease.id);
    const afterMs = lease.ttlSeconds * 1000;
    this.#expiries.set(lease.id, { atMs: this.#clock.nowMs() + afterMs, timer: this.#clock.schedule(afterMs, () => this.#expire(lease), true) });
  }

  #disarm(id: string): void {
    this.#expiries.get(id)?.timer.cancel();
    this.#expiries.delete(id);
  }

  #expire(lease: StateLease): void {
    if (!this.#isOpen) return;
    try {
      this.revokeLease(lease.id);
    } catch {
      this.#arm(lease); // the disk refused: the keys stay until it takes them
    }
  }
}
