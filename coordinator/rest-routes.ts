// REST paths of the coordinator (docs/reference/rest-api.md). cli/cluster/coordinator-client.ts is their client.
import { parsePrintableName } from '../common/namespace/index.ts';
import type { HttpReply, HttpRequest, HttpRoute } from '../common/http/index.ts';
import type { CoordinatorApi } from './coordinator-api.ts';
import { mountRequest, queryField } from './request-fields.ts';

type Answer = (request: HttpRequest) => Promise<HttpReply>;
const route = (method: HttpRoute['method'], path: string, handle: Answer): HttpRoute => ({ method, path: `/api/v1${path}`, handle });
const json = (body: object, status = 200): HttpReply => ({ status, body });

export function restRoutes(api: CoordinatorApi): HttpRoute[] {
  return [
    route('GET', '/mounts', async ({ signal }) => json({ mounts: await api.listMounts({ signal }) })),
    // A change goes on when its caller leaves: half done would be worse.
    route('POST', '/mounts', async ({ body }) => json(await api.addMount(mountRequest(body)), 201)),
    route('PUT', '/mounts', async ({ body }) => json(await api.updateMount(mountRequest(body)))),
    route('DELETE', '/mounts', async ({ query }) => json(await api.removeMount(parsePrintableName(queryField(query, 'path', '/data')), query['owner']))),
    route('GET', '/membership', async () => json(await api.membership())),
    route('GET', '/nodes', async () => json({ nodes: await api.listNodes() })),
    route('DELETE', '/nodes/:uuid', async ({ params }) => json({ removed: await api.removeNode(params['uuid']!) })),
    route('GET', '/version', async () => json(await api.version())),
    route('GET', '/config', async () => json({ properties: await api.configuration() })),
  ];
}
