// What a worker does for its clients and peers, over either form of the data plane, with real sockets and page stores.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pathHash } from '../common/hash/ring.ts';
import { ViewSnapshot } from '../client/index.ts';
import { encodeReadTarget } from '../proto/frames/index.ts';
import { ChunkFlag, Op, RequestFlag } from '../proto/frames/layout.ts';
import { CountedUfs, NodeFixture, PAGE, patternBytes } from './testing/node-fixture.ts';
import { settledStats } from './data-plane/testing/plane-fixture.ts';

const BYTES = patternBytes(PAGE * 5 + 1000, 1);
/** @param isPortable the form of the data plane */
export function workerNodeContract(name: string, isPortable: boolean): void {
  describe(`worker over the ${name} data plane`, () => {
    let fixture: NodeFixture;
    let ufs: CountedUfs;

    beforeEach(() => {
      ufs = new CountedUfs({ 'a.bin': BYTES, 'b.bin': patternBytes(PAGE * 2, 2), 'small.txt': Buffer.from('hello'), 'dir/x': Buffer.from('x'), empty: Buffer.alloc(0) });
      fixture = new NodeFixture(ufs);
    });
    afterEach(() => fixture.close());

    async function start(count: number, settings: Parameters<NodeFixture['startNode']>[1] = {}): Promise<void> {
      for (let i = 0; i < count; i++) await fixture.startNode(i, { dataPortable: isPortable, ...settings });
      fixture.publish();
    }

    /** Index of the worker that owns the path under a view of all nodes. */
    function ownerOf(path: string, view = fixture.view()): number {
      const { high, low } = pathHash(path);
      const uuid = new ViewSnapshot(view).ring.owner(high, low);
      return fixture.nodes.findIndex((node) => node.record.uuid === uuid);
    }
    async function requestFor(path: string): Promise<{ fileId: Uint8Array; payload: Uint8Array; length: number }> {
      const { ufsUri, version, length, fileId } = (await ufs.status(path.slice('/data/'.length)))!;
      return { fileId: Buffer.from(fileId, 'hex'), payload: encodeReadTarget({ path, ufsUri, version, fileLength: length }), length };
    }
    const readAll = async (path: string, length: number): Promise<Buffer> => {
      const client = await fixture.client();
      const handle = await client.openFile(path);
      const into = Buffer.alloc(length);
      let at = 0;
      while (at < length) {
        const bytes = await handle.read(at, into.subarray(at));
        if (bytes === 0) break;
        at += bytes;
      }
      handle.close();
      await client.close();
      return into.subarray(0, at);
    };
    const sum = async (name: string): Promise<number> => {
      let total = 0;
      for (const index of fixture.nodes.keys()) total += await fixture.metric(index, name);
      return total;
    };

    describe('reads through workers', () => {
      it('a first read fills each page once, a second one asks the UFS for nothing, and the hit counters equal the pages read', async () => {
        await start(3);
        expect((await readAll('/data/a.bin', BYTES.length)).equals(BYTES)).toBe(true);
        expect(ufs.reads).toBe(6);
        expect(await sum('alluxio_missed_data_read_bytes_total')).toBe(BYTES.length);
        const hitsBefore = await sum('alluxio_worker_page_hits_total');
        expect((await readAll('/data/a.bin', BYTES.length)).equals(BYTES)).toBe(true);
        expect(ufs.reads).toBe(6);
        expect((await sum('alluxio_worker_page_hits_total')) - hitsBefore).toBe(6);
        expect(await sum('alluxio_cached_data_read_bytes_total')).toBe(BYTES.length);
      });

      it('100 concurrent first readers of one page make one UFS read', async () => {
        await start(1);
        const { fileId, payload } = await requestFor('/data/a.bin');
        const connection = await fixture.connect(0);
        let release = (): void => undefined;
        ufs.beforeRead = () => new Promise<void>((resolve) => (release = resolve));
        const into = Array.from({ length: 100 }, () => Buffer.alloc(PAGE));
        const reads = into.map((bytes) => connection.read({ fileId, payload, offset: PAGE, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 5000 }, bytes));
        while (fixture.nodes[0]!.node.fills.load.waiting < 100) await new Promise((resolve) => setImmediate(resolve));
        release();
        await Promise.all(reads);
        for (const bytes of into) expect(bytes.equals(BYTES.subarray(PAGE, PAGE * 2))).toBe(true);
        expect(ufs.reads).toBe(1);
        expect(await fixture.metric(0, 'alluxio_worker_page_fills_joined_total')).toBe(99);
      });

      it('pages of an earlier life are served after their checksum was verified, without the UFS', async () => {
        await start(1);
        await readAll('/data/a.bin', BYTES.length);
        await fixture.stopNode(0);
        await fixture.startNode(0, { dataPortable: isPortable });
        fixture.publish();
        const before = ufs.reads;
        expect((await readAll('/data/a.bin', BYTES.length)).equals(BYTES)).toBe(true);
        expect(ufs.reads).toBe(before);
        expect(await fixture.metric(0, 'alluxio_worker_page_hits_total')).toBe(6);
      });

      it('serves what it holds before it knows its cluster, and tells the rest to go elsewhere', async () => {
        await start(1);
        await readAll('/data/a.bin', BYTES.length);
        await fixture.stopNode(0);
        await fixture.startNode(0, { dataPortable: isPortable });
        const connection = await fixture.connect(0);
        const { fileId, payload } = await requestFor('/data/a.bin');
        const into = Buffer.alloc(PAGE);
        await connection.read({ fileId, payload, offset: 0, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 5000 }, into);
        expect(into.equals(BYTES.subarray(0, PAGE))).toBe(true);
        const other = await requestFor('/data/b.bin');
        await expect(connection.read({ ...other, offset: 0, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 5000 }, into)).rejects.toMatchObject({ code: 'WorkerUnavailable' });
        await expect(connection.call(Op.Status, Buffer.from('{"paths":["/data/a.bin"],"maxAgeMs":0}'))).rejects.toMatchObject({ code: 'WorkerUnavailable' });
      });

      it('waiters that leave in the middle of a fill leave nothing behind', async () => {
        await start(1);
        const { fileId, payload } = await requestFor('/data/a.bin');
        const connection = await fixture.connect(0);
        let reached = (): void => undefined;
        const isReading = new Promise<void>((resolve) => (reached = resolve));
        ufs.beforeRead = () => {
          reached();
          return new Promise<void>(() => undefined);
        };
        const leave = new AbortController();
        const reads = Array.from({ length: 20 }, () =>
          connection.read({ fileId, payload, offset: 0, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 60_000, signal: leave.signal }, Buffer.alloc(PAGE)),
        );
        await isReading;
        leave.abort();
        for (const result of await Promise.allSettled(reads)) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'Cancelled' } });
        const { fills } = fixture.nodes[0]!.node;
        while (fills.load.fills > 0 || fills.load.waiting > 0) await new Promise((resolve) => setImmediate(resolve));
        expect(fills.load).toMatchObject({ fills: 0, buffers: 0, waiting: 0 });
        expect(fixture.nodes[0]!.store.usage().reservedBytes).toBe(0);
        await settledStats(fixture.nodes[0]!.node.dataPlane);
      });
    });

    describe('a worker that does not own a page', () => {
      async function askOther(flags = 0): Promise<{ owner: number; other: number; flags: number }> {
        const owner = ownerOf('/data/a.bin');
        const other = owner === 0 ? 1 : 0;
        const { fileId, payload } = await requestFor('/data/a.bin');
        const into = Buffer.alloc(PAGE);
        const connection = await fixture.connect(other);
        const reply = await connection.read({ fileId, payload, offset: 0, length: PAGE, flags, ringRevision: 1, timeoutMs: 5000 }, into);
        expect(into.equals(BYTES.subarray(0, PAGE))).toBe(true);
        return { owner, other, flags: reply.flags };
      }

      it('asks the owner, which fills and keeps it, and keeps nothing itself', async () => {
        await start(2);
        const { owner, other, flags } = await askOther();
        expect(flags & ChunkFlag.FromPeer).not.toBe(0);
        expect(ufs.reads).toBe(1);
        expect(fixture.nodes[owner]!.store.usage().pages).toBe(1);
        expect(fixture.nodes[other]!.store.usage().pages).toBe(0);
        expect(await fixture.metric(owner, 'alluxio_worker_forwarded_requests_total')).toBe(1);
        await askOther();
        expect(ufs.reads).toBe(1);
      });

      it('a forwarded read is answered from the UFS, keeps nothing and is not forwarded again', async () => {
        await start(2);
        const { owner, other, flags } = await askOther(RequestFlag.Forwarded);
        expect(flags & ChunkFlag.FromUfs).not.toBe(0);
        for (const index of [owner, other]) expect(fixture.nodes[index]!.store.usage().pages).toBe(0);
        expect(await fixture.metric(owner, 'alluxio_worker_data_requests_total')).toBe(0);
      });

      it('two workers with opposite views of the ring never circle: one extra read, right bytes', async () => {
        await start(2);
        const [first, second] = fixture.nodes;
        // Each believes that the other one alone owns everything.
        first!.node.applyView(fixture.view([second!]));
        second!.node.applyView(fixture.view([first!]));
        const { fileId, payload } = await requestFor('/data/a.bin');
        const connections = [await fixture.connect(0), await fixture.connect(1)];
        const into = connections.map(() => Buffer.alloc(PAGE));
        // Both at once: neither may wait for the other's fill, which waits for it.
        await Promise.all(connections.map((connection, i) => connection.read({ fileId, payload, offset: 0, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 5000 }, into[i]!)));
        for (const bytes of into) expect(bytes.equals(BYTES.subarray(0, PAGE))).toBe(true);
        expect(ufs.reads).toBe(2);
        for (const index of [0, 1]) expect(await fixture.metric(index, 'alluxio_worker_forwarded_requests_total')).toBe(1);
      });

      it('reads the UFS itself when the owner is dead, at once when that is known', async () => {
        await start(2);
        const owner = ownerOf('/data/a.bin');
        const other = owner === 0 ? 1 : 0;
        await fixture.nodes[owner]!.node.close();
        const { fileId, payload } = await requestFor('/data/a.bin');
        const connection = await fixture.connect(other);
        const into = Buffer.alloc(PAGE);
        for (const page of [0, 1]) {
          await connection.read({ fileId, payload, offset: page * PAGE, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 5000 }, into);
          expect(into.equals(BYTES.subarray(page * PAGE, (page + 1) * PAGE))).toBe(true);
        }
        expect(await fixture.metric(other, 'alluxio_worker_peer_reads_total')).toBe(1);
      });

      it('as a replica it copies from the owner and keeps the copy', async () => {
        await start(2, { replicas: 2 });
        const { owner, other } = await askOther();
        expect(ufs.reads).toBe(1);
        for (const index of [owner, other]) expect(fixture.nodes[index]!.store.usage().pages).toBe(1);
      });

      it('notices a page damaged on the way and reads the UFS instead', async () => {
        await start(2, { replicas: 2 });
        const owner = ownerOf('/data/a.bin');
        const { fileId, payload } = await requestFor('/data/a.bin');
        const connection = await fixture.connect(owner);
        const into = Buffer.alloc(PAGE);
        await connection.read({ fileId, payload, offset: 0, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 5000 }, into);
        const { store } = fixture.nodes[owner]!;
        store.checksum = () => 42n;
        const { flags } = await askOther();
        expect(flags & ChunkFlag.FromPeer).toBe(0);
        expect(ufs.reads).toBe(2);
      });
    });

    describe('a client that lies', () => {
      it.each([
        ['names an object outside its mount', { ufsUri: 'memory://other/a.bin' }],
        ['names another object of the mount', { ufsUri: 'memory://test/b.bin' }],
        ['names another version', { version: 'etag:"wrong"' }],
        ['names another length', { fileLength: PAGE }],
        ['names a path without a mount', { path: '/elsewhere/a.bin' }],
      ])('%s: refused before a byte is fetched, and honest clients are served', async (_, lie) => {
        await start(1);
        const { ufsUri, version, length, fileId } = (await ufs.status('a.bin'))!;
        const honest = { path: '/data/a.bin', ufsUri, version, fileLength: length };
        const connection = await fixture.connect(0);
        const into = Buffer.alloc(PAGE);
        const request = { fileId: Buffer.from(fileId, 'hex'), offset: 0, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 5000 };
        const read = connection.read({ ...request, payload: encodeReadTarget({ ...honest, ...lie }) }, into);
        await expect(read).rejects.toMatchObject({ code: expect.stringMatching(/^(InvalidArgument|MountNotFound)$/), source: 'caller' });
        expect(ufs.reads).toBe(0);
        await connection.read({ ...request, payload: encodeReadTarget(honest) }, into);
        expect(into.equals(BYTES.subarray(0, PAGE))).toBe(true);
      });

      it.each([
        [Op.Status, '{"paths":"/data/a"}'],
        [Op.Status, '{"paths":["relative"]}'],
        [Op.Status, '[]'],
        [Op.Status, 'no json'],
        [Op.List, '{"path":1}'],
        [Op.List, '{"path":"/data","limit":-1}'],
        [Op.Membership, '{"revision":"x","waitMs":0}'],
        [Op.Residency, '{}'],
      ])('operation %p with %p is refused with a message', async (op, body) => {
        await start(1);
        const connection = await fixture.connect(0);
        await expect(connection.call(op, Buffer.from(body))).rejects.toMatchObject({ code: expect.stringMatching(/^(InvalidArgument|ProtocolMismatch)$/) });
        await connection.call(Op.Ping, Buffer.alloc(0));
      });
    });

    describe('metadata', () => {
      it('status, listing, small files and residency are answered for the mount’s paths', async () => {
        await start(1);
        const connection = await fixture.connect(0);
        const ask = async (op: 3 | 4 | 5 | 9, body: object, options = {}): Promise<Buffer> => (await connection.call(op, Buffer.from(JSON.stringify(body)), options)).bytes;
        const { statuses } = JSON.parse((await ask(Op.Status, { paths: ['/data/a.bin', '/data/none', '/data', '/data/dir'], maxAgeMs: 1000 })).toString()) as {
          statuses: unknown[];
        };
        expect(statuses).toMatchObject([{ path: '/data/a.bin', length: BYTES.length }, null, { type: 'directory' }, { type: 'directory' }]);
        const small = await ask(Op.StatusAndBytes, { path: '/data/small.txt', maxAgeMs: 1000 }, { length: 1000 });
        const head = small.readUInt32LE(0);
        expect(JSON.parse(small.subarray(4, 4 + head).toString())).toMatchObject({ path: '/data/small.txt', length: 5 });
        expect(small.subarray(4 + head).toString()).toBe('hello');
        const { entries } = JSON.parse((await ask(Op.List, { path: '/data' })).toString()) as { entries: { path: string }[] };
        expect(entries.map(({ path }) => path)).toEqual(['/data/a.bin', '/data/b.bin', '/data/dir', '/data/empty', '/data/small.txt']);
        expect(JSON.parse((await ask(Op.Residency, { path: '/data/small.txt' })).toString())).toMatchObject({ pagesResident: 1, pagesTotal: 1, bytesResident: 5 });
      });

      it('a read-ahead fills pages that nobody waits for', async () => {
        await start(1);
        const { fileId, payload } = await requestFor('/data/a.bin');
        const connection = await fixture.connect(0);
        await connection.read({ fileId, payload, offset: 0, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 5000 }, Buffer.alloc(PAGE));
        // The first page is here already: the others are fetched nevertheless.
        await connection.call(Op.ReadAhead, payload, { fileId, offset: 0, length: PAGE * 3 });
        const { store } = fixture.nodes[0]!;
        while (store.usage().pages < 3) await new Promise((resolve) => setImmediate(resolve));
        expect(ufs.reads).toBe(3);
      });
    });

    describe('membership for clients', () => {
      it('a poll is held until the view changes, and FUSE clients are counted once', async () => {
        await start(2);
        const client = await fixture.client({ role: 'fuse', identity: 'fuse/node-1' });
        const seen = new Promise<number>((resolve) => client.onView(({ revision }) => resolve(revision)));
        const next = fixture.publish();
        expect(await seen).toBe(next.revision);
        const total = fixture.nodes.reduce((count, { node }) => count + node.polls.fuseClients, 0);
        expect(total).toBe(1);
      });

      it('a draining worker lets its polls go and finishes what is in flight', async () => {
        await start(1);
        const { fileId, payload } = await requestFor('/data/a.bin');
        const connection = await fixture.connect(0);
        const { revision, generation } = fixture.nodes[0]!.node.view!;
        const poll = connection.call(Op.Membership, Buffer.from(JSON.stringify({ revision, generation, waitMs: 30_000 })), { timeoutMs: 60_000 });
        let release = (): void => undefined;
        const isReading = new Promise<void>((reached) => {
          ufs.beforeRead = () => {
            reached();
            return new Promise<void>((resolve) => (release = resolve));
          };
        });
        const into = Buffer.alloc(PAGE);
        const read = connection.read({ fileId, payload, offset: 0, length: PAGE, flags: 0, ringRevision: 1, timeoutMs: 5000 }, into);
        await isReading;
        const drained = fixture.nodes[0]!.node.drain(5000);
        expect((await poll).bytes).toHaveLength(0);
        release();
        await read;
        await drained;
        expect(into.equals(BYTES.subarray(0, PAGE))).toBe(true);
      });
    });
  });
}
