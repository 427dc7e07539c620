// Door for fastify: a small HTTP server of JSON and text routes. Errors leave as {code, message, context} with the status of the error table.
// Not here: what the routes do, authentication of users (the gateway's).
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { asCacheError, CacheError } from '../errors/index.ts';
import type { Logger } from '../log/index.ts';
import type { HttpReply, HttpRequest, HttpRoute } from './routes.ts';

export type { HttpReply, HttpRequest, HttpRoute } from './routes.ts';
export { healthRoutes, metricsRoutes, type HealthProbes, type MetricsText } from './standard-routes.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Property that sets the port: the remedy when it is taken. */
  readonly portProperty: string;
  readonly routes: readonly HttpRoute[];
  readonly logger: Logger;
  /** Of a body. Default 1 MiB. */
  readonly bodyBytesMax?: number;
  /** Idle time of a connection within one request. Default 60 s. */
  readonly connectionTimeoutMs?: number;
}

export interface HttpServer {
  readonly port: number;
  /** Requests in flight end first, idle connections at once. Idempotent. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 4096;

/** @throws AddressInUse, InvalidConfiguration (an address that is not this machine's) */
export async function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  const app = fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax ?? 1 << 20,
    requestTimeout: options.connectionTimeoutMs ?? 60_000,
    connectionTimeout: options.connectionTimeoutMs ?? 60_000,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 8192 },
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  app.setErrorHandler((error, request, reply) => sendError(options.logger, { error, request, reply }));
  app.setNotFoundHandler((request, reply) => {
    const body = { code: 'InvalidArgument', message: `There is no ${request.method} ${request.url.split('?')[0]} here.`, context: {} };
    return reply.code(404).send(body);
  });
  for (const route of options.routes) addRoute(app, route);
  await listen(app, options);
  const address = app.server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : options.port, close: () => app.close() };
}

function addRoute(app: FastifyInstance, route: HttpRoute): void {
  app.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const caller = new AbortController();
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) caller.abort(new CacheError('Cancelled', 'The caller went away.'));
      });
      const answer = await route.handle(requestOf(request, caller.signal));
      return send(reply, answer);
    },
  });
}

function requestOf(request: FastifyRequest, signal: AbortSignal): HttpRequest {
  const query: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.query as Record<string, string | string[]>)) query[name] = Array.isArray(value) ? (value[0] ?? '') : value;
  return {
    method: request.method,
    path: request.url.split('?')[0]!,
    query,
    params: request.params as Record<string, string>,
    headers: request.headers,
    body: request.body ?? undefined,
    signal,
  };
}

function send(reply: FastifyReply, answer: HttpReply): FastifyReply {
  reply.code(answer.status ?? (answer.body === undefined ? 204 : 200));
  reply.header('x-content-type-options', 'nosniff');
  for (const [name, value] of Object.entries(answer.headers ?? {})) reply.header(name, value);
  if (typeof answer.body === 'string') return reply.type(answer.headers?.['content-type'] ?? 'text/plain; charset=utf-8').send(answer.body);
  // Serialised here: fastify's own way may drop the lone surrogates that stand for raw bytes.
  return answer.body === undefined ? reply.send() : reply.type('application/json; charset=utf-8').send(JSON.stringify(answer.body));
}

interface Failure {
  readonly error: unknown;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

function sendError(logger: Logger, { error, request, reply }: Failure): FastifyReply {
  const failure = fastifyFault(error) ?? asCacheError(error);
  const status = failure.row.http;
  if (status >= 500) logger.failure('An HTTP request failed', failure, { method: request.method, path: request.url.split('?')[0] });
  // What went wrong inside stays in the log.
  const message = failure.code === 'Internal' ? 'The request failed inside the server; its log says why.' : failure.message;
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ code: failure.code, message, context: failure.code === 'Internal' ? {} : failure.context }));
}

/** Bodies that are no JSON, too large or of another type. */
function fastifyFault(error: unknown): CacheError | undefined {
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  if (error instanceof CacheError || statusCode === undefined || statusCode >= 500) return undefined;
  return new CacheError('InvalidArgument', `The request cannot be read: ${message ?? 'unknown error'}.`, { source: 'caller', cause: error });
}

async function listen(app: FastifyInstance, { host, port, portProperty }: HttpServerOptions): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new CacheError('AddressInUse', `The port ${host}:${port} is in use.`, {
        context: { address: `${host}:${port}`, remedy: `Stop what listens there, or set ${portProperty}.` },
        cause: error,
      });
    }
    throw new CacheError('InvalidConfiguration', `The address ${host}:${port} cannot be listened on (${code ?? 'unknown error'}).`, {
      context: { address: `${host}:${port}`, remedy: `Check the bind host and ${portProperty}.` },
      cause: error,
    });
  }
}
