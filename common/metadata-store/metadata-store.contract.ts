// What every metadata store must do; called from the test of each implementation.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Lease, type MetadataStore, type StoreEvent, type RangeAnswer, type WatchListener } from './index.ts';

export interface StoreFixture {
  readonly store: MetadataStore;
  /** Ends a lease behind the back of who keeps it alive. */
  endLease(id: string): Promise<void>;
  /** A second client of the same store; the same one where there is but one. */
  readonly other: MetadataStore;
  close(): Promise<void>;
}

const text = (event: StoreEvent): string => (event.type === 'put' ? `${event.entry.key}=${event.entry.value}` : `-${event.key}`);

/** Records what a watch tells and lets tests await it. */
export class RecordingListener implements WatchListener {
  readonly snapshots: RangeAnswer[] = [];
  readonly events: StoreEvent[] = [];
  readonly revisions: number[] = [];
  isConnected = false;
  readonly #waiting = new Set<() => void>();

  resync(snapshot: RangeAnswer): void {
    this.snapshots.push(snapshot);
    this.#told();
  }
  changed(events: readonly StoreEvent[], revision: number): void {
    this.events.push(...events);
    this.revisions.push(revision);
    this.#told();
  }
  connected(isConnected: boolean): void {
    this.isConnected = isConnected;
    this.#told();
  }
  get texts(): string[] {
    return this.events.map(text);
  }
  /** Values by key as the listener knows them now. */
  get known(): Record<string, string> {
    const last = this.snapshots.at(-1);
    const known = Object.fromEntries((last?.entries ?? []).map(({ key, value }) => [key, value]));
    for (const event of this.events) {
      if (event.type === 'put') {
        if (event.entry.modRevision > (last?.revision ?? 0)) known[event.entry.key] = event.entry.value;
      } else if (event.modRevision > (last?.revision ?? 0)) delete known[event.key];
    }
    return known;
  }
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }
  #told(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Keys of each test lie below a prefix of its own. */
export function metadataStoreContract(name: string, open: () => Promise<StoreFixture>): void {
  describe(`metadata store: ${name}`, () => {
    let fixture: StoreFixture;
    let store: MetadataStore;
    let prefix: string;
    let count = 0;
    const put = (key: string, value: string, leaseId?: string) =>
      store.commit({ changes: [{ type: 'put', key: prefix + key, value, ...(leaseId === undefined ? {} : { leaseId }) }] });
    const remove = (key: string) => store.commit({ changes: [{ type: 'delete', key: prefix + key }] });
    const valueOf = async (key: string) => (await fixture.other.get(prefix + key)).entry?.value;

    beforeAll(async () => {
      fixture = await open();
      store = fixture.store;
    });
    afterAll(() => fixture.close());
    beforeEach(() => {
      prefix = `/contract-${process.pid}/${++count}/`;
    });

    it('tells a missing key as a value, and the revisions of one that is there', async () => {
      expect((await store.get(`${prefix}a`)).entry).toBeUndefined();
      const first = await put('a', 'one');
      const second = await put('a', 'two');
      expect(second.revision).toBeGreaterThan(first.revision);
      const { entry, revision } = await fixture.other.get(`${prefix}a`);
      expect(entry).toEqual({ key: `${prefix}a`, value: 'two', createRevision: first.revision, modRevision: second.revision, version: 2, leaseId: '' });
      expect(revision).toBeGreaterThanOrEqual(second.revision);
      await remove('a');
      await put('a', 'three');
      expect((await store.get(`${prefix}a`)).entry?.version).toBe(1);
    });

    it('ranges over a prefix in byte order and over nothing else', async () => {
      for (const key of ['b', 'a', 'ü', 'a/b', '\u{1f600}', '\uffff']) await put(key, key);
      await store.commit({ changes: [{ type: 'put', key: `${prefix.slice(0, -1)}0`, value: 'beside' }] });
      expect((await store.range(prefix)).entries.map((entry) => entry.value)).toEqual(['a', 'a/b', 'b', 'ü', '\uffff', '\u{1f600}']);
    });

    it('keeps empty values, large ones, and text of every kind', async () => {
      const values = { empty: '', large: 'x'.repeat(500_000), text: 'line\n"quoted" \u0000 é 😀' };
      for (const [key, value] of Object.entries(values)) await put(key, value);
      for (const [key, value] of Object.entries(values)) expect(await valueOf(key)).toBe(value);
    });

    it('applies a transaction whole or not at all', async () => {
      const { revision } = await put('a', '1');
      const both = [
        { type: 'put', key: `${prefix}a`, value: '2' },
        { type: 'put', key: `${prefix}b`, value: '2' },
      ] as const;
      const wrong = [{ absent: true }, { version: 2 }, { version: 0 }, { createRevision: revision + 1 }, { modRevision: revision - 1 }] as const;
      for (const compare of wrong) expect(await store.commit({ compares: [{ key: `${prefix}a`, ...compare }], changes: both })).toMatchObject({ committed: false });
      expect([await valueOf('a'), await valueOf('b')]).toEqual(['1', undefined]);
      const right = [
        { key: `${prefix}a`, version: 1 },
        { key: `${prefix}a`, modRevision: revision },
        { key: `${prefix}a`, createRevision: revision },
        { key: `${prefix}b`, absent: true },
        { key: `${prefix}b`, version: 0 },
      ] as const;
      expect(await store.commit({ compares: right, changes: both })).toMatchObject({ committed: true });
      const [a, b] = [await store.get(`${prefix}a`), await store.get(`${prefix}b`)];
      expect(a.entry?.modRevision).toBe(b.entry?.modRevision);
    });

    it('lets one of many concurrent creators win', async () => {
      const attempts = Array.from({ length: 20 }, (_, i) =>
        (i % 2 === 0 ? store : fixture.other).commit({
          compares: [{ key: `${prefix}one`, absent: true }],
          changes: [{ type: 'put', key: `${prefix}one`, value: String(i) }],
        }),
      );
      const winners = (await Promise.all(attempts)).flatMap((answer, i) => (answer.committed ? [String(i)] : []));
      expect(winners).toHaveLength(1);
      expect(await valueOf('one')).toBe(winners[0]);
    });

    it('refuses broken calls by name', async () => {
      await expect(store.get('')).rejects.toMatchObject({ code: 'InvalidArgument' });
      await expect(store.range('\udc80')).rejects.toMatchObject({ code: 'InvalidArgument' });
      const twice = { type: 'put', key: `${prefix}a`, value: '' } as const;
      await expect(store.commit({ changes: [twice, twice] })).rejects.toMatchObject({ code: 'InvalidArgument' });
      for (const ttl of [0, 1.5, -1]) await expect(store.lease(ttl)).rejects.toMatchObject({ code: 'InvalidArgument' });
      await expect(store.get(`${prefix}a`, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'Cancelled' });
      expect(() => store.watch([], new RecordingListener())).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
    });

    it('keeps the keys of a lease past its TTL, and drops them when it is revoked', async () => {
      const lease = await store.lease(1);
      expect(lease.isValid()).toBe(true);
      await put('leased', 'x', lease.id);
      expect((await store.get(`${prefix}leased`)).entry?.leaseId).toBe(lease.id);
      const listener = new RecordingListener();
      const watch = store.watch([prefix], listener);
      const grantedUntilMs = lease.deadlineMs;
      while (lease.deadlineMs < grantedUntilMs + 1500) await new Promise((resolve) => setTimeout(resolve, 20)); // renewed until well after the first TTL
      expect([lease.isValid(), lease.lost.aborted, await valueOf('leased')]).toEqual([true, false, 'x']);
      await lease.revoke();
      await lease.revoke();
      await listener.until(() => listener.texts.includes(`-${prefix}leased`));
      expect([lease.isValid(), lease.lost.aborted]).toEqual([false, false]);
      watch.close();
    });

    it('refuses a put with a lease that is gone, and the compare of a moved key comes first', async () => {
      const lease = await store.lease(5);
      await lease.revoke();
      await expect(put('a', 'x', lease.id)).rejects.toMatchObject({ code: 'LeaseLost' });
      expect(await valueOf('a')).toBeUndefined();
    });

    it('tells a lease lost when the store no longer has it', async () => {
      const lease: Lease = await store.lease(1);
      const twin = await fixture.other.lease(60);
      await put('a', 'x', lease.id);
      await fixture.endLease(lease.id);
      await untilAborted(lease.lost);
      expect(lease.lost.reason).toMatchObject({ code: 'LeaseLost' });
      expect([lease.isValid(), twin.isValid()]).toEqual([false, true]);
      await twin.revoke();
    });

    it('watches prefixes from a snapshot on, each in order and with none left out', async () => {
      await put('a/1', 'before');
      const listener = new RecordingListener();
      const watch = fixture.other.watch([`${prefix}a/`, `${prefix}b/`], listener);
      await listener.until(() => listener.snapshots.length === 1);
      expect(listener.snapshots[0]!.entries.map((entry) => entry.value)).toEqual(['before']);
      await put('a/1', 'after');
      await put('c/1', 'elsewhere');
      await put('b/1', 'other');
      await remove('a/1');
      for (let i = 0; i < 50; i++) await put('b/2', String(i));
      await listener.until(() => listener.events.length >= 53);
      const below = (folder: string) => listener.texts.filter((line) => line.includes(`${prefix}${folder}/`));
      expect(below('a')).toEqual([`${prefix}a/1=after`, `-${prefix}a/1`]);
      expect(below('b')).toEqual([`${prefix}b/1=other`, ...Array.from({ length: 50 }, (_, i) => `${prefix}b/2=${i}`)]);
      expect(listener.revisions).toEqual(listener.revisions.toSorted((a, b) => a - b));
      expect([listener.isConnected, listener.snapshots.length]).toEqual([true, 1]);
      watch.close();
      await put('a/9', 'unheard');
      expect(listener.events).toHaveLength(53);
    });

    it('watches from a revision without a snapshot', async () => {
      const { revision } = await put('a', '1');
      await put('a', '2');
      const listener = new RecordingListener();
      const watch = store.watch([prefix], listener, { fromRevision: revision });
      await listener.until(() => listener.events.length === 2);
      expect([listener.texts, listener.snapshots]).toEqual([[`${prefix}a=1`, `${prefix}a=2`], []]);
      watch.close();
    });

    it('answers a watch from a revision that is not of its past with a snapshot', async () => {
      await put('a', '1');
      const listener = new RecordingListener();
      const watch = store.watch([prefix], listener, { fromRevision: 1_000_000_000 });
      await listener.until(() => listener.snapshots.length === 1);
      expect(listener.known).toEqual({ [`${prefix}a`]: '1' });
      watch.close();
    });

    it('fails calls after close, quietly closes twice', async () => {
      const own = await open();
      await own.close();
      await own.store.close();
      await expect(own.store.get('/a')).rejects.toMatchObject({ code: 'MetadataStoreUnavailable' });
      await expect(own.store.commit({ changes: [{ type: 'put', key: '/a', value: '' }] })).rejects.toMatchObject({ code: 'MetadataStoreUnavailable' });
    });
  });
}
