import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaultyProxy, signedRequest, type SignedResponse, startFaultyProxy, startVersitygw, type Versitygw } from './index.ts';

const BODY = Buffer.alloc(300_000, 'versitygw behind a proxy ');

describe('the proxy before versitygw', () => {
  let directory: string;
  let server: Versitygw;
  let proxy: FaultyProxy;
  const call = (method: string, path: string, headers: Record<string, string> = {}, body?: Uint8Array): Promise<SignedResponse> =>
    signedRequest({ endpoint: proxy.endpoint, accessKey: server.accessKey, secretKey: server.secretKey, method, path, headers, ...(body === undefined ? {} : { body }) });
  const get = (headers: Record<string, string> = {}) => call('GET', '/bucket/a%20b', headers);

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'alluxio-servers-'));
    server = await startVersitygw({ directory, buckets: ['bucket'] });
    proxy = await startFaultyProxy({ upstream: server.endpoint, credentials: server });
    expect((await call('PUT', '/bucket/a%20b', {}, BODY)).status).toBe(200);
  }, 300_000);
  afterEach(() => {
    proxy.clearFaults();
    proxy.setLatency(0);
    proxy.setBandwidth(undefined);
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('passes signed requests unchanged and counts data requests apart from status and list', async () => {
    const before = { data: proxy.dataRequests(), ...proxy.requests() } as Record<string, number>;
    const whole = await get();
    expect([whole.status, whole.body.equals(BODY)]).toEqual([200, true]);
    const part = await get({ range: 'bytes=10-19' });
    expect([part.status, part.body.toString()]).toEqual([206, BODY.subarray(10, 20).toString()]);
    expect((await call('HEAD', '/bucket/a%20b')).headers['content-length']).toBe(String(BODY.length));
    expect((await call('GET', '/bucket?list-type=2')).body.toString()).toContain('<Key>a b</Key>');
    const after = proxy.requests();
    expect(proxy.dataRequests() - before['data']!).toBe(2);
    expect(after['head-object']).toBe((before['head-object'] ?? 0) + 1);
    expect(after['list-objects']).toBe((before['list-objects'] ?? 0) + 1);
    expect(proxy.seen().slice(-3)[0]).toMatchObject({ op: 'get-object', bucket: 'bucket', key: 'a b', range: 'bytes=10-19' });
  });

  it('refuses a wrong secret through the proxy as the server does', async () => {
    const refused = await signedRequest({ endpoint: proxy.endpoint, accessKey: server.accessKey, secretKey: 'other', method: 'GET', path: '/bucket/a%20b' });
    expect([refused.status, refused.body.toString()]).toEqual([403, expect.stringContaining('SignatureDoesNotMatch')]);
  });

  it('answers 503 SlowDown so often as the rule says, then serves again', async () => {
    const fault = proxy.setFault({ kind: 'slow-down', count: 2 });
    expect([(await get()).status, (await get()).status, (await get()).status]).toEqual([503, 503, 200]);
    expect(fault.hits()).toBe(2);
  });

  it.each(['reset-before-body', 'reset-mid-body', 'truncated-body'] as const)('%s breaks the connection', async (kind) => {
    proxy.setFault({ kind, count: 1 });
    await expect(get()).rejects.toThrow();
    expect((await get()).body.equals(BODY)).toBe(true);
  });

  it('sends bodies that are well-formed and too short, too long, or of another ETag', async () => {
    proxy.setFault({ kind: 'short-body', count: 1 });
    expect((await get()).body.length).toBe(BODY.length / 2);
    proxy.setFault({ kind: 'over-long-body', count: 1 });
    expect((await get()).body.length).toBe(BODY.length + 16);
    proxy.setFault({ kind: 'wrong-etag', count: 1 });
    const wrong = await get();
    expect(wrong.headers.etag).not.toBe((await get()).headers.etag);
  });

  it('keeps If-Match from the server when the rule says so', async () => {
    expect((await get({ 'if-match': '"other"' })).status).toBe(412);
    proxy.setFault({ kind: 'if-match-stripped', count: 1 });
    expect((await get({ 'if-match': '"other"' })).status).toBe(200);
  });

  it('swaps the object in the middle of a body, then breaks the connection', async () => {
    let swapped = 0;
    proxy.setFault({ kind: 'object-swapped', count: 1, onMidBody: () => Promise.resolve(void swapped++) });
    await expect(get()).rejects.toThrow();
    expect(swapped).toBe(1);
  });

  it('hangs until the client leaves, and leaves nothing in flight', async () => {
    proxy.setFault({ kind: 'hang', key: 'a b' });
    const hanging = get();
    hanging.catch(() => {});
    const first = await Promise.race([hanging, call('HEAD', '/bucket/a%20b')]);
    expect(first.body.length).toBe(0);
    expect(proxy.inFlight()).toBe(1);
  });

  it('delays the first byte and limits the bandwidth', async () => {
    proxy.setLatency(100);
    let startedAt = performance.now();
    await get({ range: 'bytes=0-0' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(99);
    proxy.setLatency(0);
    proxy.setBandwidth(1_000_000);
    startedAt = performance.now();
    await get();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200);
  });
});
