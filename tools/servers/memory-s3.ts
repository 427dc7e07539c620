// A scripted S3 server in memory whose keys are opaque: `a//b`, `..` and `a/` beside `a` exist, which servers over a file system cannot hold.
// Path-style addresses, no signatures checked. Objects are replaced whole, so a body is always of one version.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { parseS3Request, type S3Request } from './s3-request.ts';

interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modified: Date;
}

export interface MemoryS3 {
  readonly endpoint: string;
  put(key: string, bytes: Uint8Array): void;
  remove(key: string): void;
  close(): Promise<void>;
}

class MemoryS3Server implements MemoryS3 {
  readonly #bucket: string;
  readonly #objects = new Map<string, StoredObject>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(bucket: string) {
    this.#bucket = bucket;
    this.#server = createServer((req, res) => {
      this.#serve(req, res).catch(() => res.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  put(key: string, bytes: Uint8Array): void {
    this.#objects.set(key, { bytes: Buffer.from(bytes), etag: `"${createHash('md5').update(bytes).digest('hex')}"`, modified: new Date() });
  }
  remove(key: string): void {
    this.#objects.delete(key);
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
    const request = parseS3Request(req.method ?? 'GET', req.url ?? '/', req.headers.range ?? '');
    if (request.bucket !== this.#bucket) return sendError(req, res, 404, 'NoSuchBucket');
    if (request.key === '') return request.op === 'list-objects' ? this.#list(req, res) : void res.writeHead(200).end();
    this.#serveObject(req, res, request, Buffer.concat(chunks));
  }

  #serveObject(req: IncomingMessage, res: ServerResponse, request: S3Request, body: Buffer): void {
    if (request.op === 'put-object') this.put(request.key, body);
    if (request.op === 'delete-object') {
      this.#objects.delete(request.key);
      return void res.writeHead(204).end();
    }
    const object = this.#objects.get(request.key);
    if (object === undefined) return sendError(req, res, 404, 'NoSuchKey');
    if (request.op === 'put-object') return void res.writeHead(200, { etag: object.etag, 'content-length': 0 }).end();
    sendObject(req, res, object, request);
  }

  #list(req: IncomingMessage, res: ServerResponse): void {
    const query = new URL(req.url!, 'http://s3').searchParams;
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') ?? '';
    const token = query.get('continuation-token');
    const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'hex').toString();
    const limit = Number(query.get('max-keys') ?? 1000);
    const rows = rowsOf([...this.#objects.keys()], { prefix, delimiter, after });
    const shown = rows.slice(0, limit);
    const isEncoded = query.get('encoding-type') === 'url';
    const text = isEncoded ? (key: string): string => encodeURIComponent(key).replaceAll('%2F', '/') : escapeXml;
    const truncated = rows.length > shown.length;
    const body = [
      '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
      `<Name>${this.#bucket}</Name><Prefix>${text(prefix)}</Prefix><KeyCount>${shown.length}</KeyCount><MaxKeys>${limit}</MaxKeys><IsTruncated>${truncated}</IsTruncated>`,
      isEncoded ? '<EncodingType>url</EncodingType>' : '',
      truncated ? `<NextContinuationToken>${Buffer.from(shown.at(-1)!).toString('hex')}</NextContinuationToken>` : '',
      ...shown.map((row) => {
        const object = delimiter !== '' && isGroup(row, prefix, delimiter) ? undefined : this.#objects.get(row);
        if (object === undefined) return `<CommonPrefixes><Prefix>${text(row)}</Prefix></CommonPrefixes>`;
        return `<Contents><Key>${text(row)}</Key><LastModified>${object.modified.toISOString()}</LastModified><ETag>${escapeXml(object.etag)}</ETag><Size>${object.bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
      }),
      '</ListBucketResult>',
    ].join('');
    res.writeHead(200, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) }).end(body);
  }
}

const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const isGroup = (row: string, prefix: string, delimiter: string): boolean => {
  const at = row.indexOf(delimiter, prefix.length);
  return at >= 0 && at === row.length - delimiter.length;
};

/** Keys and common prefixes behind `after`, in byte order. */
function rowsOf(keys: readonly string[], { prefix, delimiter, after }: { prefix: string; delimiter: string; after: string }): string[] {
  const rows = new Set<string>();
  for (const key of keys.filter((k) => k.startsWith(prefix))) {
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const row = at < 0 ? key : key.slice(0, at + delimiter.length);
    if (Buffer.compare(Buffer.from(row), Buffer.from(after)) > 0) rows.add(row);
  }
  return [...rows].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function sendError(req: IncomingMessage, res: ServerResponse, status: number, code: string): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  res.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) }).end(req.method === 'HEAD' ? undefined : body);
}

function sendObject(req: IncomingMessage, res: ServerResponse, object: StoredObject, { range }: S3Request): void {
  const ifMatch = req.headers['if-match'];
  if (ifMatch !== undefined && ifMatch !== object.etag) return sendError(req, res, 412, 'PreconditionFailed');
  const headers = { etag: object.etag, 'last-modified': object.modified.toUTCString(), 'accept-ranges': 'bytes', 'content-type': 'application/octet-stream' };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  const size = object.bytes.length;
  if (first === undefined || req.method === 'HEAD') {
    res.writeHead(200, { ...headers, 'content-length': size }).end(req.method === 'HEAD' ? undefined : object.bytes);
    return;
  }
  const [from, to] = [Number(first), Math.min(last === '' ? Infinity : Number(last), size - 1)];
  if (from >= size) return sendError(req, res, 416, 'InvalidRange');
  res.writeHead(206, { ...headers, 'content-length': to - from + 1, 'content-range': `bytes ${from}-${to}/${size}` }).end(object.bytes.subarray(from, to + 1));
}

export const startMemoryS3 = (bucket: string): Promise<MemoryS3> => new MemoryS3Server(bucket).listen();
