// The bucket that cold reads come from: a real versitygw with objects of random bytes. Owns keys, contents and signed requests for them.
import { randomFillSync } from 'node:crypto';
import { linkSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signedRequest, startVersitygw, type Versitygw } from '../../tools/servers/index.ts';
import { RequestSigner } from '../../ufs/s3/request-signer.ts';
import type { Cleanup } from '../cleanup.ts';

const MIB = 2 ** 20;
const NAME = 'cold';
/** The same objects of 1 GiB once more: a mount table takes a bucket only once. */
const TWIN = 'cold-twin';
const PART_BYTES = 64 * MIB;
const PARTS = 16;
const REGION = 'us-east-1';

export interface BucketObject {
  readonly key: string;
  readonly bytes: number;
}

export interface Bucket {
  readonly server: Versitygw;
  readonly name: string;
  readonly ufsUri: string;
  /** Of a bucket that has the objects of 1 GiB only. */
  readonly twinUri: string;
  /** 16 objects of 64 MiB. */
  readonly parts: readonly BucketObject[];
  /** Objects of 1 GiB, one for each round: none is read twice. */
  readonly wholes: readonly BucketObject[];
  /** Mount options that reach it at `endpoint`. */
  optionsAt(endpoint: string): Record<string, string>;
  /** Requests for all ranges of the objects, as cold-loader reads them. */
  rangeRequests(objects: readonly BucketObject[], rangeBytes: number, endpoint: string): Promise<Buffer>;
}

async function put(server: Versitygw, key: string, body: Buffer): Promise<BucketObject> {
  const { endpoint, accessKey, secretKey } = server;
  const answer = await signedRequest({ endpoint, accessKey, secretKey, method: 'PUT', path: `/${NAME}/${key}`, body });
  if (answer.status !== 200) throw new Error(`PUT ${key} answered ${answer.status}: ${answer.body.toString()}`);
  return { key, bytes: body.length };
}

/** Every 64 MiB of the body differ, so that pages in the wrong place would be seen. */
function randomBody(bytes: number): Buffer {
  const body = Buffer.allocUnsafe(bytes);
  randomFillSync(body.subarray(0, Math.min(bytes, PART_BYTES)));
  for (let at = PART_BYTES; at < bytes; at += PART_BYTES) {
    body.copyWithin(at, 0, PART_BYTES);
    body.writeBigUInt64LE(BigInt(at), at);
  }
  return body;
}

export async function startBucket(cleanup: Cleanup, wholeObjects: number): Promise<Bucket> {
  const directory = mkdtempSync(join(tmpdir(), 'alluxio-bench-s3-'));
  cleanup.add(() => rmSync(directory, { recursive: true, force: true }));
  const server = await startVersitygw({ directory, buckets: [NAME, TWIN] });
  cleanup.add(() => server.close());
  const parts: BucketObject[] = [];
  for (let i = 0; i < PARTS; i++) parts.push(await put(server, `part-${i}`, randomBody(PART_BYTES)));
  const first = await put(server, 'whole-0', randomBody(1024 * MIB));
  // The other keys are links to the same file: new objects to every client, while the server reads them from memory as it does the first.
  const wholes = Array.from({ length: wholeObjects }, (_, i) => ({ key: `whole-${i}`, bytes: first.bytes }));
  for (const { key } of wholes.slice(1)) linkSync(join(directory, NAME, 'whole-0'), join(directory, NAME, key));
  for (const { key } of wholes) linkSync(join(directory, NAME, 'whole-0'), join(directory, TWIN, key));
  const { accessKey, secretKey } = server;
  return {
    server,
    name: NAME,
    ufsUri: `s3://${NAME}/`,
    twinUri: `s3://${TWIN}/`,
    parts,
    wholes,
    optionsAt: (endpoint) => ({
      's3a.accessKeyId': accessKey,
      's3a.secretKey': secretKey,
      'alluxio.underfs.s3.endpoint': endpoint,
      'alluxio.underfs.s3.endpoint.region': REGION,
      'alluxio.underfs.s3.disable.dns.buckets': 'true',
    }),
    rangeRequests: (objects, rangeBytes, endpoint) => rangeRequests(server, { objects, rangeBytes, host: new URL(endpoint).host }),
  };
}

interface Ranges {
  readonly objects: readonly BucketObject[];
  readonly rangeBytes: number;
  readonly host: string;
}

/** Signed by the signer of the UFS client. */
async function rangeRequests(server: Versitygw, { objects, rangeBytes, host }: Ranges): Promise<Buffer> {
  const signer = new RequestSigner(
    () => Promise.resolve({ accessKeyId: server.accessKey, secretAccessKey: server.secretKey }),
    () => REGION,
  );
  const records: string[] = [];
  for (const { key, bytes } of objects) {
    for (let from = 0; from < bytes; from += rangeBytes) {
      const to = Math.min(bytes, from + rangeBytes);
      const path = `/${NAME}/${key}`;
      const headers = await signer.sign({ method: 'GET', host, path, query: {}, headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', range: `bytes=${from}-${to - 1}` } });
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const head = `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
      records.push(`${to - from} ${head.length}\n${head}`);
    }
  }
  return Buffer.from(records.join(''), 'latin1');
}
