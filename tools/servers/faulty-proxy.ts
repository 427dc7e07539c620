// An HTTP proxy before an S3 server: counts what is asked, adds latency, limits bandwidth, breaks answers by rule. Requests pass unchanged, Host
// included, so signatures hold.
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request as httpRequest, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type ActiveFault, type FaultRule, FaultRules } from './fault.ts';
import { sendBody } from './proxy-body.ts';
import { parseS3Request, type S3Request } from './s3-request.ts';
import { type Credentials, signatureHeaders } from './signed-request.ts';

export interface FaultyProxyOptions {
  /** `http://host:port` of the server. */
  readonly upstream: string;
  /** From the arrival of a request to the first byte of its answer. Default 0. */
  readonly latencyMs?: number;
  /** All answers together. Default: no limit. */
  readonly bytesPerSecond?: number;
  /** Default: any free one. */
  readonly port?: number;
  /** To sign again what `if-match-stripped` changed; not needed before servers that check no signatures. */
  readonly credentials?: Credentials;
}

export interface FaultyProxy {
  readonly endpoint: string;
  /** GET requests for objects so far, broken ones included. */
  dataRequests(): number;
  /** Requests so far by operation (`get-object`, `head-object`, `list-objects`, …). */
  requests(): Readonly<Record<string, number>>;
  /** The latest requests, oldest first, at most 100,000. */
  seen(): readonly S3Request[];
  /** Bytes of bodies sent to the client. */
  bytes(): number;
  /** Requests whose answer has not ended. */
  inFlight(): number;
  setLatency(latencyMs: number): void;
  /** undefined: no limit. */
  setBandwidth(bytesPerSecond: number | undefined): void;
  setFault(rule: FaultRule): ActiveFault;
  clearFaults(): void;
  close(): Promise<void>;
}

const SEEN_MAX = 100_000;

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly request: S3Request;
  readonly fault: FaultRule | undefined;
  /** performance.now() before which nothing is answered. */
  readonly notBefore: number;
}

class Proxy implements FaultyProxy {
  readonly #upstream: URL;
  readonly #credentials: Credentials | undefined;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1024 });
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #rules = new FaultRules();
  readonly #counts: Record<string, number> = {};
  #seen: S3Request[] = [];
  #latencyMs: number;
  #bytesPerSecond: number | undefined;
  #paidUntil = 0;
  #bytes = 0;
  #inFlight = 0;
  #endpoint = '';

  constructor(options: FaultyProxyOptions) {
    this.#upstream = new URL(options.upstream);
    this.#credentials = options.credentials;
    this.#latencyMs = options.latencyMs ?? 0;
    this.#bytesPerSecond = options.bytesPerSecond;
    this.#server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0, highWaterMark: 1 << 18 }, (req, res) => this.#onRequest(req, res));
    this.#server.on('connection', (socket) => {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get endpoint(): string {
    return this.#endpoint;
  }
  dataRequests = (): number => this.#counts['get-object'] ?? 0;
  requests = (): Readonly<Record<string, number>> => ({ ...this.#counts });
  seen = (): readonly S3Request[] => this.#seen.slice(-SEEN_MAX);
  bytes = (): number => this.#bytes;
  inFlight = (): number => this.#inFlight;
  setLatency = (latencyMs: number): void => void (this.#latencyMs = latencyMs);
  setBandwidth = (bytesPerSecond: number | undefined): void => void (this.#bytesPerSecond = bytesPerSecond);
  setFault = (rule: FaultRule): ActiveFault => this.#rules.add(rule);
  clearFaults = (): void => this.#rules.clear();

  async listen(port: number): Promise<this> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#endpoint = `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
    return this;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #onRequest(req: IncomingMessage, res: ServerResponse): void {
    const request = parseS3Request(req.method ?? 'GET', req.url ?? '/', req.headers.range ?? '');
    this.#counts[request.op] = (this.#counts[request.op] ?? 0) + 1;
    this.#seen.push(request);
    if (this.#seen.length >= 2 * SEEN_MAX) this.#seen = this.#seen.slice(-SEEN_MAX);
    this.#inFlight++;
    res.once('close', () => this.#inFlight--);
    this.#handle({ req, res, request, fault: this.#rules.take(request), notBefore: performance.now() + this.#latencyMs });
  }

  #handle(exchange: Exchange): void {
    const { req, res, fault } = exchange;
    if (fault?.kind === 'hang') return void req.resume();
    if (fault?.kind === 'reset-before-body') return void req.socket.resetAndDestroy();
    if (fault?.kind === 'slow-down') return answerError(exchange, 503, 'SlowDown');
    if (fault?.kind === 'internal-error') return answerError(exchange, 500, 'InternalError');
    const headers = fault?.kind === 'if-match-stripped' ? this.#withoutIfMatch(req) : req.rawHeaders;
    const { hostname, port } = this.#upstream;
    const forwarded = httpRequest({ hostname, port, method: req.method, path: req.url, headers, agent: this.#agent, setDefaultHeaders: false }, (answer) =>
      this.#afterLatency(exchange, answer),
    );
    forwarded.on('error', () => res.destroy());
    res.once('close', () => forwarded.destroy());
    req.pipe(forwarded);
  }

  #withoutIfMatch(req: IncomingMessage): string[] {
    if (this.#credentials === undefined) return withoutHeaders(req.rawHeaders, new Set(['if-match']));
    // The signature covered the header.
    const signed = signatureHeaders({ method: req.method!, path: req.url! }, req.headers.host!, this.#credentials);
    return [...withoutHeaders(req.rawHeaders, new Set(['if-match', 'x-amz-security-token', ...Object.keys(signed)])), ...Object.entries(signed).flat()];
  }

  #afterLatency(exchange: Exchange, answer: IncomingMessage): void {
    answer.pause();
    const wait = exchange.notBefore - performance.now();
    if (wait > 0.5) setTimeout(() => this.#answer(exchange, answer), wait);
    else this.#answer(exchange, answer);
  }

  #answer({ req, res, fault }: Exchange, answer: IncomingMessage): void {
    if (res.destroyed) return void answer.destroy();
    const onBytes = (count: number): number => {
      this.#bytes += count;
      return this.#delayOf(count);
    };
    sendBody({ answer, res, fault, isHead: req.method === 'HEAD', onBytes }).catch(() => res.destroy());
  }

  /** Milliseconds to wait so that all answers together keep within the bandwidth. */
  #delayOf(count: number): number {
    if (this.#bytesPerSecond === undefined) return 0;
    const now = performance.now();
    this.#paidUntil = Math.max(this.#paidUntil, now) + (count / this.#bytesPerSecond) * 1000;
    return this.#paidUntil - now;
  }
}

function withoutHeaders(rawHeaders: readonly string[], names: ReadonlySet<string>): string[] {
  const out: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) if (!names.has(rawHeaders[i]!.toLowerCase())) out.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  return out;
}

function answerError({ req, res, notBefore }: Exchange, status: number, code: string): void {
  req.resume();
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code} by rule</Message></Error>`;
  setTimeout(
    () => {
      res.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) });
      res.end(req.method === 'HEAD' ? undefined : body);
    },
    Math.max(0, notBefore - performance.now()),
  );
}

export const startFaultyProxy = (options: FaultyProxyOptions): Promise<FaultyProxy> => new Proxy(options).listen(options.port ?? 0);
