// The embedded store's memory: entries with their revisions, leases with their keys, the latest changes. Pure: no file, no clock.
import type { Compare, Change, RangeAnswer, StoreEntry, StoreEvent } from '../metadata-store.ts';

/** Changes kept for watches that were cut off; who is further behind gets a snapshot. */
const HISTORY_EVENTS_MAX = 10_000;

/** The whole of it as the log file keeps it. */
export interface StateSnapshot {
  readonly revision: number;
  readonly entries: readonly StoreEntry[];
  readonly leases: readonly (readonly [id: string, ttlSeconds: number])[];
}

export interface StateLease {
  readonly id: string;
  readonly ttlSeconds: number;
  readonly keys: Set<string>;
}

export class StoreState {
  #revision = 0;
  readonly #entries = new Map<string, StoreEntry>();
  readonly leases = new Map<string, StateLease>();
  readonly #history: StoreEvent[] = [];
  /** Changes up to this revision are no longer known one by one. */
  #forgottenRevision = 0;

  static of(snapshot: StateSnapshot): StoreState {
    const state = new StoreState();
    state.#revision = snapshot.revision;
    state.#forgottenRevision = snapshot.revision;
    for (const [id, ttlSeconds] of snapshot.leases) state.grant(id, ttlSeconds);
    for (const entry of snapshot.entries) {
      state.#entries.set(entry.key, entry);
      state.leases.get(entry.leaseId)?.keys.add(entry.key);
    }
    return state;
  }

  get revision(): number {
    return this.#revision;
  }
  snapshot(): StateSnapshot {
    return { revision: this.#revision, entries: [...this.#entries.values()], leases: [...this.leases.values()].map(({ id, ttlSeconds }) => [id, ttlSeconds] as const) };
  }
  get(key: string): StoreEntry | undefined {
    return this.#entries.get(key);
  }

  range(prefixes: readonly string[]): RangeAnswer {
    const entries = [...this.#entries.values()].filter(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)));
    return { revision: this.#revision, entries: entries.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))) };
  }

  holds(compare: Compare): boolean {
    const entry = this.#entries.get(compare.key);
    if ('absent' in compare) return entry === undefined;
    if ('version' in compare) return (entry?.version ?? 0) === compare.version;
    if ('createRevision' in compare) return (entry?.createRevision ?? 0) === compare.createRevision;
    return (entry?.modRevision ?? 0) === compare.modRevision;
  }

  /** Whether applying them changes anything: deleting what is not there does not. */
  hasEffect(changes: readonly Change[]): boolean {
    return changes.some((change) => change.type === 'put' || this.#entries.has(change.key));
  }

  /** Leases named by puts must live. @returns what watchers see; all at the new revision */
  apply(changes: readonly Change[]): StoreEvent[] {
    const revision = ++this.#revision;
    const events: StoreEvent[] = [];
    for (const change of changes) {
      const before = this.#entries.get(change.key);
      if (before !== undefined) this.leases.get(before.leaseId)?.keys.delete(change.key);
      if (change.type === 'put') events.push({ type: 'put', entry: this.#put(change, before, revision) });
      else if (before !== undefined) {
        this.#entries.delete(change.key);
        events.push({ type: 'delete', key: change.key, modRevision: revision });
      }
    }
    this.#remember(events);
    return events;
  }

  grant(id: string, ttlSeconds: number): void {
    this.leases.set(id, { id, ttlSeconds, keys: new Set() });
  }

  /** Changes from `fromRevision` on; undefined when they are not all known, or not of this store's past. */
  eventsFrom(fromRevision: number): StoreEvent[] | undefined {
    if (fromRevision <= this.#forgottenRevision || fromRevision > this.#revision + 1) return undefined;
    return this.#history.filter((event) => revisionOf(event) >= fromRevision);
  }

  #put(change: Extract<Change, { type: 'put' }>, before: StoreEntry | undefined, revision: number): StoreEntry {
    const leaseId = change.leaseId ?? '';
    const entry: StoreEntry = {
      key: change.key,
      value: change.value,
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0) + 1,
      leaseId,
    };
    this.#entries.set(change.key, entry);
    this.leases.get(leaseId)?.keys.add(change.key);
    return entry;
  }

  #remember(events: readonly StoreEvent[]): void {
    this.#history.push(...events);
    const surplus = this.#history.length - HISTORY_EVENTS_MAX;
    if (surplus <= 0) return;
    this.#forgottenRevision = revisionOf(this.#history[surplus - 1]!);
    this.#history.splice(0, surplus);
  }
}

export const revisionOf = (event: StoreEvent): number => (event.type === 'put' ? event.entry.modRevision : event.modRevision);
export const keyOf = (event: StoreEvent): string => (event.type === 'put' ? event.entry.key : event.key);
