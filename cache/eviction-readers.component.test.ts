// Readers in threads of their own against fills and evictions, with the directory at its limit.
import { join } from 'node:path';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CachedFile, PageStore } from './contracts.ts';
import { contentOf, HAND_OUTS, HITS, knownFile, MISSES, STOP, TALLY_WORDS, TURN, WRONG } from './testing/known-content.ts';
import { PAGE_BYTES, realBytes, StoreFixture } from './testing/store-fixture.ts';

const READERS = 16;
const HITS_MIN = 5000;
const FILES = 24;
const FILE_BYTES = 4 * PAGE_BYTES - 4000;
const CAPACITY_BYTES = 3 * 1024 * 1024; // half of the files

let fixture: StoreFixture;
beforeEach(() => {
  fixture = new StoreFixture();
});
afterEach(() => fixture.end());

/** In pieces, with turns between them: readers meet pages that are being filled. Some fills are given up half-way. */
async function fillInPieces(store: PageStore, file: CachedFile, page: number, mayGiveUp: boolean): Promise<void> {
  const reservation = store.reserve(store.admitFile(file), page);
  if (typeof reservation === 'string') return;
  const bytes = contentOf(file.fileId, page * PAGE_BYTES, reservation.lengthBytes);
  for (let at = 0; at < bytes.length; at += 16_384) {
    if (mayGiveUp && at > 0) return reservation.abort();
    reservation.write(at, bytes.subarray(at, at + 16_384));
    if (at === 0) await nextTurn();
  }
  reservation.commit(bytes);
}

interface Outcome {
  readonly tally: Int32Array;
  readonly wrong: unknown[];
  readonly usedBytesMax: number;
}

async function fillUnderReaders(store: PageStore, path: string, options: { readonly takesWholeFiles: boolean; readonly fills: number }): Promise<Outcome> {
  const shared = new SharedArrayBuffer(TALLY_WORDS * 4);
  const tally = new Int32Array(shared);
  const wrong: unknown[] = [];
  const threads = Array.from({ length: READERS }, (_, ring) => {
    const task = { files: FILES, fileBytes: FILE_BYTES, takesWholeFiles: options.takesWholeFiles, tally: shared, table: store.shared, ring };
    const thread = new Worker(new URL('./testing/reader-thread.ts', import.meta.url), { workerData: task });
    thread.on('message', (found) => wrong.push(found));
    thread.on('error', (error) => wrong.push(error));
    return thread;
  });
  await Promise.all(threads.map((thread) => once(thread, 'online')));
  let usedBytesMax = 0;
  for (let i = 0; i < options.fills || (tally[HITS]! < HITS_MIN && i < 20 * options.fills); i++) {
    Atomics.add(tally, TURN, 1);
    Atomics.notify(tally, TURN);
    const file = knownFile(`f${(i * 7) % FILES}`, FILE_BYTES);
    await fillInPieces(store, file, (i * 5 + Math.floor(i / FILES)) % 4, i % 5 === 4);
    if (i % 200 === 199) await store.free({ fileId: file.fileId });
    if (i % 100 === 0) usedBytesMax = Math.max(usedBytesMax, realBytes(path), store.usage().usedBytes);
  }
  Atomics.store(tally, STOP, 1);
  Atomics.add(tally, TURN, 1);
  Atomics.notify(tally, TURN);
  await Promise.all(threads.map((thread) => once(thread, 'exit')));
  return { tally, wrong, usedBytesMax };
}

describe('16 reader threads against eviction with the directory at its limit', () => {
  it.each([
    ['native', {}],
    ['portable', { portable: true }],
  ])(
    '%s: never see a zero or foreign byte, and the directory stays within its capacity',
    async (_, form) => {
      const path = join(fixture.root, 'pages');
      const store = await fixture.open({ ...form, hitRings: READERS, directories: [{ path, capacityBytes: CAPACITY_BYTES }] });
      const { tally, wrong, usedBytesMax } = await fillUnderReaders(store, path, { takesWholeFiles: false, fills: 800 });
      expect([tally[WRONG], wrong]).toEqual([0, []]);
      expect(tally[MISSES]).toBeGreaterThan(0);
      expect(fixture.count('evicted')).toBeGreaterThan(100);
      expect(usedBytesMax).toBeLessThanOrEqual(CAPACITY_BYTES);
      expect(store.usage().reservedBytes).toBe(0);
    },
    60_000,
  );

  it('who also take whole files never see a zero or foreign byte in what was handed out', async () => {
    const path = join(fixture.root, 'pages');
    const store = await fixture.open({ hitRings: READERS, directories: [{ path, capacityBytes: CAPACITY_BYTES }] });
    const { tally, wrong, usedBytesMax } = await fillUnderReaders(store, path, { takesWholeFiles: true, fills: 800 });
    expect([tally[WRONG], wrong]).toEqual([0, []]);
    expect(tally[HAND_OUTS]).toBeGreaterThan(0);
    expect(usedBytesMax).toBeLessThanOrEqual(CAPACITY_BYTES);
  }, 60_000);
});
