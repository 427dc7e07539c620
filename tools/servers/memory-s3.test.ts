import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type MemoryS3, signedRequest, startMemoryS3 } from './index.ts';

describe('the S3 server in memory', () => {
  let server: MemoryS3;
  const get = async (path: string, method = 'GET', headers: Record<string, string> = {}) => {
    const answer = await signedRequest({ endpoint: server.endpoint, accessKey: 'a', secretKey: 's', method, path, headers });
    return { status: answer.status, text: answer.body.toString(), headers: answer.headers };
  };
  beforeAll(async () => {
    server = await startMemoryS3('bucket');
    for (const key of ['a', 'a/', 'a//b', 'a/./b', 'a/b', '..', 'é', 'e\u0301']) server.put(key, Buffer.from(`at ${key}`));
  });
  afterAll(() => server?.close());

  it('keeps keys apart that are one name to a file system', async () => {
    for (const [path, key] of Object.entries({ a: 'a', 'a/': 'a/', 'a//b': 'a//b', 'a/./b': 'a/./b', '..': '..', '%C3%A9': 'é', 'e%CC%81': 'e\u0301' }))
      expect([path, (await get(`/bucket/${path}`)).text]).toEqual([path, `at ${key}`]);
    expect((await get('/bucket/a%2Fc')).status).toBe(404);
    expect((await get('/other/a')).text).toContain('NoSuchBucket');
  });

  it('lists one level or all, page by page, in byte order', async () => {
    const keys = (text: string): string[] => [...text.matchAll(/<(?:Key|Prefix)>([^<]*)<\/(?:Key|Prefix)>/g)].map((match) => match[1]!).slice(1);
    expect(keys((await get('/bucket?delimiter=%2F&list-type=2')).text)).toEqual(['..', 'a', 'e\u0301', 'é', 'a/'].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))));
    const first = (await get('/bucket?list-type=2&max-keys=3')).text;
    expect(keys(first)).toEqual(['..', 'a', 'a/']);
    const token = /<NextContinuationToken>(.*)<\/Next/.exec(first)![1]!;
    expect(keys((await get(`/bucket?continuation-token=${token}&list-type=2&max-keys=9`)).text)).toEqual(['a/./b', 'a//b', 'a/b', 'e\u0301', 'é']);
  });

  it('answers ranges, HEAD and If-Match', async () => {
    expect((await get('/bucket/a%2Fb', 'GET', { range: 'bytes=1-99' })).headers['content-range']).toBe('bytes 1-5/6');
    expect((await get('/bucket/a', 'HEAD')).headers['content-length']).toBe('4');
    expect((await get('/bucket/a', 'GET', { 'if-match': '"x"' })).status).toBe(412);
    expect((await get('/bucket/a', 'GET', { range: 'bytes=9-' })).status).toBe(416);
  });
});
