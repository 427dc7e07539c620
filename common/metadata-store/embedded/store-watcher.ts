// One watch of the embedded store: collects what happened below its prefixes and hands it over outside of the commit that caused it.
import type { RangeAnswer, StoreEvent, Watch, WatchListener } from '../metadata-store.ts';
import { keyOf, revisionOf } from './store-state.ts';

export class StoreWatcher implements Watch {
  readonly prefixes: readonly string[];
  readonly #listener: WatchListener;
  readonly #closed: (watcher: StoreWatcher) => void;
  #snapshot: RangeAnswer | undefined;
  #events: StoreEvent[] = [];
  #isScheduled = false;
  #isOpen = true;
  #isAnnounced = false;

  constructor(prefixes: readonly string[], listener: WatchListener, closed: (watcher: StoreWatcher) => void) {
    this.prefixes = prefixes;
    this.#listener = listener;
    this.#closed = closed;
  }

  begin(snapshot: RangeAnswer | undefined, events: readonly StoreEvent[]): void {
    this.#snapshot = snapshot;
    this.offer(events);
    this.#schedule();
  }

  offer(events: readonly StoreEvent[]): void {
    const mine = events.filter((event) => this.prefixes.some((prefix) => keyOf(event).startsWith(prefix)));
    if (mine.length === 0) return;
    this.#events.push(...mine);
    this.#schedule();
  }

  close(): void {
    this.#isOpen = false;
    this.#events = [];
    this.#closed(this);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#isScheduled = false;
    if (!this.#isOpen) return;
    if (!this.#isAnnounced) {
      this.#isAnnounced = true;
      this.#listener.connected?.(true);
    }
    const [snapshot, events] = [this.#snapshot, this.#events];
    this.#snapshot = undefined;
    this.#events = [];
    if (snapshot !== undefined && this.#isOpen) this.#listener.resync(snapshot);
    const last = events.at(-1);
    if (last !== undefined && this.#isOpen) this.#listener.changed(events, revisionOf(last));
  }
}
