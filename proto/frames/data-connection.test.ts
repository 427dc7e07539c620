import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { decodeReadTarget, decodeRequest, encodeChunk, encodeChunkHeader, encodeReadTarget, encodeRequest } from './codec.ts';
import { connectData } from './data-connection.ts';
import { ChunkFlag, Op } from './layout.ts';
import { ServerHello } from './session.ts';

const keys = { clusterUid: 'c', dataPlaneKey: Buffer.alloc(32, 3) };

/** A server whose replies the test writes by hand; `next` gives the next bytes after the hello. */
async function scripted() {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    const hello = new ServerHello(keys);
    const greet = (bytes: Buffer): void => {
      socket.write(hello.answer(bytes.subarray(4)));
      if (hello.session === undefined) return;
      socket.off('data', greet);
      accepted.resolve(socket);
    };
    socket.on('data', greet).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const connection = await connectData({ endpoint: { host: '127.0.0.1', port, unixPath: '' }, keys, role: 'cli', identity: 'cli/t', timeoutMs: 3000 });
  const socket = await accepted.promise;
  const next = () => new Promise<Buffer>((resolve) => socket.once('data', resolve));
  return { connection, socket, next, close: () => (connection.close(), server.close()) };
}

describe('data connection', () => {
  it('never writes into the destination of a cancelled read after it has settled, and the connection goes on', async () => {
    const { connection, socket, next, close } = await scripted();
    const stop = new AbortController();
    const into = Buffer.alloc(1000);
    const arrived = next();
    const read = connection.read({ fileId: Buffer.alloc(16), offset: 0, length: 1000, flags: 0, ringRevision: 1, timeoutMs: 3000, signal: stop.signal }, into);
    const { requestId } = decodeRequest(await arrived);
    const head = Buffer.alloc(16);
    encodeChunkHeader(head, { requestId, status: 0, flags: ChunkFlag.Last, length: 1000 });
    socket.write(Buffer.concat([head, Buffer.alloc(10, 1)]));
    while (into[9] === 0) await new Promise(setImmediate);
    const cancel = next();
    stop.abort();
    expect(decodeRequest(await cancel)).toMatchObject({ op: Op.Cancel, offset: requestId });
    expect(connection.inFlight).toBe(1);
    socket.write(Buffer.alloc(100, 1));
    await expect(read).rejects.toMatchObject({ code: 'Cancelled' });
    into.fill(9);
    const pinged = next();
    const ping = connection.call(Op.Ping, Buffer.alloc(0));
    const second = decodeRequest(await pinged).requestId;
    socket.write(Buffer.concat([Buffer.alloc(890, 1), encodeChunk({ requestId: second, status: 0, flags: ChunkFlag.Last })]));
    await ping;
    expect(into.every((byte) => byte === 9)).toBe(true);
    close();
  });

  it('takes an answer that came while this process was held up for longer than the time-out', async () => {
    const { connection, socket, next, close } = await scripted();
    const arrived = next();
    const ping = connection.call(Op.Ping, Buffer.alloc(0), { timeoutMs: 200 });
    const { requestId } = decodeRequest(await arrived);
    socket.write(encodeChunk({ requestId, status: 0, flags: ChunkFlag.Last }));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    await expect(ping).resolves.toMatchObject({ flags: ChunkFlag.Last });
    close();
  });

  it('cuts a server that sends more than was asked for', async () => {
    const { connection, socket, next, close } = await scripted();
    const arrived = next();
    const read = connection.read({ fileId: Buffer.alloc(16), offset: 0, length: 4, flags: 0, ringRevision: 1, timeoutMs: 3000 }, Buffer.alloc(8));
    const { requestId } = decodeRequest(await arrived);
    socket.write(encodeChunk({ requestId, status: 0, flags: ChunkFlag.Last }, Buffer.alloc(5)));
    await expect(read).rejects.toMatchObject({ code: 'ProtocolMismatch' });
    expect(connection.closed).toBe(true);
    close();
  });
});

describe('codec', () => {
  it('refuses unknown operations, impossible lengths and numbers beyond 2^53', () => {
    const frame = encodeRequest({ op: Op.Read, requestId: 2 ** 52 + 1, offset: 2 ** 42 });
    expect(decodeRequest(frame)).toMatchObject({ requestId: 2 ** 52 + 1, offset: 2 ** 42 });
    const broken = (at: number, value: number): Buffer => (frame.writeUInt32LE(value, at), Buffer.from(frame));
    expect(() => decodeRequest(broken(60, 0xffffffff))).toThrow('2^53');
    expect(() => decodeRequest(broken(4, 999))).toThrow('unknown operation');
    expect(() => decodeRequest(broken(0, 0x7fffffff))).toThrow('impossible length');
  });
  it('refuses a read target cut anywhere', () => {
    const bytes = encodeReadTarget({ path: '/a\udcff', ufsUri: 's3://b', version: '', fileLength: 5 });
    expect(decodeReadTarget(bytes)).toEqual({ path: '/a\udcff', ufsUri: 's3://b', version: '', fileLength: 5 });
    for (let end = 1; end < bytes.length; end++) expect(() => decodeReadTarget(bytes.subarray(0, end))).toThrow('cut short');
  });
});
