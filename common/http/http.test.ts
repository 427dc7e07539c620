import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CacheError } from '../errors/index.ts';
import { createLogger } from '../log/index.ts';
import { healthRoutes, type HttpServer, metricsRoutes, serveHttp } from './index.ts';

const lines: string[] = [];
const logger = createLogger({ component: 'test', sink: (line) => lines.push(line) });
let server: HttpServer;
let readyFault: string | undefined;
const url = (path: string): string => `http://127.0.0.1:${server.port}${path}`;

beforeAll(async () => {
  server = await serveHttp({
    host: '127.0.0.1',
    port: 0,
    portProperty: 'alluxio.x.port',
    logger,
    routes: [
      ...metricsRoutes({ contentType: 'text/plain; version=0.0.4', text: () => Promise.resolve('a 1\n') }),
      ...healthRoutes({ ready: () => readyFault }),
      { method: 'GET', path: '/echo/:name', handle: ({ params, query }) => ({ body: { name: params['name'], q: query['q'], raw: 'x\udc80' } }) },
      { method: 'POST', path: '/body', handle: ({ body }) => ({ status: 201, body: { body } }) },
      {
        method: 'GET',
        path: '/typed',
        handle: () => {
          throw new CacheError('AlreadyExists', 'It is there.', { context: { field: 'path' } });
        },
      },
      {
        method: 'GET',
        path: '/broken',
        handle: () => {
          throw new TypeError('inner secret');
        },
      },
    ],
  });
});
afterAll(() => server.close());

describe('the HTTP door', () => {
  it('serves JSON with params, query and raw byte names', async () => {
    const response = await fetch(url('/echo/a%2Fb/?q=1'));
    expect(JSON.parse(await response.text())).toEqual({ name: 'a/b', q: '1', raw: 'x\udc80' });
  });
  it('serves metrics and health with and without the closing slash', async () => {
    for (const path of ['/metrics/', '/metrics']) expect(await (await fetch(url(path))).text()).toBe('a 1\n');
    expect((await fetch(url('/readyz'))).status).toBe(200);
    readyFault = 'no mounts yet';
    const response = await fetch(url('/readyz'));
    expect([response.status, await response.text()]).toEqual([503, 'no mounts yet\n']);
    expect((await fetch(url('/healthz'))).status).toBe(200);
  });
  it('answers errors by the table and keeps what is inside to the log', async () => {
    const typed = await fetch(url('/typed'));
    expect([typed.status, await typed.json()]).toEqual([409, { code: 'AlreadyExists', message: 'It is there.', context: { field: 'path' } }]);
    const broken = await fetch(url('/broken'));
    const text = await broken.text();
    expect(broken.status).toBe(500);
    expect(text).not.toContain('inner secret');
    expect(lines.join()).toContain('inner secret');
  });
  it('refuses what is no JSON, too large or unknown', async () => {
    const post = (body: string): Promise<Response> => fetch(url('/body'), { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    expect(await (await post('{"a":1}')).json()).toEqual({ body: { a: 1 } });
    for (const bad of ['{', `"${'x'.repeat(2 << 20)}"`]) expect(await (await post(bad)).json()).toMatchObject({ code: 'InvalidArgument' });
    expect((await fetch(url('/nowhere'))).status).toBe(404);
  });
  it('names the property when its port is in use', async () => {
    const twin = serveHttp({ host: '127.0.0.1', port: server.port, portProperty: 'alluxio.x.port', logger, routes: [] });
    await expect(twin).rejects.toMatchObject({ code: 'AddressInUse', context: { remedy: expect.stringContaining('alluxio.x.port') } });
  });
});
