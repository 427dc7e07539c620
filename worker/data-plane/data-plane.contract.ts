// What every form of the data-plane server promises, seen through the real client, on a real page store.
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CacheError } from '../../common/errors/index.ts';
import type { DataReply } from '../../proto/frames/contracts.ts';
import { decodeReadTarget, encodeHello, encodeReadTarget } from '../../proto/frames/index.ts';
import { ChunkFlag, MAGIC, Op, RequestFlag } from '../../proto/frames/layout.ts';
import { absentId, ask, cachedId, content, keys, PAGE_BYTES, PlaneFixture, settledStats } from './testing/plane-fixture.ts';

export function describeDataPlane(name: string, isPortable: boolean): void {
  describe(`data plane, ${name}`, () => {
    const fixture = new PlaneFixture(isPortable);
    beforeAll(async () => fixture.openStore());
    beforeEach(async () => fixture.start());
    afterEach(async () => fixture.stop());
    afterAll(async () => fixture.end());

    it.each([false, true])('answers interleaved cached reads with the right bytes (unix socket: %s)', async (unix) => {
      const connection = await fixture.open({ unix });
      const ranges = [...Array(40).keys()].map((i) => [(i * 99_991) % (PAGE_BYTES - 1_500_000), i % 3 === 0 ? 1_400_000 : 1 + i * 37] as const);
      const seen = await Promise.all(
        ranges.map(async ([offset, length]) => {
          const into = Buffer.alloc(length);
          const reply = await connection.read(ask(offset, length), into);
          return reply.bytesRead === length && (reply.flags & ChunkFlag.FromCache) !== 0 && into.equals(content.subarray(offset, offset + length));
        }),
      );
      expect(seen.every(Boolean)).toBe(true);
      const hitBytes = ranges.reduce((sum, [, length]) => sum + length, 0);
      expect(await settledStats(fixture.plane)).toMatchObject({ hits: 40, hitBytes, requests: 40 });
      expect(fixture.plane.native).toBe(!isPortable);
    });

    it('gives misses with their target to the handler, and a read never crosses a page', async () => {
      const target = { path: '/data/\udcff', ufsUri: 's3://b/k', version: 'v', fileLength: 2 ** 42 };
      fixture.handle = (request, reply) => {
        expect(decodeReadTarget(request.payload)).toEqual(target);
        expect(request.session).toEqual({ role: 'fuse', identity: 'fuse/a' });
        reply.end(Buffer.concat([Buffer.from('bytes'), Buffer.alloc(8, 1)]), ChunkFlag.FromUfs | ChunkFlag.Checksum);
      };
      const connection = await fixture.open();
      const into = Buffer.alloc(5);
      const reply = await connection.read({ ...ask(2 ** 41, 5, absentId), payload: encodeReadTarget(target) }, into);
      expect(into.toString()).toBe('bytes');
      expect(reply).toMatchObject({ bytesRead: 5, checksum: 0x0101010101010101n });
      expect(reply.flags & ChunkFlag.FromUfs).not.toBe(0);
      await expect(connection.read(ask(PAGE_BYTES - 1, 2), Buffer.alloc(2))).rejects.toMatchObject({ code: 'RangeInvalid' });
    });

    it('sends a whole page that the handler gives, in chunks, and takes requests of hundreds of KiB', async () => {
      const body = content.subarray(7, 7 + PAGE_BYTES);
      fixture.handle = (request, reply) => reply.end(request.op === Op.Read ? body : request.payload.subarray(100_000));
      const connection = await fixture.open();
      const into = Buffer.alloc(PAGE_BYTES);
      const payload = content.subarray(0, 700_000);
      const [, long, hit] = await Promise.all([
        connection.read(ask(0, PAGE_BYTES, absentId), into),
        connection.call(Op.Status, payload),
        connection.read(ask(3, 10), Buffer.alloc(10)),
      ]);
      expect(into.equals(body)).toBe(true);
      expect(long.bytes.equals(payload.subarray(100_000))).toBe(true);
      expect(hit.bytesRead).toBe(10);
    });

    it('answers OnlyIfCached with CacheMiss, empty bodies, and errors with their code', async () => {
      fixture.handle = (request, reply) => (request.op === Op.List ? reply.fail(new CacheError('NotADirectory', 'No.', { context: { path: '/x' } })) : reply.end());
      const connection = await fixture.open();
      const miss = await connection.read({ ...ask(0, 4, absentId), flags: RequestFlag.OnlyIfCached }, Buffer.alloc(4));
      expect(miss.flags & ChunkFlag.CacheMiss).not.toBe(0);
      expect((await connection.call(Op.Membership, Buffer.from('{}'))).bytes).toHaveLength(0);
      expect((await connection.call(Op.Ping, Buffer.alloc(0))).bytes).toHaveLength(0);
      await expect(connection.call(Op.List, Buffer.from('{}'))).rejects.toMatchObject({ code: 'NotADirectory', context: { path: '/x' } });
    });

    it('answers hits while a miss of the same connection is parked, and serves it from the cache once it is filled', async () => {
      const fileId = Buffer.alloc(16, 9);
      const parked = Promise.withResolvers<DataReply>();
      fixture.handle = (_request, reply) => parked.resolve(reply);
      const connection = await fixture.open();
      const into = Buffer.alloc(PAGE_BYTES);
      const miss = connection.read(ask(0, PAGE_BYTES, fileId), into);
      const reply = await parked.promise;
      const hits = await Promise.all([...Array(20).keys()].map(async (i) => connection.read(ask(i, 100_000), Buffer.alloc(100_000))));
      expect(hits.every(({ bytesRead }) => bytesRead === 100_000)).toBe(true);
      await settledStats(fixture.plane, 1);
      fixture.fill(fixture.admit(fileId, 2 * PAGE_BYTES));
      reply.serveFromCache(ChunkFlag.FromUfs);
      expect(await miss).toMatchObject({ bytesRead: PAGE_BYTES, flags: ChunkFlag.FromUfs | ChunkFlag.Last });
      expect(into.equals(content.subarray(0, PAGE_BYTES))).toBe(true);
      expect(fixture.plane.stats()).toMatchObject({ hits: 20, misses: 1 });
      await fixture.store.free({ fileId });
    });

    it('asks the handler again when the page has gone before it could be served', async () => {
      let asked = 0;
      fixture.handle = (_request, reply) => (++asked === 3 ? reply.end(Buffer.from('ufs'), ChunkFlag.FromUfs) : reply.serveFromCache(0));
      const connection = await fixture.open();
      const into = Buffer.alloc(3);
      expect((await connection.read(ask(0, 3, absentId), into)).bytesRead).toBe(3);
      expect([asked, into.toString()]).toEqual([3, 'ufs']);
    });

    it('a cancelled request aborts its handler and others on the connection go on', async () => {
      const aborted = Promise.withResolvers<void>();
      const arrived = Promise.withResolvers<void>();
      fixture.handle = (request) => {
        request.signal.addEventListener('abort', () => aborted.resolve());
        arrived.resolve();
      };
      const connection = await fixture.open();
      const stop = new AbortController();
      const call = connection.call(Op.Status, Buffer.from('{}'), { signal: stop.signal });
      await arrived.promise;
      stop.abort();
      await expect(call).rejects.toMatchObject({ code: 'Cancelled' });
      await aborted.promise;
      expect((await connection.read(ask(0, 10), Buffer.alloc(10))).bytesRead).toBe(10);
    });

    it('a silent worker is DeadlineExceeded, a broken connection is WorkerUnavailable for all in flight', async () => {
      const connection = await fixture.open();
      await expect(connection.call(Op.Status, Buffer.from('{}'), { timeoutMs: 20 })).rejects.toMatchObject({ code: 'DeadlineExceeded' });
      const calls = [1, 2, 3].map(() => connection.call(Op.Status, Buffer.from('{}')));
      const settled = Promise.allSettled(calls);
      await fixture.plane.close();
      for (const result of await settled) expect(result).toMatchObject({ status: 'rejected', reason: { code: expect.stringMatching(/WorkerUnavailable|Cancelled/) } });
      expect(connection.closed).toBe(true);
    });

    it('refuses another key, another cluster and another protocol with a message', async () => {
      await expect(fixture.open({ keys: { ...keys, dataPlaneKey: Buffer.alloc(32, 8) } })).rejects.toMatchObject({
        code: 'Unauthenticated',
        message: expect.stringMatching(/key.file/),
      });
      await expect(fixture.open({ keys: { ...keys, clusterUid: 'c-2' } })).rejects.toMatchObject({ code: 'Unauthenticated', message: expect.stringMatching(/another cluster/) });
      const answer = await new Promise<string>((resolve) => {
        let text = '';
        const socket = connect(fixture.plane.port, '127.0.0.1', () => socket.write(encodeHello({ magic: MAGIC, protocol: 99, clusterUid: 'c-1' })));
        socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
        socket.on('close', () => resolve(text));
      });
      expect(answer).toContain('ProtocolMismatch');
      expect(answer).toContain('same release');
    });

    it('drain finishes what is in flight and then accepts nobody', async () => {
      const arrived = Promise.withResolvers<DataReply>();
      fixture.handle = (_request, reply) => arrived.resolve(reply);
      const connection = await fixture.open();
      const call = connection.call(Op.Status, Buffer.from('{}'));
      const reply = await arrived.promise;
      const drained = fixture.plane.drain(5000);
      reply.end(Buffer.from('last words'));
      expect((await call).bytes.toString()).toBe('last words');
      await drained;
      await expect(fixture.open()).rejects.toMatchObject({ code: 'WorkerUnavailable' });
    });

    it('refuses a port and a path that are taken, with the remedy', async () => {
      await expect(fixture.start({}, { port: fixture.plane.port, unixPath: '' })).rejects.toMatchObject({ code: 'AddressInUse', context: { remedy: expect.any(String) } });
      await expect(fixture.start({}, { unixPath: fixture.directory })).rejects.toMatchObject({ code: 'InvalidConfiguration', context: { value: fixture.directory } });
      expect((await (await fixture.open()).read(ask(0, 4, cachedId), Buffer.alloc(4))).bytesRead).toBe(4);
    });
  });
}
