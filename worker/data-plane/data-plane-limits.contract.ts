// What every form of the data-plane server promises about clients that stop, break off, flood or speak nonsense.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connectData, decodeChunkHeader, encodeRequest } from '../../proto/frames/index.ts';
import { CHUNK_HEADER_BYTES, Op, REQUEST_HEADER_BYTES } from '../../proto/frames/layout.ts';
import { ask, cachedId, content, keys, PAGE_BYTES, PlaneFixture, settledStats } from './testing/plane-fixture.ts';

const IDLE_CONNECTIONS = 2000;
/** 0 where nobody can say. */
const threads = (): number => (existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : 0);

export function describeDataPlaneLimits(name: string, isPortable: boolean): void {
  describe(`data plane under bad clients, ${name}`, () => {
    const fixture = new PlaneFixture(isPortable);
    beforeAll(async () => fixture.openStore());
    afterEach(async () => fixture.stop());
    afterAll(async () => fixture.end());

    it('cuts a client that takes nothing of its reply, counts it, and serves others meanwhile', async () => {
      await fixture.start({ sendTimeoutMs: 50, unsentBytesPerConnection: 1 << 20 });
      await fixture.stopped(40);
      const other = await fixture.open();
      while (fixture.plane.stats().connections > 1) expect((await other.read(ask(5, 100), Buffer.alloc(100))).bytesRead).toBe(100);
      expect(await settledStats(fixture.plane)).toMatchObject({ connectionsCut: 1, connections: 1 });
    });

    it('evicts other pages while a reader is stopped, and its own once it has been cut', async () => {
      await fixture.start({ sendTimeoutMs: 300 });
      const spare = fixture.admit(Buffer.alloc(16, 5), 4 * PAGE_BYTES);
      fixture.fill(spare);
      await fixture.stopped(8);
      const other = await fixture.open();
      await other.read(ask(0, 10), Buffer.alloc(10));
      expect(await fixture.store.free({ fileId: Buffer.alloc(16, 5) })).toBe(4 * PAGE_BYTES);
      while (fixture.plane.stats().connectionsCut === 0) await other.read(ask(0, 10), Buffer.alloc(10));
      other.close();
      expect(await fixture.store.free({ fileId: cachedId })).toBe(content.length);
      fixture.fill(fixture.admit(cachedId, content.length));
    });

    it('sends right bytes also when the page is evicted after they have left and before the client takes them', async () => {
      await fixture.start();
      const fileId = Buffer.alloc(16, 4);
      const length = 100_100; // not a multiple of any block
      fixture.fill(fixture.admit(fileId, PAGE_BYTES + length));
      const { socket } = await fixture.raw();
      socket.pause();
      socket.write(encodeRequest({ op: Op.Read, requestId: 1, fileId, offset: PAGE_BYTES, length }));
      const sent = CHUNK_HEADER_BYTES + length;
      while (fixture.plane.stats().bytesSent < sent || fixture.plane.stats().inFlight > 0) await new Promise(setImmediate);
      expect(await fixture.store.free({ fileId })).toBe(PAGE_BYTES + length);
      fixture.fill(fixture.admit(Buffer.alloc(16, 3), 2 * PAGE_BYTES)); // others take the room
      let received = Buffer.alloc(0);
      await new Promise<void>((resolve) => {
        socket.on('data', (bytes: Buffer) => {
          received = Buffer.concat([received, bytes]);
          if (received.length === sent) resolve();
        });
        socket.resume();
      });
      expect(received.subarray(CHUNK_HEADER_BYTES).equals(content.subarray(PAGE_BYTES, PAGE_BYTES + length))).toBe(true);
      await fixture.store.free({ fileId: Buffer.alloc(16, 3) });
    });

    it('goes on after a client broke off in the middle of a reply, and aborts what the handler does for it', async () => {
      await fixture.start();
      const aborted = Promise.withResolvers<void>();
      fixture.handle = (request) => request.signal.addEventListener('abort', () => aborted.resolve());
      const client = await fixture.raw();
      client.socket.write(encodeRequest({ op: Op.Status, requestId: 99 }));
      while (fixture.plane.stats().inFlight === 0) await new Promise(setImmediate);
      client.socket.pause();
      fixture.askWithoutTaking(client, 4);
      while (fixture.plane.stats().hits === 0) await new Promise(setImmediate);
      client.socket.destroy();
      await aborted.promise;
      const other = await fixture.open();
      while (fixture.plane.stats().connections > 1) await other.read(ask(0, 10), Buffer.alloc(10));
      await settledStats(fixture.plane);
    });

    it('cuts a client whose frame is longer than any, is shorter than its header, or asks for nothing known', async () => {
      await fixture.start();
      const broken = (write: (bytes: Buffer) => void): Buffer => {
        const bytes = encodeRequest({ op: Op.Ping, requestId: 1 });
        write(bytes);
        return bytes;
      };
      const frames = [
        broken((b) => b.writeUInt32LE(0x7fff_ffff, 0)),
        broken((b) => b.writeUInt32LE(8, 0)),
        broken((b) => b.writeUInt16LE(999, 4)),
        broken((b) => b.fill(0xff, 8, 16)),
        broken((b) => {
          b.writeUInt16LE(Op.Status, 4);
          b.fill(0xff, 16, 24); // a ring revision beyond 2^53
        }),
      ];
      for (const frame of frames) {
        const client = await fixture.raw();
        client.socket.resume();
        client.socket.write(frame);
        await client.closed;
      }
      expect(fixture.plane.stats().connectionsCut).toBe(frames.length);
      expect((await (await fixture.open()).read(ask(0, 4), Buffer.alloc(4))).bytesRead).toBe(4);
    });

    it('cuts a client that sends no hello in time', async () => {
      await fixture.start({ helloTimeoutMs: 30 });
      const socket = connect(fixture.plane.port, '127.0.0.1', () => socket.write('AB'));
      socket.on('error', () => undefined).resume();
      await new Promise((resolve) => socket.once('close', resolve));
      expect(fixture.plane.stats().connectionsCut).toBe(1);
    });

    it('answers every request of a client that sends more than may be in flight, also when they arrive byte by byte', async () => {
      await fixture.start({ requestsPerConnection: 4 });
      fixture.handle = (_request, reply) => setImmediate(() => reply.end());
      const { socket } = await fixture.raw();
      const answered = new Set<number>();
      let input = Buffer.alloc(0);
      const all = new Promise<void>((resolve) => {
        socket.on('data', (bytes: Buffer) => {
          input = Buffer.concat([input, bytes]);
          while (input.length >= CHUNK_HEADER_BYTES) {
            const { requestId, length } = decodeChunkHeader(input);
            if (input.length < CHUNK_HEADER_BYTES + length) return;
            input = input.subarray(CHUNK_HEADER_BYTES + length);
            answered.add(requestId);
          }
          if (answered.size === 101) resolve();
        });
      });
      const slow = encodeRequest({ op: Op.Read, requestId: 101, fileId: cachedId, length: 50 });
      for (let at = 0; at < REQUEST_HEADER_BYTES; at++) socket.write(slow.subarray(at, at + 1));
      for (let id = 1; id <= 100; id++) socket.write(encodeRequest({ op: id % 2 === 0 ? Op.Read : Op.Status, requestId: id, fileId: cachedId, length: 1000 }));
      await all;
      expect(input).toHaveLength(0);
    });

    it(`holds ${IDLE_CONNECTIONS} idle connections without a thread for any, and serves others`, async () => {
      await fixture.start();
      const before = threads();
      const endpoint = { host: '127.0.0.1', port: fixture.plane.port, unixPath: '' };
      const idle = [];
      for (let i = 0; i < IDLE_CONNECTIONS; i += 50) {
        const some = [...Array(50).keys()].map(async (n) => connectData({ endpoint, keys, role: 'fuse', identity: `fuse/${i + n}`, timeoutMs: 30_000 }));
        idle.push(...(await Promise.all(some)));
      }
      expect(fixture.plane.stats().connections).toBe(IDLE_CONNECTIONS);
      expect(threads()).toBe(before);
      const into = Buffer.alloc(PAGE_BYTES);
      await (await fixture.open()).read(ask(0, PAGE_BYTES), into);
      expect(into.equals(content.subarray(0, PAGE_BYTES))).toBe(true);
      for (const connection of idle) connection.close();
    }, 60_000);

    it('closes connections beyond the limit at once', async () => {
      await fixture.start({ connectionsMax: 2 });
      await fixture.open();
      const second = await fixture.open({ unix: true });
      await expect(fixture.open()).rejects.toMatchObject({ code: 'WorkerUnavailable' });
      expect(fixture.plane.stats()).toMatchObject({ connections: 2, connectionsCut: 1 });
      expect((await second.read(ask(0, 4), Buffer.alloc(4))).bytesRead).toBe(4);
    });

    it('makes the unix socket for owner and group, in place of a dead worker’s', async () => {
      await fixture.start();
      expect(statSync(fixture.unixPath).mode & 0o777).toBe(0o660);
      await fixture.plane.close();
      await fixture.start();
      expect((await (await fixture.open({ unix: true })).read(ask(0, 4), Buffer.alloc(4))).bytesRead).toBe(4);
    });
  });
}
