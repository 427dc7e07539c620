// An S3 server in memory for tests: keys are opaque (`a//b`, `..`, `a/` beside `a`), signatures are checked by a second implementation, and a script may
// answer in the server's stead, wrongly if it likes. One bucket, path style. Objects are replaced whole.
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { isSignedRight } from './signature-check.ts';

export interface ScriptedObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modified: Date;
  readonly headers: Readonly<Record<string, string>>;
}
export interface ScriptedExchange {
  readonly op: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly body: Buffer;
  readonly socket: Socket;
}
/** Returns true when it has answered, or means to leave the request without an answer. */
export type Script = (exchange: ScriptedExchange) => boolean | Promise<boolean>;

export interface ScriptedS3Options {
  readonly bucket?: string;
  readonly region?: string;
  readonly sessionToken?: string;
  /** PEM: speaks HTTPS, as `localhost`. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

interface Upload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string }>;
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const xml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
/** As listings of AWS encode keys. */
const listed = (key: string): string => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
const KEPT_HEADERS = /^(content-type|x-amz-meta-.*)$/;

export class ScriptedS3 {
  readonly accessKey = 'AKSCRIPTED';
  readonly secretKey = 'scripted/secret+key';
  readonly bucket: string;
  readonly region: string;
  sessionToken: string | undefined;
  readonly objects = new Map<string, ScriptedObject>();
  readonly seen: { readonly op: string; readonly key: string; readonly headers: IncomingMessage['headers'] }[] = [];
  connections = 0;
  script: Script | undefined;
  readonly #uploads = new Map<string, Upload>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #isTls: boolean;

  constructor(options: ScriptedS3Options = {}) {
    this.bucket = options.bucket ?? 'bucket';
    this.region = options.region ?? 'us-east-1';
    this.sessionToken = options.sessionToken;
    const serve = (req: IncomingMessage, res: ServerResponse): void => void this.#serve(req, res).catch(() => res.destroy());
    this.#isTls = options.tls !== undefined;
    this.#server = options.tls === undefined ? createServer({ keepAliveTimeout: 60_000 }, serve) : createTlsServer({ keepAliveTimeout: 60_000, ...options.tls }, serve);
    this.#server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** @param port 0: any free one */
  async start(port = 0): Promise<this> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }
  get endpoint(): string {
    const { port } = this.#server.address() as AddressInfo;
    return this.#isTls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
  }
  /** Options of a mount of this bucket. */
  get options(): Record<string, string> {
    return {
      's3a.accessKeyId': this.accessKey,
      's3a.secretKey': this.secretKey,
      'alluxio.underfs.s3.endpoint': this.endpoint,
      'alluxio.underfs.s3.endpoint.region': this.region,
      ...(this.sessionToken !== undefined && { 's3a.sessionToken': this.sessionToken }),
    };
  }
  put(key: string, bytes: Uint8Array | string, headers: Readonly<Record<string, string>> = {}, etag?: string): ScriptedObject {
    const copy = Buffer.from(bytes as Uint8Array);
    const object = { bytes: copy, etag: `"${etag ?? md5(copy)}"`, modified: new Date(), headers };
    this.objects.set(key, object);
    return object;
  }
  count(op: string): number {
    return this.seen.filter((request) => request.op === op).length;
  }
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const [path = '/', queryText = ''] = req.url!.split(/\?([^]*)/);
    const [, bucket = '', key = ''] = /^\/([^/]*)\/?([^]*)$/.exec(decodeURIComponent(path)) ?? [];
    const query = new URLSearchParams(queryText);
    const exchange: ScriptedExchange = { op: opOf(req.method!, key, query, req), key, query, req, res, body, socket: req.socket };
    this.seen.push({ op: exchange.op, key, headers: req.headers });
    if ((await this.script?.(exchange)) === true) return;
    const identity = { accessKey: this.accessKey, secretKey: this.secretKey, region: this.region, sessionToken: this.sessionToken };
    const fault = isSignedRight({ method: req.method!, path, queryText, headers: req.headers, body }, identity);
    if (fault !== undefined) return sendError(exchange, 403, fault);
    if (bucket !== this.bucket) return sendError(exchange, 404, 'NoSuchBucket');
    this.#answer(exchange);
  }

  #answer(exchange: ScriptedExchange): void {
    const { op, key, query, res, req, body } = exchange;
    if (op === 'ListObjectsV2') return this.#list(exchange);
    if (op === 'HeadObject' || op === 'GetObject') return this.sendObject(exchange);
    if (op === 'DeleteObject') {
      this.objects.delete(key);
      return void res.writeHead(204).end();
    }
    if (op === 'CreateMultipartUpload') {
      const uploadId = randomUUID();
      this.#uploads.set(uploadId, { key, headers: keptHeaders(req), parts: new Map() });
      return sendXml(exchange, `<InitiateMultipartUploadResult><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`);
    }
    if (query.has('uploadId')) return this.#multipart(exchange);
    if (req.headers['if-none-match'] === '*' && this.objects.has(key)) return sendError(exchange, 412, 'PreconditionFailed');
    if (op === 'CopyObject') return this.#copy(exchange);
    if (op !== 'PutObject') return sendError(exchange, 501, 'NotImplemented');
    const { etag } = this.put(key, body, keptHeaders(req));
    res.writeHead(200, { etag, 'content-length': 0 }).end();
  }

  #copy(exchange: ScriptedExchange): void {
    const { key, req } = exchange;
    const source = decodeURIComponent(String(req.headers['x-amz-copy-source'])).replace(`/${this.bucket}/`, '');
    const object = this.objects.get(source);
    if (object === undefined) return sendError(exchange, 404, 'NoSuchKey');
    if (req.headers['x-amz-copy-source-if-match'] !== object.etag) return sendError(exchange, 412, 'PreconditionFailed');
    const { etag } = this.put(key, object.bytes, object.headers);
    sendXml(exchange, `<CopyObjectResult><ETag>${xml(etag)}</ETag></CopyObjectResult>`);
  }

  #multipart(exchange: ScriptedExchange): void {
    const { op, key, query, res, req, body } = exchange;
    const upload = this.#uploads.get(query.get('uploadId')!);
    if (upload?.key !== key) return sendError(exchange, 404, 'NoSuchUpload');
    if (op === 'AbortMultipartUpload') {
      this.#uploads.delete(query.get('uploadId')!);
      return void res.writeHead(204).end();
    }
    if (op === 'UploadPart') {
      const etag = `"${md5(body)}"`;
      upload.parts.set(Number(query.get('partNumber')), { bytes: body, etag });
      return void res.writeHead(200, { etag, 'content-length': 0 }).end();
    }
    if (req.headers['if-none-match'] === '*' && this.objects.has(key)) return sendError(exchange, 412, 'PreconditionFailed');
    const parts = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag>/g)].map(([, number, etag]) => {
      const part = upload.parts.get(Number(number));
      return part?.etag === etag!.replaceAll('&quot;', '"') ? part : undefined;
    });
    if (parts.includes(undefined)) return sendError(exchange, 400, 'InvalidPart');
    const digest = md5(Buffer.concat(parts.map((part) => Buffer.from(part!.etag.replaceAll('"', ''), 'hex'))));
    const object = this.put(key, Buffer.concat(parts.map((part) => part!.bytes)), upload.headers, `${digest}-${parts.length}`);
    this.#uploads.delete(query.get('uploadId')!);
    sendXml(exchange, `<CompleteMultipartUploadResult><ETag>${xml(object.etag)}</ETag></CompleteMultipartUploadResult>`);
  }

  /** @param change another object or other headers than the right ones */
  sendObject(
    exchange: ScriptedExchange,
    change: { readonly object?: ScriptedObject; readonly headers?: Record<string, string | number>; readonly ignoresIfMatch?: boolean } = {},
  ): void {
    const { req, res, key, op } = exchange;
    const object = change.object ?? this.objects.get(key);
    if (object === undefined) return sendError(exchange, 404, 'NoSuchKey');
    const ifMatch = req.headers['if-match'];
    if (ifMatch !== undefined && ifMatch !== object.etag && change.ignoresIfMatch !== true) return sendError(exchange, 412, 'PreconditionFailed');
    const headers = { 'content-type': 'binary/octet-stream', ...object.headers, etag: object.etag, 'last-modified': object.modified.toUTCString() };
    const size = object.bytes.length;
    const range = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? '');
    if (op === 'HeadObject' || range === null)
      return void res.writeHead(200, { ...headers, 'content-length': size, ...change.headers }).end(op === 'HeadObject' ? undefined : object.bytes);
    const [first, last] = [Number(range[1]), Math.min(Number(range[2]), size - 1)];
    if (first >= size) return sendError(exchange, 416, 'InvalidRange');
    res.writeHead(206, { ...headers, 'content-length': last - first + 1, 'content-range': `bytes ${first}-${last}/${size}`, ...change.headers });
    res.end(object.bytes.subarray(first, last + 1));
  }

  #list(exchange: ScriptedExchange): void {
    const { query } = exchange;
    const [prefix, delimiter, limit] = [query.get('prefix') ?? '', query.get('delimiter') ?? '', Number(query.get('max-keys') ?? 1000)];
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const groupOf = (key: string): string => {
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      return at < 0 ? key : key.slice(0, at + delimiter.length);
    };
    const isToken = query.has('continuation-token');
    const behind = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && byBytes(isToken ? groupOf(key) : key, after) > 0);
    const rows = [...new Set(behind.map(groupOf))].toSorted(byBytes);
    const shown = rows.slice(0, limit);
    const rest = rows.length > shown.length ? `<NextContinuationToken>${xml(shown.at(-1)!)}</NextContinuationToken>` : '';
    const entries = shown.map((row) => {
      const object = behind.includes(row) ? this.objects.get(row) : undefined;
      if (object === undefined || (delimiter !== '' && row.endsWith(delimiter) && row !== prefix)) return `<CommonPrefixes><Prefix>${listed(row)}</Prefix></CommonPrefixes>`;
      const facts = `<LastModified>${object.modified.toISOString()}</LastModified><ETag>${xml(object.etag)}</ETag><Size>${object.bytes.length}</Size>`;
      return `<Contents><Key>${listed(row)}</Key>${facts}<StorageClass>STANDARD</StorageClass></Contents>`;
    });
    sendXml(exchange, `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${rest !== ''}</IsTruncated>${rest}${entries.join('')}</ListBucketResult>`);
  }
}

const keptHeaders = (req: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(req.headers as Record<string, string>).filter(([name]) => KEPT_HEADERS.test(name)));

function opOf(method: string, key: string, query: URLSearchParams, req: IncomingMessage): string {
  if (method === 'GET') return key === '' ? 'ListObjectsV2' : 'GetObject';
  if (method === 'HEAD') return 'HeadObject';
  if (method === 'DELETE') return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'POST') return query.has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload';
  if (query.has('partNumber')) return 'UploadPart';
  return req.headers['x-amz-copy-source'] === undefined ? 'PutObject' : 'CopyObject';
}

export function sendXml({ res }: ScriptedExchange, body: string, status = 200, headers: Record<string, string | number> = {}): void {
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n${body}`;
  res.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(text), ...headers }).end(text);
}

/** An answer to HEAD has the status only. */
export function sendError(
  exchange: ScriptedExchange,
  status: number,
  code: string,
  rest: { readonly xml?: string; readonly headers?: Record<string, string | number> } = {},
): void {
  if (exchange.op === 'HeadObject') return void exchange.res.writeHead(status, rest.headers).end();
  sendXml(exchange, `<Error><Code>${code}</Code><Message>scripted</Message>${rest.xml ?? ''}</Error>`, status, rest.headers);
}

export const startScriptedS3 = (options: ScriptedS3Options = {}): Promise<ScriptedS3> => new ScriptedS3(options).start();
