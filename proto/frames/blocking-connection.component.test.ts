import { readFileSync, closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CacheError } from '../../common/errors/index.ts';
import { descriptorCalls, pollCalls, socketCalls, unixAddress } from '../../common/syscall/index.ts';
import { decodeRequest, encodeChunk, encodeErrorBody, wireOf } from './codec.ts';
import { ChunkFlag, Op, REQUEST_HEADER_BYTES } from './layout.ts';
import { ServerHello } from './session.ts';

const keys = { clusterUid: 'c', dataPlaneKey: Buffer.alloc(32, 3) };
const isSupported = socketCalls !== undefined;
const describeWithLibc = isSupported ? describe : describe.skip; // no koffi here: the blocking client does not exist

interface Step {
  readonly call: 'read' | 'handOver';
  readonly length?: number;
}

/** Runs the blocking client in a thread of its own, since the scripted server needs this one. */
function runClient(options: { readonly port?: number; readonly unixPath?: string; readonly timeoutMs?: number; readonly steps: readonly Step[]; readonly key?: number }) {
  const worker = new Worker(new URL('./testing/blocking-client.ts', import.meta.url), {
    workerData: { port: options.port ?? 0, unixPath: options.unixPath ?? '', timeoutMs: options.timeoutMs ?? 2000, steps: options.steps, key: options.key ?? 3 },
  });
  return new Promise<{ results: { value: number; text: string }[]; error?: string }>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

describeWithLibc('blocking data connection', () => {
  let directory = '';
  let server: Server;
  let answer: (socket: Socket, request: ReturnType<typeof decodeRequest>) => void = () => undefined;
  let closed: PromiseWithResolvers<void>;

  const listen = async (): Promise<number> => {
    closed = Promise.withResolvers();
    server = createServer((socket) => {
      const hello = new ServerHello(keys);
      let input = Buffer.alloc(0);
      socket.on('close', () => closed.resolve()).on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => {
        input = Buffer.concat([input, bytes]);
        if (hello.session === undefined) {
          const message = input.subarray(4);
          input = Buffer.alloc(0);
          try {
            socket.write(hello.answer(message));
          } catch {
            socket.destroy();
          }
          return;
        }
        for (; input.length >= REQUEST_HEADER_BYTES; input = input.subarray(REQUEST_HEADER_BYTES)) answer(socket, decodeRequest(input.subarray(0, REQUEST_HEADER_BYTES)));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'blocking-'));
  });
  afterEach(() => {
    server?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('puts the bytes of several chunks into the caller’s buffer, one after the other', async () => {
    answer = (socket, { requestId, op, flags, length }) => {
      expect({ op, flags, length }).toEqual({ op: Op.Read, flags: 1, length: 8 });
      socket.write(encodeChunk({ requestId, status: 0, flags: ChunkFlag.FromCache }, Buffer.from('first')));
      setImmediate(() => socket.write(encodeChunk({ requestId, status: 0, flags: ChunkFlag.Last }, Buffer.from('two'))));
    };
    const { results } = await runClient({ port: await listen(), steps: [{ call: 'read', length: 8 }] });
    expect(results).toEqual([{ value: 8, text: 'firsttwo' }]);
  });

  it('tells a miss and an error apart from bytes, and goes on afterwards', async () => {
    let asked = 0;
    answer = (socket, { requestId }) => {
      asked += 1;
      if (asked === 1) socket.write(encodeChunk({ requestId, status: 0, flags: ChunkFlag.Last | ChunkFlag.CacheMiss }));
      else if (asked === 2) socket.write(encodeChunk({ requestId, status: wireOf('Overloaded'), flags: ChunkFlag.Last }, encodeErrorBody(new CacheError('Overloaded', 'No.'))));
      else socket.write(encodeChunk({ requestId, status: 0, flags: ChunkFlag.Last }, Buffer.from('good')));
    };
    const steps = [1, 2, 3].map(() => ({ call: 'read', length: 4 }) as const);
    const { results } = await runClient({ port: await listen(), steps });
    expect(results.map(({ value }) => value)).toEqual([-1, -1, 4]);
    expect(results[2]?.text).toBe('good');
  });

  it('gives up a stopped worker and never takes its late reply for another’s', async () => {
    answer = (socket, { requestId }) => socket.write(encodeChunk({ requestId, status: 0, flags: ChunkFlag.Last }, Buffer.from('late')).subarray(0, 18));
    const { results } = await runClient({
      port: await listen(),
      timeoutMs: 50,
      steps: [
        { call: 'read', length: 4 },
        { call: 'read', length: 4 },
      ],
    });
    expect(results.map(({ value }) => value)).toEqual([-2, -2]);
    await closed.promise;
  });

  it.each([
    ['names another request', (id: number) => encodeChunk({ requestId: id + 1, status: 0, flags: ChunkFlag.Last }, Buffer.from('good'))],
    ['is longer than the read', (id: number) => encodeChunk({ requestId: id, status: 0, flags: ChunkFlag.Last }, Buffer.alloc(5))],
  ])('closes when a reply %s', async (_what, chunk) => {
    answer = (socket, { requestId }) => socket.write(chunk(requestId));
    const { results } = await runClient({ port: await listen(), steps: [{ call: 'read', length: 4 }] });
    expect(results[0]?.value).toBe(-2);
    await closed.promise;
  });

  it('says who refused: nobody listening, and another key', async () => {
    const port = await listen();
    expect((await runClient({ port, steps: [], key: 4 })).error).toBe('Unauthenticated');
    await new Promise((resolve) => server.close(resolve));
    expect((await runClient({ port, steps: [] })).error).toBe('WorkerUnavailable');
    expect((await runClient({ unixPath: join(directory, 'none'), steps: [] })).error).toBe('WorkerUnavailable');
  });
});

describeWithLibc('descriptor passing', () => {
  it('a descriptor crosses a unix socket with the bytes that it rides on', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rights-'));
    const [sockets, polls, descriptors] = [socketCalls!, pollCalls!, descriptorCalls!];
    const address = unixAddress(join(directory, 's'))!;
    const listening = sockets.open(address, { nonBlocking: true });
    expect(sockets.listen(listening, address, 4)).toBe(0);
    const near = sockets.open(address);
    expect(sockets.connect(near, address)).toBe(0);
    expect(polls.poll(listening, 1, 1000)).toBe(1);
    const far = sockets.accept(listening);
    writeFileSync(join(directory, 'f'), 'page');
    const file = openSync(join(directory, 'f'), 'r');
    expect(sockets.sendDescriptor(far, Buffer.from('here'), file)).toBe(4);
    closeSync(file);
    const into = Buffer.alloc(4);
    const { bytes, descriptor } = sockets.receiveDescriptor(near, into);
    expect([bytes, into.toString()]).toEqual([4, 'here']);
    const content = Buffer.alloc(4);
    expect(readSync(descriptor, content, 0, 4, 0)).toBe(4);
    expect(content.toString()).toBe('page');
    expect(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')).toMatch(/flags:\s+0?2/); // close-on-exec
    expect(sockets.send(far, Buffer.from('bare'), 4, 0)).toBe(4);
    expect(sockets.receiveDescriptor(near, into)).toEqual({ bytes: 4, descriptor: -1 });
    for (const fd of [near, far, listening, descriptor]) descriptors.close(fd);
    rmSync(directory, { recursive: true });
  });
});
