// A bucket behind a proxy that counts and fails on demand: a real S3 server over a directory, or one in memory for keys that no directory can hold.
import { mkdirSync } from 'node:fs';
import { type FaultyProxy, signedRequest, startFaultyProxy, startMemoryS3, startVersitygw } from '../../tools/servers/index.ts';
import type { UfsMount } from './cluster.ts';
import { patternBytes } from './pattern.ts';
import { removeScratch, scratchDirectory } from './scratch.ts';

export interface BucketOptions {
  readonly server?: 'versitygw' | 'memory';
  readonly latencyMs?: number;
}

export interface Bucket {
  /** To mount: reached through the proxy. */
  readonly ufs: UfsMount;
  readonly proxy: FaultyProxy;
  /** Not through the proxy. @returns the new ETag */
  put(key: string, bytes: Uint8Array): Promise<string>;
  /** `lengthBytes` of the pattern of `seed`, never whole in memory. */
  putPattern(key: string, seed: number, lengthBytes: number): Promise<void>;
  remove(key: string): Promise<void>;
  close(): Promise<void>;
}

const BUCKET = 'bucket';
const PIECE_BYTES = 8 << 20;

/** As SigV4 wants it: everything but unreserved characters and slashes. */
const encodeKey = (key: string): string =>
  encodeURIComponent(key)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/');

function* patternPieces(seed: number, lengthBytes: number): Generator<Uint8Array> {
  for (let offset = 0; offset < lengthBytes; offset += PIECE_BYTES) yield patternBytes(seed, offset, Math.min(PIECE_BYTES, lengthBytes - offset));
}

interface Store {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  close(): Promise<void>;
}

async function startStore(kind: 'versitygw' | 'memory'): Promise<Store> {
  if (kind === 'memory') {
    const server = await startMemoryS3(BUCKET);
    return { endpoint: server.endpoint, accessKey: 'any', secretKey: 'any', close: () => server.close() };
  }
  const directory = scratchDirectory('bucket');
  mkdirSync(directory, { recursive: true });
  const server = await startVersitygw({ directory, buckets: [BUCKET] });
  return {
    endpoint: server.endpoint,
    accessKey: server.accessKey,
    secretKey: server.secretKey,
    close: async () => {
      await server.close();
      removeScratch(directory);
    },
  };
}

export async function startBucket(options: BucketOptions = {}): Promise<Bucket> {
  const store = await startStore(options.server ?? 'versitygw');
  const proxy = await startFaultyProxy({ upstream: store.endpoint, latencyMs: options.latencyMs ?? 0, credentials: store });
  const { endpoint, accessKey, secretKey } = store;
  const call = async (method: string, key: string, content: Pick<Parameters<typeof signedRequest>[0], 'body' | 'stream'>): Promise<string> => {
    const answer = await signedRequest({ endpoint, accessKey, secretKey, method, path: `/${BUCKET}/${encodeKey(key)}`, ...content });
    if (answer.status >= 300) throw new Error(`${method} ${key}: ${answer.status} ${answer.body.toString()}`);
    return answer.headers.etag ?? '';
  };
  return {
    ufs: {
      uri: `s3://${BUCKET}/`,
      options: {
        's3a.accessKeyId': accessKey,
        's3a.secretKey': secretKey,
        'alluxio.underfs.s3.endpoint': proxy.endpoint,
        'alluxio.underfs.s3.endpoint.region': 'us-east-1',
        'alluxio.underfs.s3.disable.dns.buckets': 'true',
      },
    },
    proxy,
    put: (key, body) => call('PUT', key, { body }),
    putPattern: async (key, seed, lengthBytes) => void (await call('PUT', key, { stream: { lengthBytes, pieces: patternPieces(seed, lengthBytes) } })),
    remove: async (key) => void (await call('DELETE', key, {})),
    close: async () => {
      await proxy.close();
      await store.close();
    },
  };
}
