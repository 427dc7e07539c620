// What only the native form does: threads that may block read from it, descriptors are handed over, files that fail, eviction against its readers.
import { closeSync, globSync, readSync, statSync, truncateSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { CachedFile, PageStore } from '../../cache/contracts.ts';
import { contentOf, knownFile } from '../../cache/testing/known-content.ts';
import { fillPage, StoreFixture } from '../../cache/testing/store-fixture.ts';
import type { DataConnection, DataReply, DataRequest } from '../../proto/frames/contracts.ts';
import { connectData, connectDataBlocking } from '../../proto/frames/index.ts';
import { ChunkFlag } from '../../proto/frames/layout.ts';
import type { DataPlane } from './contracts.ts';
import { openDataPlane } from './index.ts';
import { hasNativeCalls } from './native-server.ts';
import { absentId, ask, cachedId, content, keys, PAGE_BYTES, PlaneFixture, settledStats } from './testing/plane-fixture.ts';

const describeNative = hasNativeCalls() ? describe : describe.skip; // no koffi here: only the portable form exists

describeNative('native data plane', () => {
  const fixture = new PlaneFixture(false);
  const unreadable: number[] = [];
  const blocking = (unix: boolean) =>
    connectDataBlocking({
      endpoint: { host: '127.0.0.1', port: fixture.plane.port, unixPath: unix ? fixture.unixPath : '' },
      keys,
      role: 'fuse',
      identity: 'fuse/serve-thread',
      timeoutMs: 3000,
    });

  beforeAll(async () => fixture.openStore());
  beforeEach(async () => fixture.start({}, { onUnreadable: (_fileId, page) => unreadable.push(page) }));
  afterEach(async () => fixture.stop());
  afterAll(async () => fixture.end());

  it.each([false, true])('gives a blocking thread cached bytes at their place and says what is not cached, without the main thread (unix socket: %s)', (unix) => {
    const connection = blocking(unix); // the main thread is blocked from here on: nothing below can need it
    const into = Buffer.alloc(PAGE_BYTES + 10);
    expect(connection.readCached(cachedId, PAGE_BYTES, into, 5, PAGE_BYTES)).toBe(PAGE_BYTES);
    expect(into.subarray(5, 5 + PAGE_BYTES).equals(content.subarray(PAGE_BYTES))).toBe(true);
    expect([into[4], into[5 + PAGE_BYTES]]).toEqual([0, 0]);
    for (let offset = 0; offset < 300; offset++) {
      expect(connection.readCached(cachedId, offset * 4099, into, 0, 4096)).toBe(4096);
      expect(into.subarray(0, 4096).equals(content.subarray(offset * 4099, offset * 4099 + 4096))).toBe(true);
    }
    expect(connection.readCached(absentId, 0, into, 0, 10)).toBe(-1);
    expect(connection.readCached(cachedId, PAGE_BYTES - 1, into, 0, 2)).toBe(-1); // refused: crosses a page
    expect(connection.readCached(cachedId, 0, into, 0, 10)).toBe(10);
    connection.close();
    expect(connection.readCached(cachedId, 0, into, 0, 10)).toBe(-2);
  });

  it('hands the descriptor of a complete file over the unix socket only, and it outlives the connection', () => {
    const [unix, tcp] = [blocking(true), blocking(false)];
    expect(tcp.handOver(cachedId)).toBe(-1);
    expect(unix.handOver(absentId)).toBe(-1);
    const descriptor = unix.handOver(cachedId);
    const into = Buffer.alloc(100);
    expect(unix.readCached(cachedId, 7, into, 0, 100)).toBe(100); // the connection goes on
    unix.close();
    tcp.close();
    expect(readSync(descriptor, into, 0, 100, PAGE_BYTES - 50)).toBe(100);
    expect(into.equals(content.subarray(PAGE_BYTES - 50, PAGE_BYTES + 50))).toBe(true);
    closeSync(descriptor);
  });

  it('hands over nothing of a file that is not complete', () => {
    const fileId = Buffer.alloc(16, 6);
    const file = fixture.admit(fileId, 2 * PAGE_BYTES);
    const reservation = fixture.store.reserve(file, 0);
    if (typeof reservation === 'string') throw new Error(reservation);
    reservation.write(0, content.subarray(0, PAGE_BYTES));
    reservation.commit(content.subarray(0, PAGE_BYTES));
    const connection = blocking(true);
    expect(connection.handOver(fileId)).toBe(-1);
    connection.close();
  });

  it('spreads connections over its threads, and all of them serve', async () => {
    const connections = await Promise.all([...Array(8).keys()].map(async (i) => fixture.open({ unix: i % 2 === 0 })));
    const replies = await Promise.all(connections.map(async (connection, i) => connection.read(ask(i, 1000), Buffer.alloc(1000))));
    expect(replies.every(({ bytesRead }) => bytesRead === 1000)).toBe(true);
  });

  it('cuts the reader and tells the worker when a page’s file does not give its bytes', async () => {
    const fileId = Buffer.alloc(16, 8);
    fixture.fill(fixture.admit(fileId, PAGE_BYTES));
    const path = globSync(`${fixture.directory}/pages/**/*`).find((name) => name.endsWith(fileId.toString('hex')));
    expect(statSync(path!).size).toBe(PAGE_BYTES);
    truncateSync(path!, 1000);
    for (const length of [4096, PAGE_BYTES]) {
      await expect((await fixture.open()).read(ask(0, length, fileId), Buffer.alloc(length))).rejects.toMatchObject({ code: 'WorkerUnavailable' });
    }
    while (unreadable.length < 2) await new Promise(setImmediate);
    expect(unreadable).toEqual([0, 0]);
    expect((await (await fixture.open()).read(ask(0, 4), Buffer.alloc(4))).bytesRead).toBe(4);
  });
});

describeNative('native data plane against eviction', () => {
  const FILES = 24;
  const PAGES_OF_FILE = 4;
  const READS = 1500;
  const READERS = 6;
  const fixture = new StoreFixture();
  const files: readonly CachedFile[] = Array.from({ length: FILES }, (_, i) => knownFile(`f${i}`, PAGES_OF_FILE * 64 * 1024));
  let store: PageStore;
  let plane: DataPlane;
  let connections: DataConnection[] = [];

  /** Stands in for the worker: fills what is asked for, and lets the page be served from the cache. */
  const handle = (request: DataRequest, reply: DataReply): void => {
    const file = files.find(({ fileId }) => Buffer.compare(fileId, request.fileId) === 0)!;
    const page = Math.floor(request.offset / store.pageSizeBytes);
    const refusal = fillPage(store, file, store.admitFile(file), page);
    if (refusal === undefined || refusal === 'already-filling') reply.serveFromCache(ChunkFlag.FromUfs);
    else reply.end(contentOf(file.fileId, request.offset, request.length), ChunkFlag.FromUfs);
  };

  afterAll(async () => {
    for (const connection of connections) connection.close();
    await plane.close();
    await fixture.end();
  });

  it('never sends a foreign or missing byte while pages are evicted and filled under its readers', async () => {
    store = await fixture.open({ directories: [{ path: `${fixture.root}/small`, capacityBytes: 3 << 20 }], hitRings: 2 });
    plane = await openDataPlane({ host: '127.0.0.1', port: 0, unixPath: '', pages: store, handler: { handle }, keys, threads: 2 });
    const endpoint = { host: '127.0.0.1', port: plane.port, unixPath: '' };
    connections = await Promise.all([...Array(READERS).keys()].map(async (i) => connectData({ endpoint, keys, role: 'fuse', identity: `fuse/${i}`, timeoutMs: 3000 })));
    let state = 0x2545f491;
    const random = (below: number): number => {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
      return (state >>> 0) % below;
    };
    let wrong = 0;
    const reader = async (connection: DataConnection): Promise<void> => {
      for (let i = 0; i < READS / READERS; i++) {
        const file = files[random(FILES)]!;
        const page = random(PAGES_OF_FILE);
        const offset = page * store.pageSizeBytes + random(64) * 512;
        const length = 4 * (1 + random(8000));
        const into = Buffer.alloc(length);
        const reply = await connection.read(ask(offset, length, file.fileId), into);
        if (reply.bytesRead !== length || !into.equals(contentOf(file.fileId, offset, length))) wrong++;
      }
    };
    await Promise.all(connections.map(reader));
    expect(wrong).toBe(0);
    expect(fixture.count('evicted')).toBeGreaterThan(50);
    expect(plane.stats().hits).toBeGreaterThan(100);
    await settledStats(plane);
  }, 60_000);
});
