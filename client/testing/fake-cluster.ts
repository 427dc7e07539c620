// Workers in memory that answer, die, hang or lie as a script says: for tests of routing and reading without sockets.
import type { MembershipView, MountEntry, WorkerRecord } from '../../common/api/index.ts';
import { type Clock, onAbort, systemClock } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { MountTable } from '../../common/namespace/index.ts';
import type { CallRequest, DataConnection, DataPlaneEndpoint, ReadReply, ReadRequest } from '../../proto/frames/contracts.ts';
import { ChunkFlag, Op, type OpCode, RequestFlag } from '../../proto/frames/layout.ts';
import { projectList, projectStatus } from '../../ufs/projection.ts';
import { DEFAULT_SETTINGS } from '../client-settings.ts';
import { RoutedClient, type RoutedClientOptions } from '../routed-client.ts';
import type { ConnectWorker } from '../routing/connection-pool.ts';
import type { ScriptedUfs } from './scripted-ufs.ts';

interface Target {
  readonly path: string;
  readonly ufsUri: string;
  readonly version: string;
  readonly fileLength: number;
}
export const encodeTarget = (target: Target): Uint8Array => Buffer.from(JSON.stringify(target));

/** What a scripted worker was asked. */
export interface Asked {
  readonly op: OpCode;
  readonly offset: number;
  readonly length: number;
  readonly flags: number;
  readonly viaUnix: boolean;
}

export class FakeWorker {
  readonly record: WorkerRecord;
  state: 'alive' | 'dead' | 'hung' = 'alive';
  readonly asked: Asked[] = [];
  readonly pages = new Map<string, Uint8Array>();
  /** Runs before each answer; throw or wait in it. */
  before: (op: OpCode, offset: number) => Promise<void> | void = () => undefined;
  /** Bytes to answer instead of the length asked for. */
  wrongLength: number | undefined;
  pings = 0;
  readonly #cluster: FakeCluster;
  readonly connections = new Set<FakeConnection>();

  constructor(cluster: FakeCluster, record: WorkerRecord) {
    this.#cluster = cluster;
    this.record = record;
  }

  /** Requests on connections that carry more than the membership poll. */
  get readsInFlight(): number {
    return [...this.connections].reduce((sum, connection) => sum + Math.max(0, connection.inFlight - (connection.isPolling ? 1 : 0)), 0);
  }

  count(op: OpCode): number {
    return this.asked.filter((asked) => asked.op === op).length;
  }

  /** As kill -9: connections break with requests in flight. */
  kill(): void {
    this.state = 'dead';
    for (const connection of this.connections) connection.break();
  }

  async readPage(request: ReadRequest, into: Uint8Array): Promise<ReadReply> {
    const { pageSizeBytes, ufs, mounts } = this.#cluster;
    const page = Math.floor(request.offset / pageSizeBytes);
    if (Math.floor((request.offset + request.length - 1) / pageSizeBytes) !== page)
      throw new CacheError('InvalidArgument', 'The range crosses a page border.', { source: 'caller' });
    const key = `${Buffer.from(request.fileId).toString('hex')}/${page}`;
    let bytes = this.pages.get(key);
    const flags = bytes === undefined ? ChunkFlag.FromUfs : ChunkFlag.FromCache;
    if (bytes === undefined) {
      if ((request.flags & RequestFlag.OnlyIfCached) !== 0) return { bytesRead: 0, flags: ChunkFlag.CacheMiss };
      const target = JSON.parse(Buffer.from(request.payload!).toString()) as Target;
      bytes = new Uint8Array(Math.min(pageSizeBytes, target.fileLength - page * pageSizeBytes));
      await ufs.read({ key: mounts.resolve(target.path)!.key, version: target.version, length: target.fileLength }, page * pageSizeBytes, bytes);
      this.pages.set(key, bytes);
    }
    const from = request.offset % pageSizeBytes;
    const part = bytes.subarray(from, from + (this.wrongLength ?? request.length));
    into.set(part.subarray(0, into.length));
    return { bytesRead: part.length, flags };
  }

  async answer(op: OpCode, payload: Uint8Array, options: CallRequest): Promise<Buffer> {
    if (op === Op.Ping || op === Op.ReadAhead) return Buffer.alloc(0);
    if (op === Op.Membership) return await this.#cluster.membership(payload, options.signal);
    const request = JSON.parse(Buffer.from(payload).toString()) as { paths?: string[]; path: string; startAfter?: string; limit?: number };
    const { ufs, mounts } = this.#cluster;
    const statusOf = async (path: string): Promise<unknown> => {
      const status = await projectStatus(ufs, mounts.resolve(path)!.key);
      return status === undefined ? null : { ...status, path };
    };
    if (op === Op.Status) return Buffer.from(JSON.stringify({ statuses: await Promise.all(request.paths!.map(statusOf)) }));
    if (op !== Op.List) throw new CacheError('Unsupported', 'Not scripted.', { source: 'worker' });
    const page = await projectList(ufs, mounts.resolve(request.path)!.key, request);
    return Buffer.from(JSON.stringify({ ...page, entries: page.entries.map(({ name, status }) => ({ ...status, path: `${request.path}/${name}` })) }));
  }
}

export class FakeConnection implements DataConnection {
  closed = false;
  inFlight = 0;
  isPolling = false;
  readonly #worker: FakeWorker;
  readonly #clock: Clock;
  readonly #viaUnix: boolean;
  readonly #broken = new AbortController();

  constructor(worker: FakeWorker, clock: Clock, viaUnix: boolean) {
    this.#worker = worker;
    this.#clock = clock;
    this.#viaUnix = viaUnix;
    worker.connections.add(this);
  }

  read(request: ReadRequest, into: Uint8Array): Promise<ReadReply> {
    const asked = { op: request.op ?? Op.Read, offset: request.offset, length: request.length, flags: request.flags };
    return this.#request(asked, request.timeoutMs, request.signal, async () => {
      const scratch = new Uint8Array(into.length);
      const reply = await this.#worker.readPage(request, scratch);
      // As a real connection: nothing is written after the caller has been told of a failure.
      return () => {
        into.set(scratch);
        return reply;
      };
    });
  }

  call(op: OpCode, payload: Uint8Array, options: CallRequest = {}): Promise<{ bytes: Buffer; flags: number }> {
    const asked = { op, offset: options.offset ?? 0, length: options.length ?? 0, flags: options.flags ?? 0 };
    if (op === Op.Ping) this.#worker.pings++;
    if (op === Op.Membership) this.isPolling = true;
    return this.#request(asked, options.timeoutMs ?? 1000, options.signal, async () => {
      const bytes = await this.#worker.answer(op, payload, { ...options, signal: this.#broken.signal });
      return () => ({ bytes, flags: 0 });
    });
  }

  close(): void {
    this.break();
  }

  break(): void {
    this.closed = true;
    this.#worker.connections.delete(this);
    this.#broken.abort(new CacheError('WorkerUnavailable', 'The connection broke.', { source: 'worker' }));
  }

  #request<T>(asked: Omit<Asked, 'viaUnix'>, timeoutMs: number, signal: AbortSignal | undefined, work: () => Promise<() => T>): Promise<T> {
    this.#worker.asked.push({ ...asked, viaUnix: this.#viaUnix });
    this.inFlight++;
    return new Promise<T>((resolve, reject) => {
      let over = false;
      const end = (settle: () => void): void => {
        if (over) return;
        over = true;
        this.inFlight--;
        timer.cancel();
        for (const stop of stops) stop();
        settle();
      };
      const timer = this.#clock.schedule(timeoutMs, () => end(() => reject(new CacheError('DeadlineExceeded', 'No answer in time.', { source: 'worker' }))), true);
      const stops: (() => void)[] = [];
      for (const source of [signal, this.#broken.signal]) stops.push(onAbort(source, () => end(() => reject(source!.reason as Error))));
      void this.#run(asked, work).then(
        (finish) => this.#worker.state !== 'hung' && end(() => resolve(finish())),
        (error: Error) => this.#worker.state !== 'hung' && end(() => reject(error)),
      );
    });
  }

  async #run<T>(asked: Omit<Asked, 'viaUnix'>, work: () => Promise<() => T>): Promise<() => T> {
    await new Promise((resolve) => setImmediate(resolve));
    await this.#worker.before(asked.op, asked.offset);
    return await work();
  }
}

export interface FakeClusterOptions {
  readonly ufs: ScriptedUfs;
  readonly workers?: number;
  readonly pageSizeBytes?: number;
  readonly clock?: Clock;
  readonly sealedOptions?: string;
  /** Host ids by worker; default: one host each. */
  readonly hostIds?: readonly string[];
}

export class FakeCluster {
  readonly ufs: ScriptedUfs;
  readonly pageSizeBytes: number;
  readonly clock: Clock;
  readonly workers: FakeWorker[];
  readonly mounts: MountTable;
  connects = 0;
  #view: MembershipView;
  readonly #waiters = new Set<() => void>();

  constructor(options: FakeClusterOptions) {
    this.ufs = options.ufs;
    this.pageSizeBytes = options.pageSizeBytes ?? 64 * 1024;
    this.clock = options.clock ?? systemClock;
    const mount: MountEntry = { mountPath: '/data', ufsUri: options.ufs.rootUri, options: {}, sealedOptions: options.sealedOptions ?? '', generation: 1, owner: 'cli' };
    this.mounts = new MountTable([mount]);
    this.workers = Array.from({ length: options.workers ?? 3 }, (_, i) => new FakeWorker(this, this.#record(i, options.hostIds?.[i] ?? `host-${i}`)));
    this.#view = this.#viewOf(1);
  }

  get view(): MembershipView {
    return this.#view;
  }

  worker(uuid: string | undefined): FakeWorker {
    return this.workers.find((worker) => worker.record.uuid === uuid)!;
  }

  /** Publishes a new view; offline: uuids that lost their lease. */
  publish(
    change: { readonly offline?: readonly string[]; readonly staticRing?: boolean; readonly fuseClients?: number; readonly generation?: number; readonly revision?: number } = {},
  ): void {
    this.#view = { ...this.#viewOf(change.revision ?? this.#view.revision + 1, change.offline), ...(change.staticRing !== undefined && { staticRing: change.staticRing }) };
    if (change.fuseClients !== undefined) this.#view = { ...this.#view, fuseClients: change.fuseClients };
    if (change.generation !== undefined) this.#view = { ...this.#view, generation: change.generation };
    for (const wake of this.#waiters) wake();
  }

  readonly connect: ConnectWorker = async (endpoint, options) => {
    this.connects++;
    const viaUnix = endpoint.unixPath !== '';
    const worker = this.workers.find(({ record }) =>
      viaUnix ? record.WorkerNetAddress.DomainSocketPath === endpoint.unixPath : record.WorkerNetAddress.NettyDataPort === endpoint.port,
    );
    await new Promise((resolve) => setImmediate(resolve));
    if (worker === undefined || worker.state === 'dead') throw new CacheError('WorkerUnavailable', 'Connection refused.', { source: 'worker' });
    options.signal?.throwIfAborted();
    return new FakeConnection(worker, this.clock, viaUnix);
  };

  async membership(payload: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
    const { revision, generation, waitMs } = JSON.parse(Buffer.from(payload).toString()) as { revision: number; generation: number; waitMs: number };
    const isKnown = (): boolean => this.#view.revision === revision && this.#view.generation === generation;
    if (isKnown()) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          timer.cancel();
          this.#waiters.delete(end);
          resolve();
        };
        const timer = this.clock.schedule(waitMs, end, true);
        this.#waiters.add(end);
        onAbort(signal, end);
      });
    }
    return isKnown() ? Buffer.alloc(0) : Buffer.from(JSON.stringify(this.#view));
  }

  open(
    options: Partial<Omit<RoutedClientOptions, 'settings' | 'doors'>> & {
      readonly settings?: Partial<RoutedClientOptions['settings']>;
      readonly unseal?: RoutedClientOptions['doors']['unseal'];
    } = {},
  ): Promise<RoutedClient> {
    const { settings, unseal, ...rest } = options;
    const endpoints: DataPlaneEndpoint[] = this.workers.map(({ record }) => ({ host: 'fake', port: record.WorkerNetAddress.NettyDataPort, unixPath: '' }));
    return RoutedClient.open({
      endpoints,
      session: { keys: { clusterUid: this.#view.clusterUid, dataPlaneKey: new Uint8Array(32) }, role: 'fuse', identity: 'test' },
      localHostId: '',
      ufsOptions: {},
      settings: { ...DEFAULT_SETTINGS, ...settings },
      observer: {},
      clock: this.clock,
      doors: { connect: this.connect, openUfs: () => this.ufs, unseal, encodeTarget },
      ...rest,
    });
  }

  #viewOf(revision: number, offline: readonly string[] = []): MembershipView {
    return {
      clusterName: 'test',
      clusterUid: 'c0ffee00-0000-4000-8000-000000000000',
      generation: 1,
      revision,
      staticRing: false,
      members: this.workers.map(({ record }) => ({ record, online: !offline.includes(record.uuid) })),
      mounts: this.mounts.entries,
      fuseClients: 1,
    };
  }

  #record(index: number, hostId: string): WorkerRecord {
    const uuid = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
    const address = { Host: 'fake', ContainerHost: '', RpcPort: 0, DataPort: 0, SecureRpcPort: 0, NettyDataPort: 1000 + index, WebPort: 0 };
    return {
      Identity: { version: 1, identifier: uuid.replaceAll('-', '') },
      WorkerNetAddress: { ...address, DomainSocketPath: `/fake/${index}.sock`, HttpServerPort: 0 },
      uuid,
      instanceId: `instance-${index}`,
      clusterUid: 'c0ffee00-0000-4000-8000-000000000000',
      vnodes: 200,
      capacityBytes: 2 ** 30,
      pageSizeBytes: this.pageSizeBytes,
      hostId,
      build: 'test',
      startedAtMs: 0,
      fuseClients: 0,
    };
  }
}
