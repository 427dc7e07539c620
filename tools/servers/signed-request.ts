// One signed S3 request (SigV4, unsigned payload) by node:http: what the servers' own tests and scripts need, without a client under test.
import { createHash, createHmac } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import { Readable } from 'node:stream';

export interface SignedRequest {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly method: string;
  /** Path and query as they go on the wire; the query sorted. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Instead of `body`, for what should not lie in memory as a whole. */
  readonly stream?: { readonly lengthBytes: number; readonly pieces: Iterable<Uint8Array> };
}
export interface SignedResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export type Credentials = Pick<SignedRequest, 'accessKey' | 'secretKey'>;

/** Headers that authenticate a request whose payload is not signed; other headers may be added freely. */
export function signatureHeaders(request: Pick<SignedRequest, 'method' | 'path'>, host: string, { accessKey, secretKey }: Credentials): Record<string, string> {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const day = stamp.slice(0, 8);
  const [path, query = ''] = request.path.split('?') as [string, string?];
  const signed: Record<string, string> = { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-date': stamp };
  const names = Object.keys(signed).toSorted();
  const canonical = [request.method, path, query, ...names.map((name) => `${name}:${signed[name]}`), '', names.join(';'), 'UNSIGNED-PAYLOAD'].join('\n');
  const scope = `${day}/us-east-1/s3/aws4_request`;
  const key = ['us-east-1', 's3', 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${secretKey}`, day));
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${sha256(canonical)}`).toString('hex');
  return { ...signed, authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}` };
}

function headersOf(options: SignedRequest, host: string): Record<string, string> {
  const lengthBytes = options.stream?.lengthBytes ?? options.body?.length ?? 0;
  return { ...options.headers, ...signatureHeaders(options, host, options), 'content-length': String(lengthBytes) };
}

/** @throws what node:http throws, a connection that breaks off in the body included */
export async function signedRequest(options: SignedRequest): Promise<SignedResponse> {
  const url = new URL(options.endpoint);
  const headers = headersOf(options, url.host);
  return await new Promise((resolve, reject) => {
    const req = request({ hostname: url.hostname, port: url.port, method: options.method, path: options.path, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.once('error', reject);
      res.once('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) }));
    });
    req.once('error', reject);
    if (options.stream === undefined) req.end(options.body);
    else Readable.from(options.stream.pieces).pipe(req);
  });
}
