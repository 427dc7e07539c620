// One kept HTTP/1.1 connection. Bodies of announced length are read by the kernel straight into their taker's buffer: no stream, no copy, one call per
// read. States: idle (any byte is a fault), head (until the empty line), body, closed. Not here: which request goes where, deadlines, retries.
import { connect, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { CacheError } from '../../common/errors/index.ts';
import { ChunkedDecoder, parseResponseHead, type ResponseHead } from './response-head.ts';

/** Ends the connection. */
export interface DirectController {
  abort(): void;
}

/** Takes the response of one request. Nothing is called after `abort`, `onResponseEnd` or `onResponseError`. */
export interface DirectHandler {
  onRequestStart(controller: DirectController): void;
  onResponseStart(status: number, headers: ResponseHead['headers']): void;
  /** Where the next bytes of the body go; undefined: they are to be given to `onResponseData`. */
  space(): Uint8Array | undefined;
  /** So many bytes are in what `space` returned. */
  placed(count: number): void;
  /** @param chunk is the handler's to keep */
  onResponseData(chunk: Buffer): void;
  onResponseEnd(): void;
  onResponseError(error: Error): void;
}

export interface DirectRequest {
  readonly method: string;
  /** With the query, percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** What the pool wants to know. */
export interface ConnectionObserver {
  /** It carried a request to its end and may carry another within `keptMs`. */
  idle(connection: DirectConnection, keptMs: number | undefined): void;
  closed(connection: DirectConnection): void;
}

const HEAD_BYTES_MAX = 32 * 1024;
const LINE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

const broken = (message: string): CacheError => new CacheError('UfsUnavailable', message, { source: 'ufs' });

function requestHead({ method, path, headers, body }: DirectRequest): string {
  const lines = [`${method} ${path} HTTP/1.1`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  const hasBody = body !== undefined || method === 'PUT' || method === 'POST';
  if (hasBody && headers['content-length'] === undefined) lines.push(`content-length: ${body?.length ?? 0}`);
  if (!lines.every((line) => LINE.test(line)) || path.includes(' ')) throw new CacheError('InvalidArgument', 'The request has a character that HTTP does not allow.');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

interface Running {
  readonly method: string;
  readonly handler: DirectHandler;
}
interface Body {
  readonly head: ResponseHead;
  /** Bytes to come by the announced length. */
  left: number;
  readonly chunks: ChunkedDecoder | undefined;
}

export class DirectConnection {
  readonly #socket: Socket;
  readonly #observer: ConnectionObserver;
  readonly #scratch = Buffer.allocUnsafeSlow(HEAD_BYTES_MAX);
  #headBytes = 0;
  #running: Running | undefined;
  #body: Body | undefined;
  /** Where the kernel puts the bytes of this read, when it is not our scratch. */
  #space: Uint8Array | undefined;
  #isClosed = false;
  readonly #controller: DirectController = { abort: () => this.close() };

  constructor(origin: URL, observer: ConnectionObserver) {
    this.#observer = observer;
    const onread: OnReadOpts = { buffer: (() => this.#nextBuffer()) as unknown as Uint8Array, callback: (count) => this.#onRead(count) };
    const isTls = origin.protocol === 'https:';
    const host = origin.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = Number(origin.port === '' ? (isTls ? 443 : 80) : origin.port);
    const address = { host, port, onread };
    // `onread` is an option of the socket that tls makes by itself.
    this.#socket = isTls ? connectTls({ ...address, servername: serverName(host), ALPNProtocols: ['http/1.1'] } as ConnectionOptions) : connect(address);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => this.fail(error));
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('close', () => this.fail(broken('The connection was closed.')));
  }

  /** Only while idle. @throws InvalidArgument for what HTTP cannot carry */
  send(request: DirectRequest, handler: DirectHandler): void {
    const head = requestHead(request);
    this.#running = { method: request.method, handler };
    this.#headBytes = 0;
    handler.onRequestStart(this.#controller);
    if (this.#isClosed) return;
    this.#socket.ref();
    if (request.body === undefined) {
      this.#socket.write(head, 'latin1');
      return;
    }
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    this.#socket.write(request.body);
    this.#socket.uncork();
  }

  /** Tells the handler nothing: who closes knows why. Nothing is written to anyone's buffer afterwards. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#running = undefined;
    this.#socket.destroy();
    this.#observer.closed(this);
  }

  /** Ends it; the request that it carries ends with the error. */
  fail(error: Error): void {
    if (this.#isClosed) return;
    const handler = this.#running?.handler;
    this.close();
    handler?.onResponseError(error);
  }

  #onEnd(): void {
    if (this.#body?.head.framing.kind === 'until-close') this.#finish(this.#body.head, false);
    else this.fail(broken('The store closed the connection before the answer was whole.'));
  }

  /** Asked for after every read: where the kernel puts the next bytes. Never empty. */
  #nextBuffer(): Uint8Array {
    const body = this.#body;
    this.#space = undefined;
    if (body === undefined) return this.#scratch.subarray(this.#headBytes);
    const space = body.left > 0 ? this.#running?.handler.space() : undefined;
    if (space === undefined || space.length === 0) return this.#scratch;
    this.#space = space.length > body.left ? space.subarray(0, body.left) : space;
    return this.#space;
  }

  #onRead(count: number): boolean {
    if (this.#isClosed) return false;
    try {
      if (this.#running === undefined) throw broken('The store sent what nobody asked for.');
      if (this.#body === undefined) this.#onHeadBytes(this.#running, count);
      else if (this.#space === undefined) this.#onBodyBytes(this.#body, Buffer.from(this.#scratch.subarray(0, count)));
      else {
        this.#running.handler.placed(count);
        this.#advance(this.#body, count, 0);
      }
    } catch (error) {
      this.fail(error instanceof Error ? error : broken('The answer could not be read.'));
    }
    return !this.#isClosed;
  }

  #onHeadBytes(running: Running, count: number): void {
    this.#headBytes += count;
    for (;;) {
      const have = this.#scratch.subarray(0, this.#headBytes);
      const end = have.indexOf('\r\n\r\n', 0, 'latin1');
      if (end < 0) {
        if (this.#headBytes === HEAD_BYTES_MAX) throw broken('The head of the answer is too long.');
        return;
      }
      const head = parseResponseHead(have.toString('latin1', 0, end), running.method);
      if (head.status === 101) throw broken('The store wants another protocol.');
      if (head.status >= 200) return this.#begin(running, head, Buffer.from(have.subarray(end + 4)));
      // An interim answer: the real one follows.
      this.#scratch.copyWithin(0, end + 4, this.#headBytes);
      this.#headBytes -= end + 4;
    }
  }

  /** @param rest what came with the head */
  #begin({ handler }: Running, head: ResponseHead, rest: Buffer): void {
    const { framing } = head;
    const body: Body = { head, left: framing.kind === 'length' ? framing.bytes : 0, chunks: framing.kind === 'chunked' ? new ChunkedDecoder() : undefined };
    this.#body = body;
    handler.onResponseStart(head.status, head.headers);
    this.#onBodyBytes(body, rest);
  }

  /** Bytes that are in our own buffer. */
  #onBodyBytes(body: Body, bytes: Buffer): void {
    if (body.chunks !== undefined) {
      const behind = body.chunks.push(bytes, (piece) => this.#give(piece));
      if (body.chunks.isOver && !this.#isClosed) this.#finish(body.head, behind === 0);
      return;
    }
    if (body.head.framing.kind === 'until-close') return this.#give(bytes);
    const own = bytes.subarray(0, body.left);
    this.#give(own);
    this.#advance(body, own.length, bytes.length - own.length);
  }

  #give(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.#isClosed; ) {
      const { handler } = this.#running!;
      const space = handler.space();
      if (space === undefined || space.length === 0) return handler.onResponseData(bytes.subarray(at));
      const piece = bytes.subarray(at, at + space.length);
      space.set(piece);
      at += piece.length;
      handler.placed(piece.length);
    }
  }

  /** @param behind bytes that stand behind the body: such a connection is not used again */
  #advance(body: Body, count: number, behind: number): void {
    body.left -= count;
    if (body.left === 0 && !this.#isClosed) this.#finish(body.head, behind === 0);
  }

  #finish(head: ResponseHead, isClean: boolean): void {
    const { handler } = this.#running!;
    this.#running = undefined;
    this.#body = undefined;
    this.#headBytes = 0;
    const isSent = this.#socket.writableLength === 0;
    if (isClean && isSent && head.isKept && head.framing.kind !== 'until-close') {
      this.#socket.unref();
      this.#observer.idle(this, head.keptMs);
    } else this.close();
    handler.onResponseEnd();
  }
}

/** A name for SNI; addresses have none. */
const serverName = (host: string): string => (/^[\d.]+$|:/.test(host) ? '' : host);
