// What every form of the data-plane server promises, seen through the real client.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CacheError } from '../../common/errors/index.ts';
import type { DataConnection, DataReply, DataRequest, RequestHandler } from '../../proto/frames/contracts.ts';
import { ClientHello, connectData, decodeReadTarget, encodeReadTarget, encodeRequest } from '../../proto/frames/index.ts';
import { ChunkFlag, Op, RequestFlag } from '../../proto/frames/layout.ts';
import type { DataPlane, DataPlaneLimits, PageReading } from './contracts.ts';

export const PAGE_BYTES = 4 << 20;
const keys = { clusterUid: 'c-1', dataPlaneKey: Buffer.alloc(32, 7) };
const fileId = Buffer.alloc(16, 1);
const absentId = Buffer.alloc(16, 2);
/** Byte at an offset of the one cached file: every place differs from its neighbours. */
const content = Buffer.alloc(2 * PAGE_BYTES, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));

/** Stands in for the page store: one resident file. */
const pages: PageReading = {
  pageSizeBytes: PAGE_BYTES,
  findFile: (id) => (Buffer.compare(id, fileId) === 0 ? 1 : undefined),
  read: (_file, page, offset, into) => content.copy(into, 0, page * PAGE_BYTES + offset, (page + 1) * PAGE_BYTES),
};

export interface StartOptions {
  readonly unixPath: string;
  readonly handler: RequestHandler;
  readonly keys: typeof keys;
  readonly pages: PageReading;
  readonly limits?: Partial<DataPlaneLimits>;
}

export function describeDataPlane(name: string, start: (options: StartOptions) => Promise<DataPlane>): void {
  describe(`data plane, ${name}`, () => {
    let directory = '';
    let plane: DataPlane;
    let opened: DataConnection[] = [];
    let handle: (request: DataRequest, reply: DataReply) => void = () => undefined;

    const begin = async (limits?: Partial<DataPlaneLimits>): Promise<void> => {
      const handler = { handle: (request: DataRequest, reply: DataReply) => handle(request, reply) };
      plane = await start({ unixPath: join(directory, 's'), handler, keys, pages, ...(limits === undefined ? {} : { limits }) });
    };
    const open = async (options: { unix?: boolean; keys?: typeof keys } = {}): Promise<DataConnection> => {
      const endpoint = { host: '127.0.0.1', port: plane.port, unixPath: options.unix === true ? join(directory, 's') : '' };
      const connection = await connectData({ endpoint, keys: options.keys ?? keys, role: 'fuse', identity: 'fuse/a', timeoutMs: 3000 });
      opened.push(connection);
      return connection;
    };
    const ask = (offset: number, length: number, id: Uint8Array = fileId) => ({ fileId: id, offset, length, flags: 0, ringRevision: 1, timeoutMs: 5000 });

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'data-plane-'));
      opened = [];
      await begin();
    });
    afterEach(async () => {
      for (const connection of opened) connection.close();
      await plane.close();
      rmSync(directory, { recursive: true, force: true });
    });

    it.each([false, true])('answers interleaved cached reads with the right bytes (unix socket: %s)', async (unix) => {
      const connection = await open({ unix });
      const ranges = [...Array(40).keys()].map((i) => [(i * 99_991) % (PAGE_BYTES - 1_500_000), i % 3 === 0 ? 1_400_000 : 1 + i * 37] as const);
      const seen = await Promise.all(
        ranges.map(async ([offset, length]) => {
          const into = Buffer.alloc(length);
          const reply = await connection.read(ask(offset, length), into);
          return reply.bytesRead === length && (reply.flags & ChunkFlag.FromCache) !== 0 && into.equals(content.subarray(offset, offset + length));
        }),
      );
      expect(seen.every(Boolean)).toBe(true);
      expect(plane.stats()).toMatchObject({ hits: 40, requests: 40, inFlight: 0 });
    });

    it('gives misses with their target to the handler, and a read never crosses a page', async () => {
      const target = { path: '/data/\udcff', ufsUri: 's3://b/k', version: 'v', fileLength: 2 ** 42 };
      handle = (request, reply) => {
        expect(decodeReadTarget(request.payload)).toEqual(target);
        reply.end(Buffer.concat([Buffer.from('bytes'), Buffer.alloc(8, 1)]), ChunkFlag.FromUfs | ChunkFlag.Checksum);
      };
      const connection = await open();
      const into = Buffer.alloc(5);
      const reply = await connection.read({ ...ask(2 ** 41, 5, absentId), payload: encodeReadTarget(target) }, into);
      expect(into.toString()).toBe('bytes');
      expect(reply).toMatchObject({ bytesRead: 5, checksum: 0x0101010101010101n });
      await expect(connection.read(ask(PAGE_BYTES - 1, 2), Buffer.alloc(2))).rejects.toMatchObject({ code: 'RangeInvalid' });
    });

    it('answers OnlyIfCached with CacheMiss, empty bodies, and errors with their code', async () => {
      handle = (request, reply) => (request.op === Op.List ? reply.fail(new CacheError('NotADirectory', 'No.', { context: { path: '/x' } })) : reply.end());
      const connection = await open();
      const miss = await connection.read({ ...ask(0, 4, absentId), flags: RequestFlag.OnlyIfCached }, Buffer.alloc(4));
      expect(miss.flags & ChunkFlag.CacheMiss).not.toBe(0);
      expect((await connection.call(Op.Membership, Buffer.from('{}'))).bytes).toHaveLength(0);
      await expect(connection.call(Op.List, Buffer.from('{}'))).rejects.toMatchObject({ code: 'NotADirectory', context: { path: '/x' } });
    });

    it('a cancelled request aborts its handler and others on the connection go on', async () => {
      const aborted = Promise.withResolvers<void>();
      const arrived = Promise.withResolvers<void>();
      handle = (request) => {
        request.signal.addEventListener('abort', () => aborted.resolve());
        arrived.resolve();
      };
      const connection = await open();
      const stop = new AbortController();
      const call = connection.call(Op.Status, Buffer.from('{}'), { signal: stop.signal });
      await arrived.promise;
      stop.abort();
      await expect(call).rejects.toMatchObject({ code: 'Cancelled' });
      await aborted.promise;
      expect((await connection.read(ask(0, 10), Buffer.alloc(10))).bytesRead).toBe(10);
    });

    it('a silent worker is DeadlineExceeded, a broken connection is WorkerUnavailable for all in flight', async () => {
      const connection = await open();
      await expect(connection.call(Op.Status, Buffer.from('{}'), { timeoutMs: 20 })).rejects.toMatchObject({ code: 'DeadlineExceeded' });
      const calls = [1, 2, 3].map(() => connection.call(Op.Status, Buffer.from('{}')));
      const settled = Promise.allSettled(calls);
      await plane.close();
      for (const result of await settled) expect(result).toMatchObject({ status: 'rejected', reason: { code: expect.stringMatching(/WorkerUnavailable|Cancelled/) } });
      expect(connection.closed).toBe(true);
    });

    it('refuses another key, another cluster and another protocol with a message', async () => {
      await expect(open({ keys: { ...keys, dataPlaneKey: Buffer.alloc(32, 8) } })).rejects.toMatchObject({ code: 'Unauthenticated', message: expect.stringMatching(/key.file/) });
      await expect(open({ keys: { ...keys, clusterUid: 'c-2' } })).rejects.toMatchObject({ code: 'Unauthenticated', message: expect.stringMatching(/another cluster/) });
      const body = JSON.stringify({ magic: 0x43445841, protocol: 99, clusterUid: 'c-1' });
      const head = Buffer.alloc(4);
      head.writeUInt32LE(body.length);
      const answer = await new Promise<string>((resolve) => {
        let text = '';
        const socket = connect(plane.port, '127.0.0.1', () => socket.write(Buffer.concat([head, Buffer.from(body)])));
        socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
        socket.on('close', () => resolve(text));
      });
      expect(answer).toContain('ProtocolMismatch');
      expect(answer).toContain('same release');
    });

    it('cuts a client that takes nothing of its reply, counts it, and serves others meanwhile', async () => {
      await plane.close();
      await begin({ sendTimeoutMs: 50, unsentBytesPerConnection: 1 << 20 });
      const hello = new ClientHello({ keys, role: 'fuse', identity: 'fuse/stopped' });
      const socket = connect(plane.port, '127.0.0.1', () => socket.write(hello.first));
      socket.on('error', () => undefined);
      await new Promise<void>((resolve) => {
        socket.on('data', (bytes: Buffer) => {
          const answer = hello.answer(bytes.subarray(4));
          if (answer === undefined) resolve();
          else socket.write(answer);
        });
      });
      socket.pause();
      for (let id = 1; id <= 40; id++) socket.write(encodeRequest({ op: Op.Read, requestId: id, fileId, length: PAGE_BYTES }));
      const other = await open();
      while (plane.stats().connectionsCut === 0) expect((await other.read(ask(5, 100), Buffer.alloc(100))).bytesRead).toBe(100);
      expect(plane.stats()).toMatchObject({ connectionsCut: 1, connections: 1 });
      socket.destroy();
    });

    it('drain finishes what is in flight and then accepts nobody', async () => {
      const arrived = Promise.withResolvers<DataReply>();
      handle = (_request, reply) => arrived.resolve(reply);
      const connection = await open();
      const call = connection.call(Op.Status, Buffer.from('{}'));
      const reply = await arrived.promise;
      const drained = plane.drain(5000);
      reply.end(Buffer.from('last words'));
      expect((await call).bytes.toString()).toBe('last words');
      await drained;
      await expect(open()).rejects.toMatchObject({ code: 'WorkerUnavailable' });
    });
  });
}
