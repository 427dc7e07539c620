// Faults of a store and of the network before it, one by one: each ends in the right bytes or a typed error within the deadline, never in a wrong byte.
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { openUfs, type UnderFileSystem, type VersionedFile } from '../index.ts';
import { type Script, type ScriptedExchange, ScriptedS3, sendError, sendXml, startScriptedS3 } from '../testing/scripted-s3.ts';
import { entriesOf, patterned, readAll, versionOf } from '../ufs.contract.ts';

const LENGTH = 700_000;
const BYTES = patterned(LENGTH, 1);
const OTHER = patterned(LENGTH, 2);

interface Stage {
  readonly server: ScriptedS3;
  readonly ufs: UnderFileSystem;
  readonly file: VersionedFile;
  readonly outcomes: string[];
}
const open: { server: ScriptedS3; ufs: UnderFileSystem }[] = [];

async function stage(script?: Script, options: Record<string, string> = {}): Promise<Stage> {
  const server = await startScriptedS3();
  const outcomes: string[] = [];
  const observer = { request: (op: string, outcome: string) => void outcomes.push(`${op} ${outcome}`), bytes: () => undefined };
  const ufs = openUfs({ ufsUri: 's3://bucket', options: { ...server.options, ...options }, observer });
  open.push({ server, ufs });
  server.put('object', BYTES);
  const file = await versionOf(ufs, 'object');
  outcomes.length = 0;
  server.script = script;
  return { server, ufs, file, outcomes };
}
afterEach(async () => {
  for (const { server, ufs } of open.splice(0)) {
    await ufs.close();
    await server.close();
  }
});

/** Applies a fault to the first `times` reads. */
function firstReads(times: number, fault: (exchange: ScriptedExchange) => void | Promise<void>): Script {
  let left = times;
  return async (exchange) => {
    if (exchange.op !== 'GetObject' || left-- <= 0) return false;
    await fault(exchange);
    return true;
  };
}
const always = Infinity;

/** Sends half of what was asked for under the given headers, then calls `end`. */
async function half({ req, res }: ScriptedExchange, end: () => void | Promise<void>, change: { bytes?: Buffer; headers?: Record<string, string | number> } = {}): Promise<void> {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range!)!.map(Number) as [number, number, number];
  const bytes = (change.bytes ?? BYTES).subarray(first, last + 1);
  const headers = { etag: req.headers['if-match']!, 'content-range': `bytes ${first}-${last}/${LENGTH}`, 'content-length': bytes.length, ...change.headers };
  res.writeHead(206, Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')));
  await new Promise<void>((resolve) => res.write(bytes.subarray(0, bytes.length >> 1), () => resolve()));
  await end();
}
const reset = (res: ServerResponse) => (): void => void res.socket?.resetAndDestroy();
const untouched = (): Buffer => Buffer.alloc(LENGTH, 0xee);
const isUntouched = (buffer: Buffer): boolean => buffer.every((byte) => byte === 0xee);

describe('faults that pass: the read goes on and ends in the right bytes', () => {
  it.each<[string, Script]>([
    ['503 SlowDown', firstReads(2, (exchange) => sendError(exchange, 503, 'SlowDown'))],
    ['503 with Retry-After', firstReads(1, (exchange) => sendError(exchange, 503, 'SlowDown', { headers: { 'retry-after': 0 } }))],
    ['429', firstReads(1, (exchange) => sendError(exchange, 429, 'TooManyRequests'))],
    ['500 InternalError', firstReads(2, (exchange) => sendError(exchange, 500, 'InternalError'))],
    ['a gateway that answers 502 in HTML', firstReads(1, ({ res }) => void res.writeHead(502).end('<html>'))],
    ['a reset before the answer', firstReads(2, ({ res }) => reset(res)())],
    ['an answer that is no HTTP', firstReads(1, ({ socket }) => void socket.end('NOT HTTP\r\n\r\n'))],
    ['a reset in the middle of the body', firstReads(3, (exchange) => half(exchange, reset(exchange.res)))],
    ['a body that ends before its Content-Length', firstReads(3, (exchange) => half(exchange, () => void exchange.res.socket?.end()))],
    ['a body without length that is cut', firstReads(1, (exchange) => half(exchange, () => void exchange.res.end(), { headers: { 'content-length': '' } }))],
    ['a Content-Length that is longer than the range', firstReads(1, (exchange) => half(exchange, () => undefined, { headers: { 'content-length': LENGTH + 16 } }))],
    ['another range than the one asked for', firstReads(1, (exchange) => half(exchange, () => undefined, { headers: { 'content-range': `bytes 1-${LENGTH}/${LENGTH}` } }))],
    ['a longer range than the one asked for', firstReads(1, (exchange) => half(exchange, () => undefined, { headers: { 'content-range': `bytes 0-${LENGTH}/${LENGTH}` } }))],
    ['no Content-Range', firstReads(1, (exchange) => half(exchange, () => undefined, { headers: { 'content-range': '' } }))],
    ['no ETag', firstReads(1, (exchange) => half(exchange, () => undefined, { headers: { etag: '' } }))],
  ])('%s', async (_, script) => {
    const { ufs, file, outcomes } = await stage(script);
    const seen: number[] = [];
    const into = untouched();
    expect(await ufs.read(file, 0, into, { onProgress: (received) => seen.push(received) })).toBe(LENGTH);
    expect(into.equals(BYTES)).toBe(true);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(LENGTH);
    expect(outcomes.slice(-1)).toEqual(['GetObject ok']);
  });

  it('a body that is well-formed but too short is gone on with, and nothing is asked for twice', async () => {
    const { ufs, file, server } = await stage(
      firstReads(4, async (exchange) => {
        const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(exchange.req.headers.range!)!.map(Number) as [number, number, number];
        const part = BYTES.subarray(first, first + ((last - first + 1) >> 1));
        exchange.res.writeHead(206, { etag: file.version.slice(5), 'content-range': `bytes ${first}-${last}/${LENGTH}`, 'content-length': part.length }).end(part);
      }),
    );
    expect((await readAll(ufs, file)).equals(BYTES)).toBe(true);
    const starts = server.seen.filter(({ op }) => op === 'GetObject').map(({ headers }) => Number(/^bytes=(\d+)/.exec(headers.range!)![1]));
    expect(starts).toEqual([0, 350_000, 525_000, 612_500, 656_250]);
  });

  it('a body without length that is too long is dropped whole, none of it is ever told as progress', async () => {
    const { ufs, file } = await stage(
      firstReads(1, (exchange) =>
        half(exchange, () => void exchange.res.end(Buffer.concat([OTHER.subarray(LENGTH >> 1), Buffer.from('and more')])), { bytes: OTHER, headers: { 'content-length': '' } }),
      ),
    );
    const seen: number[] = [];
    const into = untouched();
    await ufs.read(file, 0, into, {
      onProgress: (received) => {
        seen.push(received);
        expect(into.subarray(0, received).equals(BYTES.subarray(0, received))).toBe(true);
      },
    });
    expect(into.equals(BYTES)).toBe(true);
    expect(seen.length).toBeGreaterThan(0);
  });

  it('bytes behind the end of a body never reach the next request of the connection', async () => {
    let reads = 0;
    const { ufs, file } = await stage((exchange) => {
      if (exchange.op !== 'GetObject' || reads++ % 2 === 1) return false;
      const rest = `HTTP/1.1 206 Partial Content\r\nETag: ${file.version.slice(5)}\r\nContent-Range: bytes 4-7/${LENGTH}\r\nContent-Length: 4\r\n\r\nEVIL`;
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(exchange.req.headers.range!)!.map(Number) as [number, number, number];
      const head = `HTTP/1.1 206 Partial Content\r\nETag: ${file.version.slice(5)}\r\nContent-Range: bytes ${first}-${last}/${LENGTH}\r\nContent-Length: ${last - first + 1}\r\n\r\n`;
      exchange.socket.write(Buffer.concat([Buffer.from(head), BYTES.subarray(first, last + 1), Buffer.from(rest)]));
      return true;
    });
    for (let round = 0; round < 5; round++) {
      const into = Buffer.alloc(4);
      await ufs.read(file, 4 * round, into);
      expect(into.equals(BYTES.subarray(4 * round, 4 * round + 4))).toBe(true);
    }
  });

  it('silence in the middle of a body ends the attempt, not the read', async () => {
    const { ufs, file } = await stage(
      firstReads(2, (exchange) => half(exchange, () => undefined)),
      { 'alluxio.underfs.attempt.timeout': '100ms' },
    );
    expect((await readAll(ufs, file)).equals(BYTES)).toBe(true);
  });

  it('latency costs time only', async () => {
    const { ufs, file } = await stage((exchange) => new Promise((resolve) => setTimeout(() => resolve(exchange.key === ''), 50)));
    expect((await readAll(ufs, file)).equals(BYTES)).toBe(true);
  });

  it('status, listing and writes are retried, too', async () => {
    const failed = new Set<string>();
    const { ufs } = await stage((exchange) => {
      if (failed.has(exchange.op)) return false;
      failed.add(exchange.op);
      sendError(exchange, 503, 'SlowDown');
      return true;
    });
    expect(await ufs.status('object')).toMatchObject({ length: LENGTH });
    expect(await entriesOf(ufs.list('', { recursive: true }))).toHaveLength(1);
    await ufs.write('new', Buffer.from('x'));
    await ufs.rename('new', 'newer');
    await ufs.delete('newer');
    expect([...failed].toSorted()).toEqual(['CopyObject', 'DeleteObject', 'HeadObject', 'ListObjectsV2', 'PutObject']);
  });
});

describe('faults that last: a typed error within the deadline', () => {
  it.each<[string, string, Script]>([
    ['503 SlowDown', 'UfsThrottled', firstReads(always, (exchange) => sendError(exchange, 503, 'SlowDown'))],
    ['500 InternalError', 'UfsUnavailable', firstReads(always, (exchange) => sendError(exchange, 500, 'InternalError'))],
    ['resets', 'UfsUnavailable', firstReads(always, ({ res }) => reset(res)())],
    ['a server that never answers', 'DeadlineExceeded', firstReads(always, () => undefined)],
    [
      'a store that ignores ranges',
      'UfsUnavailable',
      firstReads(always, ({ res, req }) => void res.writeHead(200, { etag: req.headers['if-match']!, 'content-length': LENGTH }).end(BYTES)),
    ],
    ['a store without ETags', 'UfsUnavailable', firstReads(always, (exchange) => half(exchange, () => undefined, { headers: { etag: '' } }))],
    ['403 AccessDenied', 'PermissionDenied', firstReads(always, (exchange) => sendError(exchange, 403, 'AccessDenied'))],
    ['403 ExpiredToken', 'Unauthenticated', firstReads(always, (exchange) => sendError(exchange, 400, 'ExpiredToken'))],
    ['an archived object', 'PermissionDenied', firstReads(always, (exchange) => sendError(exchange, 403, 'InvalidObjectState'))],
  ])('%s: %s', async (_, code, script) => {
    const { ufs, file } = await stage(script);
    const into = untouched().subarray(0, 1000);
    await expect(ufs.read(file, 10, into, { timeoutMs: 300 })).rejects.toMatchObject({ code, source: 'ufs' });
    expect(isUntouched(into)).toBe(true);
  });

  it('a server that never answers, with attempts shorter than the deadline: UfsUnavailable', async () => {
    const { ufs, file } = await stage(
      firstReads(always, () => undefined),
      { 'alluxio.underfs.attempt.timeout': '50ms', 'alluxio.underfs.call.timeout': '300ms' },
    );
    await expect(readAll(ufs, file)).rejects.toMatchObject({ code: 'UfsUnavailable' });
  });

  it('a server that is gone, until it is back', async () => {
    const { ufs, file, server } = await stage();
    const port = new URL(server.endpoint).port;
    await server.close();
    await expect(ufs.read(file, 0, untouched(), { timeoutMs: 200 })).rejects.toMatchObject({ code: 'UfsUnavailable' });
    await expect(ufs.status('object', { timeoutMs: 200 })).rejects.toMatchObject({ code: 'UfsUnavailable' });
    const reading = readAll(ufs, file);
    const again = new ScriptedS3();
    again.put('object', BYTES);
    await again.start(Number(port));
    expect((await reading).equals(BYTES)).toBe(true);
    await again.close();
  });

  it('a call that is cancelled in the middle of a body ends at once, and its buffer is not touched any more', async () => {
    const cancel = new AbortController();
    let release: () => void = () => undefined;
    const { ufs, file } = await stage(
      firstReads(1, (exchange) =>
        half(exchange, () => {
          release = () => void exchange.res.end(BYTES.subarray(LENGTH >> 1));
        }),
      ),
    );
    const into = untouched();
    const reading = ufs.read(file, 0, into, { signal: cancel.signal, onProgress: () => cancel.abort() });
    await expect(reading).rejects.toMatchObject({ code: 'Cancelled' });
    const then = Buffer.from(into);
    release();
    await ufs.status('object');
    expect(into.equals(then)).toBe(true);
  });
});

describe('other versions: UfsObjectChanged, and no byte of them', () => {
  it.each<[string, (server: ScriptedS3) => Script]>([
    ['a wrong ETag', (server) => firstReads(always, (exchange) => server.sendObject(exchange, { headers: { etag: '"other"' } }))],
    ['If-Match ignored', (server) => firstReads(always, (exchange) => server.sendObject(exchange, { object: server.put('swapped', OTHER), ignoresIfMatch: true }))],
    [
      'If-Match ignored, 200 instead of 206',
      (server) => firstReads(always, ({ res }) => void res.writeHead(200, { etag: server.put('swapped', OTHER).etag, 'content-length': LENGTH }).end(OTHER)),
    ],
    ['another total length', (server) => firstReads(always, (exchange) => server.sendObject(exchange, { headers: { 'content-range': `bytes 0-${LENGTH - 1}/${LENGTH + 1}` } }))],
    ['the object deleted', () => firstReads(always, (exchange) => sendError(exchange, 404, 'NoSuchKey'))],
    ['the object shortened', () => firstReads(always, (exchange) => sendError(exchange, 416, 'InvalidRange'))],
  ])('%s', async (_, script) => {
    const { ufs, file, server } = await stage();
    server.script = script(server);
    const into = untouched();
    await expect(ufs.read(file, 0, into)).rejects.toMatchObject({ code: 'UfsObjectChanged' });
    expect(isUntouched(into)).toBe(true);
    expect(server.count('GetObject')).toBe(1);
  });

  it('the object swapped in the middle of a body: what was told as progress is of the old version, nothing of the new one comes', async () => {
    const { ufs, file, server } = await stage();
    server.script = firstReads(1, (exchange) =>
      half(exchange, () => {
        server.put('object', OTHER);
        reset(exchange.res)();
      }),
    );
    const into = untouched();
    let told = 0;
    await expect(ufs.read(file, 0, into, { onProgress: (received) => (told = received) })).rejects.toMatchObject({ code: 'UfsObjectChanged' });
    expect(into.subarray(0, told).equals(BYTES.subarray(0, told))).toBe(true);
    expect(isUntouched(into.subarray(told))).toBe(true);
  });
});

describe('listings and writes', () => {
  it('what is no listing is never taken for an empty one', async () => {
    for (const body of ['', '<html></html>', '<ListBucketResult><Contents>', '<Other/>', '<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>']) {
      const { ufs } = await stage((exchange) => {
        if (exchange.op !== 'ListObjectsV2') return false;
        sendXml(exchange, body);
        return true;
      });
      await expect(entriesOf(ufs.list('', { recursive: true, timeoutMs: 100 }))).rejects.toMatchObject({ code: 'UfsUnavailable' });
    }
  });

  it('a length that is no number is never taken for 0, in a listing or of an object', async () => {
    const { ufs } = await stage((exchange) => {
      if (exchange.op === 'HeadObject') exchange.res.writeHead(200, { etag: '"e"', 'content-length': '' }).end();
      else sendXml(exchange, '<ListBucketResult><Contents><Key>k</Key><ETag>"e"</ETag><Size></Size></Contents></ListBucketResult>');
      return true;
    });
    await expect(entriesOf(ufs.list('', { recursive: true, timeoutMs: 100 }))).rejects.toMatchObject({ code: 'UfsUnavailable' });
    await expect(ufs.status('object', { timeoutMs: 100 })).rejects.toMatchObject({ code: 'UfsUnavailable' });
  });

  it.each(['<NextContinuationToken>t</NextContinuationToken>', ''])('a listing that never goes on ends (%s)', async (token) => {
    const { ufs, server } = await stage((exchange) => {
      if (exchange.op !== 'ListObjectsV2') return false;
      const contents = '<Contents><Key>k</Key><ETag>"e"</ETag><Size>1</Size></Contents>';
      sendXml(exchange, `<ListBucketResult><IsTruncated>true</IsTruncated>${token}${contents}</ListBucketResult>`);
      return true;
    });
    await expect(entriesOf(ufs.list('', { recursive: true }))).rejects.toMatchObject({ code: 'UfsUnavailable' });
    expect(server.seen.filter(({ op }) => op === 'ListObjectsV2').length).toBeLessThanOrEqual(3);
  });

  it('a store that lists without encoding, without quotes and with entities is understood', async () => {
    const { ufs } = await stage((exchange) => {
      if (exchange.op !== 'ListObjectsV2') return false;
      const contents = '<Contents><Key>a&amp;b &lt;+%20&#233;</Key><ETag>abc</ETag><Size>3</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>';
      sendXml(exchange, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>${contents}</ListBucketResult>`);
      return true;
    });
    expect(await entriesOf(ufs.list('', { recursive: true }))).toMatchObject([
      { key: 'a&b <+%20é', status: { version: 'etag:"abc"', length: 3, mtimeMs: Date.UTC(2026, 0, 2, 3, 4, 5) } },
    ]);
  });

  it('a conditional write whose answer was lost is known as our own', async () => {
    const { ufs, server } = await stage();
    let isFirst = true;
    server.script = ({ op, key, body, res }) => {
      if (op !== 'PutObject' || !isFirst) return false;
      isFirst = false;
      server.put(key, body);
      reset(res)();
      return true;
    };
    expect(await ufs.write('new', Buffer.from('mine'), { ifNoneMatch: '*' })).toMatchObject({ length: 4 });
    isFirst = true;
    server.script = (exchange) => {
      if (exchange.op !== 'PutObject' || !isFirst) return false;
      isFirst = false;
      reset(exchange.res)();
      return true;
    };
    server.put('theirs', 'theirs');
    await expect(ufs.write('theirs', Buffer.from('ours'), { ifNoneMatch: '*' })).rejects.toMatchObject({ code: 'PreconditionFailed' });
  });

  it('a completion that fails inside its 200, and one whose answer was lost, both end in the object', async () => {
    const { ufs, server } = await stage();
    for (const fault of ['embedded', 'lost']) {
      const upload = await ufs.createMultipart(fault);
      const part = await ufs.uploadPart(upload, 1, Buffer.from(fault));
      let requests = 0;
      server.script = (exchange) => {
        if (exchange.op !== 'CompleteMultipartUpload' || requests++ > 0) return false;
        if (fault === 'embedded') {
          sendXml(exchange, '<Error><Code>InternalError</Code></Error>');
          return true;
        }
        exchange.res.end = (() => exchange.socket.resetAndDestroy()) as never;
        return false;
      };
      expect(await ufs.completeMultipart(upload, [part])).toMatchObject({ length: fault.length });
      expect(requests).toBe(2);
    }
  });
});

describe('regions and connections', () => {
  it('an unset region is learnt from the first answer, a wrong one is named', async () => {
    const server = await startScriptedS3({ region: 'eu-test-7' });
    server.script = (exchange) => {
      if (exchange.req.headers.authorization!.includes('/eu-test-7/')) return false;
      sendError(exchange, 400, 'AuthorizationHeaderMalformed', { xml: '<Region>eu-test-7</Region>', headers: { 'x-amz-bucket-region': 'eu-test-7' } });
      return true;
    };
    const { 'alluxio.underfs.s3.endpoint.region': _, ...options } = server.options;
    const ufs = openUfs({ ufsUri: 's3://bucket', options });
    const wrong = openUfs({ ufsUri: 's3://bucket', options: { ...options, 'alluxio.underfs.s3.endpoint.region': 'us-west-1' } });
    open.push({ server, ufs }, { server, ufs: wrong });
    await ufs.write('a', Buffer.from('x'));
    expect(await ufs.status('a')).toMatchObject({ length: 1 });
    expect(server.seen.map(({ op }) => op)).toEqual(['PutObject', 'PutObject', 'HeadObject', 'HeadObject']);
    await expect(entriesOf(wrong.list('', { recursive: true }))).rejects.toMatchObject({
      code: 'Unauthenticated',
      context: { remedy: expect.stringContaining('region=eu-test-7') },
    });
  });

  it('connections are kept, also after HEAD, and no more requests go out at once than there may be connections', async () => {
    const { ufs, file, server } = await stage(undefined, { 'alluxio.underfs.connections.max': '3' });
    for (let round = 0; round < 10; round++) {
      await ufs.status('object');
      await readAll(ufs, file);
    }
    expect(server.connections).toBeLessThanOrEqual(4);
    // Answers come when three requests wait for them, never to fewer.
    const waiting: ScriptedExchange[] = [];
    let most = 0;
    server.script = (exchange) => {
      most = Math.max(most, waiting.push(exchange));
      if (waiting.length === 3) setImmediate(() => waiting.splice(0).forEach((each) => server.sendObject(each)));
      return true;
    };
    await Promise.all(Array.from({ length: 21 }, () => readAll(ufs, file)));
    expect(most).toBe(3);
  });

  it('a refused HEAD, which cannot say why, is explained by what a listing says', async () => {
    const { server } = await stage();
    for (const [status, listCode, code] of [
      [403, 'SignatureDoesNotMatch', 'Unauthenticated'],
      [400, 'ExpiredToken', 'Unauthenticated'],
      [404, 'NoSuchBucket', 'PathNotFound'],
      [403, 'AccessDenied', 'PermissionDenied'],
    ] as const) {
      const ufs = openUfs({ ufsUri: 's3://bucket', options: server.options });
      server.script = (exchange) => {
        sendError(exchange, status, listCode);
        return true;
      };
      await expect(ufs.status('object')).rejects.toMatchObject({ code, context: { remedy: expect.any(String) } });
      await ufs.close();
    }
    // Keys that may read but not list learn of a missing object all the same.
    const ufs = openUfs({ ufsUri: 's3://bucket', options: server.options });
    server.script = (exchange) => {
      if (exchange.op !== 'ListObjectsV2') return false;
      sendError(exchange, 403, 'AccessDenied');
      return true;
    };
    expect(await ufs.status('missing')).toBeUndefined();
    await ufs.close();
  });

  it('an anonymous mount sends no signature', async () => {
    const { server } = await stage();
    server.script = (exchange) => {
      expect(exchange.req.headers.authorization).toBeUndefined();
      server.sendObject(exchange);
      return true;
    };
    const ufs = openUfs({ ufsUri: 's3://bucket', options: { 'alluxio.underfs.s3.endpoint': server.endpoint, 's3a.anonymous': 'true' } });
    expect(await ufs.status('object')).toMatchObject({ length: LENGTH });
    await ufs.close();
  });
});
