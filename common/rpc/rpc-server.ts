// Serving gRPC: typed handlers that answer or throw, errors by the table, limits and keepalive in one place.
import { createServer } from 'node:net';
import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { MethodDefinition, ServiceDefinition } from '@grpc/proto-loader';
import { asCacheError, CacheError } from '../errors/index.ts';
import type { Logger } from '../log/index.ts';
import type { CallSignature } from './call-signature.ts';
import { statusOf } from './error-status.ts';
import type { AnswerOf, MethodOf, ReceivedOf } from './service-definition.ts';

// What goes wrong is told by errors; its own lines on the console are nobody's.
setLogVerbosity(logVerbosity.NONE);

export const SIGNATURE_KEY = 'alluxio-signature';

export interface RpcCall {
  /** Aborts when the caller goes away or the server stops. */
  readonly signal: AbortSignal;
}
export interface RpcStream<T> extends RpcCall {
  /** Bytes that wait to be sent: end the stream when they grow without bound. */
  readonly pendingMessages: number;
  write(message: T): void;
}

/** A method that answers once returns a promise of the answer; one that streams resolves when the stream is to end. */
export type RpcHandlers<D> = {
  readonly [M in MethodOf<D>]:
    | { readonly unary: (request: ReceivedOf<D, M>, call: RpcCall) => Promise<AnswerOf<D, M>> }
    | { readonly stream: (request: ReceivedOf<D, M>, call: RpcStream<AnswerOf<D, M>>) => Promise<void> };
};

export interface RpcService {
  readonly definition: ServiceDefinition;
  readonly handlers: Readonly<Record<string, AnyHandler>>;
  /** Only signed calls are let in. */
  readonly signature?: CallSignature;
}
type AnyHandler = { readonly unary?: (request: never, call: RpcCall) => Promise<unknown>; readonly stream?: (request: never, call: RpcStream<never>) => Promise<void> };

/** Keeps definition and handlers together with their types. */
export function rpcService<D>(definition: D, handlers: RpcHandlers<D>, signature?: CallSignature): RpcService {
  return { definition: definition as ServiceDefinition, handlers: handlers as unknown as RpcService['handlers'], ...(signature === undefined ? {} : { signature }) };
}

export interface RpcServerOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Property that sets the port: the remedy when it is taken. */
  readonly portProperty: string;
  readonly services: readonly RpcService[];
  readonly logger: Logger;
}
export interface RpcServer {
  readonly port: number;
  /** Calls in flight have `graceMs` to end; streams are cut at once. Idempotent. */
  close(graceMs: number): Promise<void>;
}

const MESSAGE_BYTES_MAX = 16 << 20;
const OPTIONS = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': -1,
  'grpc.max_concurrent_streams': 1000,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  // A port is ours alone: two coordinators on one port would each see half of the calls.
  'grpc.so_reuseport': 0,
};

/** @throws AddressInUse, InvalidConfiguration (an address that is not this machine's) */
export async function serveRpc(options: RpcServerOptions): Promise<RpcServer> {
  const server = new Server(OPTIONS);
  const stopping = new AbortController();
  for (const service of options.services) server.addService(service.definition, implementation(service, { logger: options.logger, stopping: stopping.signal }));
  const port = await bind(server, options);
  let closing: Promise<void> | undefined;
  return { port, close: (graceMs) => (closing ??= close(server, stopping, graceMs)) };
}

function close(server: Server, stopping: AbortController, graceMs: number): Promise<void> {
  stopping.abort(new CacheError('WorkerUnavailable', 'The server is stopping.'));
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

async function bind(server: Server, options: RpcServerOptions): Promise<number> {
  const { host, port } = options;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  try {
    return await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
    });
  } catch (error) {
    throw bindFault(address, { options, errno: await listenErrno(host, port), cause: error });
  }
}

function bindFault(address: string, fault: { readonly options: RpcServerOptions; readonly errno: string | undefined; readonly cause: unknown }): CacheError {
  const { options, errno, cause } = fault;
  if (errno === undefined || errno === 'EADDRINUSE') {
    const remedy = `Stop what listens there, or set ${options.portProperty}.`;
    return new CacheError('AddressInUse', `The port ${address} is in use.`, { context: { address, remedy }, cause });
  }
  const remedy = `Check the bind host and ${options.portProperty}.`;
  return new CacheError('InvalidConfiguration', `The address ${address} cannot be listened on (${errno}).`, { context: { address, remedy }, cause });
}

/** grpc-js tells only a text: a listener of our own tells the errno. */
function listenErrno(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    probe.listen({ host, port }, () => probe.close(() => resolve(undefined)));
  });
}

interface Surroundings {
  readonly logger: Logger;
  readonly stopping: AbortSignal;
}

function implementation(service: RpcService, surroundings: Surroundings): UntypedServiceImplementation {
  const methods: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(service.definition)) {
    const handler = service.handlers[name];
    if (handler === undefined) continue; // answered UNIMPLEMENTED
    const serve = method.responseStream ? streaming : unary;
    methods[name] = serve(service, method, handler, surroundings) as UntypedHandleCall;
  }
  return methods;
}

type AnyMethod = MethodDefinition<object, object>;

function admit({ signature }: RpcService, { path }: AnyMethod, metadata: Metadata): void {
  if (signature === undefined) return;
  const sent = metadata.get(SIGNATURE_KEY)[0];
  signature.verify(path, typeof sent === 'string' ? sent : undefined);
}

function told(error: unknown, { path }: AnyMethod, logger: Logger): ReturnType<typeof statusOf> {
  const failure = asCacheError(error);
  if (failure.row.level === 'error' || failure.code === 'Unauthenticated') logger.failure('An RPC failed', failure, { method: path });
  return statusOf(failure);
}

function callSignal(call: { once(event: 'cancelled', listener: () => void): unknown; readonly cancelled: boolean }, stopping: AbortSignal): AbortSignal {
  const caller = new AbortController();
  call.once('cancelled', () => caller.abort(new CacheError('Cancelled', 'The caller went away.')));
  return AbortSignal.any([caller.signal, stopping]);
}

// eslint-disable-next-line max-params -- the four are what a call consists of
function unary(service: RpcService, method: AnyMethod, handler: AnyHandler, { logger }: Surroundings) {
  const never = new AbortController().signal;
  return (call: ServerUnaryCall<never, unknown>, answer: (error: unknown, value?: unknown) => void): void => {
    const work = async (): Promise<unknown> => {
      admit(service, method, call.metadata);
      return await handler.unary!(call.request, { signal: callSignal(call, never) });
    };
    work().then(
      (value) => answer(null, value),
      (error: unknown) => answer(told(error, method, logger)),
    );
  };
}

// eslint-disable-next-line max-params -- as above
function streaming(service: RpcService, method: AnyMethod, handler: AnyHandler, { logger, stopping }: Surroundings) {
  return (call: ServerWritableStream<never, never>): void => {
    let pending = 0;
    const stream: RpcStream<never> = {
      signal: callSignal(call, stopping),
      get pendingMessages() {
        return pending;
      },
      write: (message) => {
        pending++;
        call.write(message, () => pending--);
      },
    };
    const work = async (): Promise<void> => {
      admit(service, method, call.metadata);
      await handler.stream!(call.request, stream);
    };
    work().then(
      () => call.end(),
      (error: unknown) => call.emit('error', told(error, method, logger)),
    );
  };
}
