// Direct reads against servers that write each byte themselves.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type BodySink, HttpOrigin } from './http-exchange.ts';

/** A sink over a buffer, guarded on both sides. */
class Target implements BodySink {
  readonly buffer: Buffer;
  announced = -1;
  received = 0;
  onPlaced: () => void = () => undefined;
  constructor(bytes: number) {
    this.buffer = Buffer.alloc(bytes, 0xee);
  }
  begin({ headers }: Parameters<BodySink['begin']>[0]): void {
    this.announced = Number(headers['content-length'] ?? this.buffer.length);
    if (this.announced > this.buffer.length) throw new RangeError('too long');
  }
  write(chunk: Buffer): void {
    this.buffer.set(chunk, this.received);
    this.received += chunk.length;
  }
  space(): Uint8Array {
    return this.buffer.subarray(this.received, this.announced);
  }
  placed(count: number): void {
    this.received += count;
    this.onPlaced();
  }
}

let server: Server;
let origin: HttpOrigin;
let answer: (socket: Socket, request: string, number: number) => void;
let connections: Socket[];
let requests: string[];

beforeEach(async () => {
  connections = [];
  requests = [];
  server = createServer((socket) => {
    connections.push(socket);
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        requests.push(text.slice(0, end));
        text = text.slice(end + 4);
        answer(socket, requests.at(-1)!, requests.length);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = new HttpOrigin(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 4);
});
afterEach(async () => {
  await origin.close();
  for (const socket of connections) socket.destroy();
  server.close();
});

const get = (target: Target, options: { signal?: AbortSignal; headers?: Record<string, string> } = {}) =>
  origin.send(
    { method: 'GET', path: '/b/k', headers: { range: 'bytes=0-9', ...options.headers } },
    { sink: target, timeoutMs: 10_000, idleTimeoutMs: 10_000, signal: options.signal },
  );
function body(bytes: number, seed = 0): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) buffer[i] = i * 7 + seed;
  return buffer;
}
const withLength = (bytes: Buffer, extra = ''): Buffer => Buffer.concat([Buffer.from(`HTTP/1.1 206 Partial Content\r\ncontent-length: ${bytes.length}\r\n${extra}\r\n`), bytes]);

/** One piece at a time, each on its way before the next is written. */
async function trickle(socket: Socket, bytes: Buffer, pieceBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; at += pieceBytes) {
    await new Promise((resolve) => socket.write(bytes.subarray(at, at + pieceBytes), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a direct read', () => {
  it('puts the body in place however the answer is cut, over one connection', async () => {
    const bytes = body(300);
    const cuts = [1, 2, 3, 7, 64, 89, 1000];
    answer = (socket, _request, number) => void trickle(socket, withLength(bytes), cuts[number - 1]!);
    for (const _cut of cuts) {
      const target = new Target(300);
      const response = await get(target);
      expect(response.status).toBe(206);
      expect(target.buffer.equals(bytes)).toBe(true);
    }
    expect(connections).toHaveLength(1);
    expect(requests[0]).toContain('GET /b/k HTTP/1.1\r\nrange: bytes=0-9');
  });

  it('of many megabytes is right, several at a time', async () => {
    answer = (socket, request) => socket.write(withLength(body(5_000_000, Number(/x-seed: (\d+)/.exec(request)![1]))));
    const seeds = Array.from({ length: 12 }, (_, i) => i);
    const targets = await Promise.all(
      seeds.map(async (seed) => {
        const target = new Target(5_000_000);
        await get(target, { headers: { 'x-seed': String(seed) } });
        return target;
      }),
    );
    for (const [seed, { buffer }] of targets.entries()) expect(buffer.equals(body(5_000_000, seed))).toBe(true);
    expect(connections.length).toBeLessThanOrEqual(4);
  });

  it('opens another connection when the server closes this one after its answer', async () => {
    answer = (socket) => socket.end(withLength(body(10), 'connection: close\r\n'));
    for (let i = 0; i < 2; i++) {
      const target = new Target(10);
      await get(target);
      expect(target.buffer.equals(body(10))).toBe(true);
    }
    expect(connections).toHaveLength(2);
  });

  it('that is aborted writes nothing more into the buffer, and its connection is gone', async () => {
    const abort = new AbortController();
    const target = new Target(1000);
    const half = withLength(body(1000)).subarray(0, -500);
    answer = (socket) => socket.write(half);
    target.onPlaced = () => target.received >= 500 && abort.abort();
    await expect(get(target, { signal: abort.signal })).rejects.toMatchObject({ code: 'Cancelled' });
    const before = Buffer.from(target.buffer);
    connections[0]!.write(body(500));
    answer = (socket) => socket.write(withLength(body(10)));
    await get(new Target(10));
    expect(target.buffer.equals(before)).toBe(true);
    expect(connections).toHaveLength(2);
  });

  it('that is cut short fails and keeps what came', async () => {
    answer = (socket) => socket.end(withLength(body(100)).subarray(0, -40));
    const target = new Target(100);
    await expect(get(target)).rejects.toMatchObject({ code: 'UfsUnavailable' });
    expect(target.received).toBe(60);
    expect(target.buffer.subarray(0, 60).equals(body(60))).toBe(true);
    expect(target.buffer.subarray(60).every((byte) => byte === 0xee)).toBe(true);
  });

  it('is told of a reset connection, and of an answer that is no HTTP', async () => {
    answer = (socket) => socket.resetAndDestroy();
    await expect(get(new Target(10))).rejects.toMatchObject({ code: 'UfsUnavailable' });
    answer = (socket) => socket.write('garbage\r\n\r\n');
    await expect(get(new Target(10))).rejects.toMatchObject({ code: 'UfsUnavailable' });
  });

  it('never writes past the announced length, and bytes behind it never reach the next one', async () => {
    answer = (socket) => socket.write(Buffer.concat([withLength(body(10)), withLength(body(10, 99))]));
    for (let i = 0; i < 2; i++) {
      const target = new Target(20);
      await get(target);
      expect(target.buffer.subarray(0, 10).equals(body(10))).toBe(true);
      expect(target.buffer.subarray(10).every((byte) => byte === 0xee)).toBe(true);
    }
    expect(connections).toHaveLength(2);
  });

  it('whose sink refuses the answer ends the connection', async () => {
    answer = (socket) => socket.write(withLength(body(100)));
    await expect(get(new Target(10))).rejects.toMatchObject({ code: 'Internal' });
    answer = (socket) => socket.write(withLength(body(10)));
    await get(new Target(10));
    expect(connections).toHaveLength(2);
  });

  it('passes over interim answers', async () => {
    answer = (socket) => socket.write(Buffer.concat([Buffer.from('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'), withLength(body(10))]));
    const target = new Target(10);
    await get(target);
    expect(target.buffer.equals(body(10))).toBe(true);
  });
});

describe('answers that are no body of announced length', () => {
  it('a refusal comes collected, chunked ones too, and the connection stays', async () => {
    const text = '<Error><Code>SlowDown</Code></Error>';
    const refusals = [
      `HTTP/1.1 503 Slow Down\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
      `HTTP/1.1 503 Slow Down\r\ntransfer-encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
    ];
    answer = (socket, _request, number) => void trickle(socket, Buffer.from(refusals[number - 1]!), 11);
    for (const _refusal of refusals) {
      const target = new Target(10);
      const response = await get(target);
      expect(response).toMatchObject({ status: 503 });
      expect(response.body.toString()).toBe(text);
      expect(target.received).toBe(0);
    }
    expect(connections).toHaveLength(1);
  });

  it('a chunked success comes piece by piece, over the same connection', async () => {
    answer = (socket) => void trickle(socket, Buffer.from('HTTP/1.1 206 Partial Content\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n'), 5);
    for (let i = 0; i < 2; i++) {
      const target = new Target(10);
      await get(target);
      expect(target.buffer.toString()).toBe('abcdefghij');
    }
    expect(connections).toHaveLength(1);
  });

  it('a success that ends with the connection is read to that end', async () => {
    answer = (socket) => socket.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), body(10)]));
    const target = new Target(10);
    await get(target);
    expect(target.buffer.equals(body(10))).toBe(true);
  });

  it('an answer to HEAD has no body, whatever length it tells', async () => {
    answer = (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n');
    for (let i = 0; i < 2; i++) {
      const response = await origin.send({ method: 'HEAD', path: '/b/k', headers: {} }, { timeoutMs: 10_000, idleTimeoutMs: 10_000 });
      expect(response).toMatchObject({ status: 200, headers: { 'content-length': '5000' } });
    }
    expect(connections).toHaveLength(1);
  });

  it('a body goes out with its length', async () => {
    const sent = Buffer.alloc(300_000, 'x');
    answer = (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    await origin.send({ method: 'PUT', path: '/b/k', headers: {}, body: sent }, { timeoutMs: 10_000, idleTimeoutMs: 10_000 });
    expect(requests[0]).toMatch(/^PUT \/b\/k HTTP\/1.1\r\ncontent-length: 300000$/);
  });

  it('a head without end is refused', async () => {
    answer = (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}`);
    await expect(get(new Target(10))).rejects.toMatchObject({ code: 'UfsUnavailable' });
  });
});

it('a request that HTTP cannot carry is refused before anything is sent', async () => {
  await expect(get(new Target(10), { headers: { 'if-match': 'a\r\nx: y' } })).rejects.toBeDefined();
  expect(requests).toHaveLength(0);
});

it('closing ends reads in flight', async () => {
  answer = (socket) => socket.write(withLength(body(10)).subarray(0, -1));
  const target = new Target(10);
  const placed = new Promise<void>((resolve) => (target.onPlaced = resolve));
  const outcome = get(target).catch((error: unknown) => error);
  await placed;
  await origin.close();
  expect(await outcome).toMatchObject({ code: 'UfsUnavailable' });
});
