// Calling gRPC: typed calls with deadlines, errors rebuilt by the table, reconnection with short pauses.
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { abortReason, onAbort, throwIfAborted } from '../async/index.ts';
import { CacheError, type ErrorCode } from '../errors/index.ts';
import type { CallSignature } from './call-signature.ts';
import { errorOfStatus } from './error-status.ts';
import { SIGNATURE_KEY } from './rpc-server.ts';
import type { MethodOf, RequestOf, ResponseOf } from './service-definition.ts';

export interface RpcClientOptions {
  /** host:port */
  readonly address: string;
  /** Code of the error when the server cannot be reached. */
  readonly unavailable: ErrorCode;
  readonly signature?: CallSignature;
}
export interface RpcCallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const MESSAGE_BYTES_MAX = 64 << 20;
const OPTIONS = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.keepalive_time_ms': 5000,
  'grpc.keepalive_timeout_ms': 3000,
  // A connection of our own: one client's end must not be another's.
  'grpc.use_local_subchannel_pool': 1,
};

/** One server's service; connects at the first call. */
export class RpcClient<D> {
  readonly #definition: D;
  readonly #client: Client;
  readonly #options: RpcClientOptions;

  /** @throws InvalidConfiguration when the address is none */
  constructor(definition: D, options: RpcClientOptions) {
    this.#definition = definition;
    this.#options = options;
    this.#client = new Client(options.address, credentials.createInsecure(), OPTIONS);
  }

  /** Waits for a connection until the deadline. @throws the server's error, `unavailable`, DeadlineExceeded, Cancelled */
  call<M extends MethodOf<D>>(name: M, request: RequestOf<D, M>, { timeoutMs, signal }: RpcCallOptions): Promise<ResponseOf<D, M>> {
    const method = this.#method(name);
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const call = this.#client.makeUnaryRequest(
        method.path,
        (value: object) => method.requestSerialize(value),
        (bytes: Buffer) => method.responseDeserialize(bytes) as ResponseOf<D, M>,
        request as object,
        this.#metadata(method.path),
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          stop();
          if (error === null) resolve(response!);
          else reject(signal?.aborted === true ? abortReason(signal) : errorOfStatus(error, this.#options.unavailable));
        },
      );
      const stop = onAbort(signal, () => call.cancel());
    });
  }

  /** Calls `take` with each message. @returns a promise of the end. @throws as `call` */
  stream<M extends MethodOf<D>>(name: M, request: RequestOf<D, M>, take: (message: ResponseOf<D, M>) => void, signal: AbortSignal): Promise<void> {
    const method = this.#method(name);
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const call = this.#client.makeServerStreamRequest(
        method.path,
        (value: object) => method.requestSerialize(value),
        (bytes: Buffer) => method.responseDeserialize(bytes) as ResponseOf<D, M>,
        request as object,
        this.#metadata(method.path),
      );
      const stop = onAbort(signal, () => call.cancel());
      call.on('data', take);
      call.on('end', () => {
        stop();
        resolve();
      });
      call.on('error', (error: ServiceError) => {
        stop();
        reject(signal.aborted ? abortReason(signal) : errorOfStatus(error, this.#options.unavailable));
      });
    });
  }

  close(): void {
    this.#client.close();
  }

  #method(name: MethodOf<D>): MethodDefinition<object, object> {
    const method = (this.#definition as Record<string, MethodDefinition<object, object>>)[name];
    if (method === undefined) throw new CacheError('Unsupported', `The service has no method ${name}.`);
    return method;
  }

  #metadata(path: string): Metadata {
    const metadata = new Metadata();
    const { signature } = this.#options;
    if (signature !== undefined) metadata.set(SIGNATURE_KEY, signature.sign(path));
    return metadata;
  }
}
