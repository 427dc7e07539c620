// Connections to the members of an etcd cluster: one is used until it fails, then the next. Deadlines are ours; etcd3's own retries and circuit breaker are off.
import { noop } from 'cockatiel';
import { Etcd3, EtcdAuthenticationFailedError, EtcdLeaseInvalidError, EtcdPermissionDeniedError, GRPCInvalidArgumentError, GRPCUnauthenticatedError, type IOptions } from 'etcd3';
import { backoffDelayMs, Deadline, sleep, untilAborted } from '../../async/index.ts';
import { CacheError, isCacheError } from '../../errors/index.ts';
import type { CallOptions } from '../metadata-store.ts';
import { badCall, leaseLost, storeClosed, storeUnavailable } from '../store-faults.ts';

export interface EtcdConnectionOptions {
  /** `http://host:port`, `https://host:port` or `host:port`. */
  readonly endpoints: readonly string[];
  readonly callTimeoutMs: number;
  readonly username?: string;
  readonly password?: string;
  /** PEM texts. */
  readonly tls?: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

const RETRY = { baseMs: 20, maxMs: 200 } as const;
const RECEIVE_BYTES_MAX = 64 << 20;

/** etcd's floor for pings is 5 s. */
const GRPC_OPTIONS = {
  'grpc.keepalive_time_ms': 6000,
  'grpc.keepalive_timeout_ms': 3000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.max_receive_message_length': RECEIVE_BYTES_MAX,
};

function clientOptions(endpoint: string, { callTimeoutMs, username, password, tls }: EtcdConnectionOptions): IOptions {
  // A fresh deadline per call: a fixed one would be used again by later calls.
  const withDeadline = (): { deadline: number } => ({ deadline: Date.now() + callTimeoutMs });
  return {
    hosts: [endpoint],
    grpcOptions: GRPC_OPTIONS,
    faultHandling: { host: () => noop, global: noop },
    defaultCallOptions: (call) => (call.isStream ? {} : withDeadline()),
    ...(username === undefined ? {} : { auth: { username, password: password ?? '', callOptions: withDeadline } }),
    ...(tls === undefined
      ? {}
      : { credentials: { rootCertificate: tls.ca, ...(tls.key === undefined ? {} : { privateKey: tls.key }), ...(tls.cert === undefined ? {} : { certChain: tls.cert }) } }),
  };
}

/** What a failed call means; what is not known for sure may get better. */
export function etcdFault(error: unknown, outcome?: 'unknown'): CacheError {
  if (error instanceof CacheError) return isCacheError(error, 'DeadlineExceeded') ? storeUnavailable('etcd did not answer in time', error, outcome) : error;
  if (error instanceof EtcdLeaseInvalidError) return leaseLost('in use', 'etcd does not have it');
  if (error instanceof EtcdAuthenticationFailedError || error instanceof EtcdPermissionDeniedError || error instanceof GRPCUnauthenticatedError) {
    return new CacheError('Unauthenticated', 'etcd refuses the credentials.', {
      source: 'metadata-store',
      context: { remedy: 'Check alluxio.etcd.username and alluxio.etcd.password.' },
      cause: error,
    });
  }
  if (error instanceof GRPCInvalidArgumentError) return badCall('etcd refuses the call as broken.', 'transaction');
  return storeUnavailable('etcd does not answer', error, outcome);
}

const mayRetry = (error: CacheError): boolean => error.code === 'MetadataStoreUnavailable';

interface Call<T> {
  readonly run: (client: Etcd3) => Promise<T>;
  readonly options: CallOptions;
}

export class EtcdConnection {
  readonly #clients: Etcd3[];
  readonly #callTimeoutMs: number;
  #current: number;
  /** The current member answered its last call: what is sent to it arrives. */
  #isProven = false;
  #isOpen = true;

  constructor(options: EtcdConnectionOptions) {
    this.#callTimeoutMs = options.callTimeoutMs;
    this.#clients = options.endpoints.map((endpoint) => new Etcd3(clientOptions(endpoint, options)));
    this.#current = Math.floor(Math.random() * this.#clients.length);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** A call that changes nothing: tried again at other members until the deadline. */
  read<T>(call: Call<T>): Promise<T> {
    return this.#within(call.options, async (deadline, signal) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#attempt(call.run, signal);
        } catch (error) {
          const failure = etcdFault(error);
          const pauseMs = backoffDelayMs(attempt, RETRY);
          if (!mayRetry(failure) || signal.aborted || deadline.remainingMs() <= pauseMs) throw failure;
          await sleep(pauseMs, signal);
        }
      }
    });
  }

  /** A call that changes something: sent once, to a member that has just answered. */
  async write<T>(call: Call<T>): Promise<T> {
    if (!this.#isProven) await this.read({ run: (client) => client.kv.range({ key: Buffer.from('/'), limit: 1, keys_only: true }), options: call.options });
    try {
      return await this.#within(call.options, (_, signal) => this.#attempt(call.run, signal));
    } catch (error) {
      throw etcdFault(error, 'unknown');
    }
  }

  /** The member that streams go to. */
  streamClient(): Etcd3 {
    if (!this.#isOpen) throw storeClosed();
    return this.#clients[this.#current]!;
  }

  close(): void {
    this.#isOpen = false;
    for (const client of this.#clients) client.close();
  }

  async #attempt<T>(run: (client: Etcd3) => Promise<T>, signal: AbortSignal): Promise<T> {
    const index = this.#current;
    try {
      const answer = await untilAborted(run(this.streamClient()), signal);
      if (index === this.#current) this.#isProven = true;
      return answer;
    } catch (error) {
      this.#failed(index, error);
      throw error;
    }
  }

  #failed(index: number, error: unknown): void {
    if (index !== this.#current || !mayRetry(etcdFault(error))) return;
    this.#isProven = false;
    this.#current = (index + 1) % this.#clients.length;
  }

  async #within<T>({ signal, timeoutMs = this.#callTimeoutMs }: CallOptions, work: (deadline: Deadline, signal: AbortSignal) => Promise<T>): Promise<T> {
    if (!this.#isOpen) throw storeClosed();
    const deadline = Deadline.after(timeoutMs);
    const linked = deadline.signal(signal);
    try {
      return await work(deadline, linked.signal);
    } catch (error) {
      throw this.#isOpen ? etcdFault(error) : storeClosed();
    } finally {
      linked.dispose();
    }
  }
}
