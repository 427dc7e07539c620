// A cluster of real processes on loopback: coordinator, workers, FUSE, each started by its main.ts on directories of its own. Any of them may be
// killed and started again; `stop` leaves no process, mount or file.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoordinatorClient } from '../../cli/cluster/coordinator-client.ts';
import { type CacheClient, type ClientObserver, type ClientSettings, openClient } from '../../client/index.ts';
import type { MembershipMember } from '../../common/api/index.ts';
import { loadConfiguration } from '../../common/config/index.ts';
import { createKeyFile, readKeyFile, SealingKey } from '../../common/secrets/index.ts';
import type { SessionRole } from '../../proto/frames/layout.ts';
import { metricSum } from '../../tools/show/worker-metrics.ts';
import { type ManagedProcess, runToEnd, startProcess } from './process.ts';
import { removeScratch, scratchDirectory } from './scratch.ts';

export const HOST = '127.0.0.1';
export const MOUNT_PATH = '/data';

export interface UfsMount {
  readonly uri: string;
  readonly options?: Readonly<Record<string, string>>;
}

export interface ClusterOptions {
  readonly workers: number;
  /** Mounted at /data. */
  readonly ufs?: UfsMount;
  readonly fuse?: boolean;
  /** Of each of a worker's directories. Default 1 GiB. */
  readonly pageStoreBytes?: number;
  /** Default 2. */
  readonly directoriesPerWorker?: number;
  /** Default: the coordinator's embedded one; else an etcd endpoint, `host:port`. */
  readonly etcd?: string;
  readonly name?: string;
  /** `name=value` for all processes; beats the harness's own. */
  readonly properties?: readonly string[];
  readonly workerProperties?: (index: number) => readonly string[];
  readonly fuseProperties?: readonly string[];
}

export interface ClientOptions {
  readonly role?: SessionRole;
  readonly identity?: string;
  /** Default: the workers' own, so that they count as co-located. */
  readonly localHostId?: string;
  /** Whether it may read the UFS itself. Default true. */
  readonly mayReadUfs?: boolean;
  readonly settings?: Partial<ClientSettings>;
  readonly observer?: ClientObserver;
  /** Workers to start from, by index. Default: all that run. */
  readonly endpointsOf?: readonly number[];
}

export interface WorkerSlot {
  readonly index: number;
  readonly directory: string;
  readonly pageDirectories: readonly string[];
  /** undefined while it does not run. */
  process: ManagedProcess | undefined;
  /** Of its latest life. */
  ports: Readonly<Record<string, number>>;
}

const DEFAULT_PAGE_STORE_BYTES = 2 ** 30;
const JOIN_TIMEOUT_MS = 30_000;
const POLL_MS = 25;
const HOST_ID = 'e2e';

/** Polls until the condition holds. @throws naming what did not come about */
export async function eventually(what: string, condition: () => Promise<boolean> | boolean, timeoutMs = JOIN_TIMEOUT_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (await condition()) return;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(POLL_MS);
  }
}

export class Cluster {
  readonly directory: string;
  /** Where FUSE shows the namespace. */
  readonly mount: string;
  readonly workers: WorkerSlot[] = [];
  coordinator: ManagedProcess | undefined;
  fuse: ManagedProcess | undefined;
  readonly #options: ClusterOptions;
  readonly #clients: CacheClient[] = [];
  #coordinatorPorts: Readonly<Record<string, number>> = {};
  #clientNumber = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.directory = scratchDirectory(options.name ?? 'cluster');
    this.mount = join(this.directory, 'mount');
    for (const name of ['conf', 'keys', 'logs', 'run', 'mount', 'metastore']) mkdirSync(join(this.directory, name), { mode: 0o700 });
    for (const name of ['data-plane', 'sealing'] as const) createKeyFile(this.#keyFile(name));
    this.#writeSiteFile();
  }

  get confDir(): string {
    return join(this.directory, 'conf');
  }
  get name(): string {
    return this.#options.name ?? 'e2e';
  }
  get coordinatorUrl(): string {
    return `http://${HOST}:${this.#coordinatorPorts['web']}`;
  }
  get api(): CoordinatorClient {
    return new CoordinatorClient(this.coordinatorUrl);
  }
  get running(): readonly WorkerSlot[] {
    return this.workers.filter((slot) => slot.process !== undefined);
  }

  async startAll(): Promise<void> {
    const { workers, ufs, fuse } = this.#options;
    await this.startCoordinator();
    for (let i = 0; i < workers; i++) this.#addSlot();
    await Promise.all(this.workers.map((slot) => this.startWorker(slot.index)));
    await this.awaitOnline(workers);
    if (ufs !== undefined) await this.api.addMount({ mountPath: MOUNT_PATH, ufsUri: ufs.uri, options: ufs.options ?? {} });
    await this.awaitMount();
    if (fuse === true) await this.startFuse();
  }

  async startCoordinator(): Promise<void> {
    const store =
      this.#options.etcd === undefined ? ['alluxio.metadata.store.type=EMBEDDED', `alluxio.metadata.store.path=${join(this.directory, 'metastore')}`] : this.#etcdProperties();
    this.coordinator = await this.#start('coordinator', 'coordinator', [...store, ...portsOf('coordinator', this.#coordinatorPorts)]);
    this.#coordinatorPorts = this.coordinator.ready.ports;
  }

  /** Adds one more worker on directories of its own and starts it. */
  async addWorker(): Promise<WorkerSlot> {
    const slot = this.#addSlot();
    await this.startWorker(slot.index);
    return slot;
  }

  /** On the same directories, and on the same ports unless told otherwise. Resolves when it serves, which may be before it is on the ring. */
  async startWorker(index: number, options: { readonly newPorts?: boolean; readonly properties?: readonly string[] } = {}): Promise<void> {
    const slot = this.workers[index]!;
    slot.process = await this.#start(`worker-${index}`, 'worker', [
      ...this.workerArguments(index),
      ...(options.newPorts === true ? [] : portsOf('worker', slot.ports)),
      ...(options.properties ?? []),
    ]);
    slot.ports = slot.process.ready.ports;
  }

  /** Properties of a worker besides the site file: for starts that are to fail. */
  workerArguments(index: number): string[] {
    const slot = this.workers[index]!;
    const bytes = this.#options.pageStoreBytes ?? DEFAULT_PAGE_STORE_BYTES;
    const store =
      this.#options.etcd === undefined ? ['alluxio.metadata.store.type=REMOTE', `alluxio.metadata.store.address=${HOST}:${this.#coordinatorPorts['rpc']}`] : this.#etcdProperties();
    return [
      ...store,
      `alluxio.worker.identity.uuid.file.path=${join(slot.directory, 'worker_identity')}`,
      `alluxio.worker.page.store.dirs=${slot.pageDirectories.join(',')}`,
      `alluxio.worker.page.store.sizes=${slot.pageDirectories.map(() => bytes).join(',')}`,
      ...(this.#options.workerProperties?.(index) ?? []),
    ];
  }

  async killWorker(index: number): Promise<void> {
    const slot = this.workers[index]!;
    const { process } = slot;
    slot.process = undefined;
    await process?.kill();
  }
  /** SIGTERM: it leaves the ring first. */
  async stopWorker(index: number): Promise<void> {
    const slot = this.workers[index]!;
    const { process } = slot;
    slot.process = undefined;
    await process?.stop();
  }

  async startFuse(properties: readonly string[] = []): Promise<void> {
    const endpoints = this.running.map((slot) => `${HOST}:${slot.ports['data']}`);
    this.fuse = await this.#start('fuse', 'fuse', [
      `alluxio.fuse.mount.point=${this.mount}`,
      `alluxio.user.worker.endpoints=${endpoints.join(',')}`,
      ...(this.#options.fuseProperties ?? []),
      ...properties,
    ]);
  }
  /** Nothing of the daemon's memory or of the kernel's caches is left afterwards. */
  async restartFuse(properties: readonly string[] = []): Promise<void> {
    await this.fuse?.stop();
    this.fuse = undefined;
    dropCaches();
    await this.startFuse(properties);
  }

  /** A client of the library; closed by `stop`. */
  async client(options: ClientOptions = {}): Promise<CacheClient> {
    const slots = options.endpointsOf === undefined ? this.running : options.endpointsOf.map((index) => this.workers[index]!);
    const role = options.role ?? 'sdk';
    const client = await openClient({
      endpoints: slots.map((slot) => `${HOST}:${slot.ports['data']}`),
      keys: { clusterUid: await this.clusterUid(), dataPlaneKey: this.dataPlaneKey },
      role,
      identity: options.identity ?? `${role}/e2e-${process.pid}-${++this.#clientNumber}`,
      localHostId: options.localHostId ?? HOST_ID,
      sealingKey: options.mayReadUfs === false ? undefined : SealingKey.fromFile(this.#keyFile('sealing')),
      config: loadConfiguration({ overrides: this.#options.properties ?? [] }),
      settings: options.settings ?? {},
      observer: options.observer ?? {},
    });
    this.#clients.push(client);
    return client;
  }
  async clusterUid(): Promise<string> {
    return (await this.api.membership()).clusterUid;
  }

  /** 32 bytes, of the file that the processes use. */
  get dataPlaneKey(): Uint8Array {
    return readKeyFile(this.#keyFile('data-plane'));
  }

  async members(): Promise<readonly MembershipMember[]> {
    return (await this.api.membership()).members;
  }
  /** The coordinator sees so many workers online. */
  async awaitOnline(count: number, timeoutMs = JOIN_TIMEOUT_MS): Promise<void> {
    await eventually(`${count} workers online`, async () => (await this.members()).filter((member) => member.online).length === count, timeoutMs);
  }
  /** Every running worker tells clients of so many online workers. */
  async awaitViews(online: number, timeoutMs = JOIN_TIMEOUT_MS): Promise<void> {
    await Promise.all(
      this.running.map(async (slot) => {
        const client = await this.client({ endpointsOf: [slot.index] });
        try {
          await eventually(`worker ${slot.index} sees ${online} workers`, () => client.view.members.filter((member) => member.online).length === online, timeoutMs);
        } finally {
          await client.close();
        }
      }),
    );
  }
  /** Every running worker knows the mounts that the coordinator has. */
  async awaitMount(): Promise<void> {
    const { length } = await this.api.mounts();
    await Promise.all(
      this.running.map(async (slot) => {
        const client = await this.client({ endpointsOf: [slot.index] });
        try {
          await eventually(`worker ${slot.index} has ${length} mounts`, () => client.view.mounts.length === length);
        } finally {
          await client.close();
        }
      }),
    );
  }
  /** The present life of worker `index` is on the ring. */
  async awaitRegistered(index: number): Promise<void> {
    await eventually(`worker ${index} is registered`, async () => {
      const port = this.workers[index]!.ports['data'];
      return (await this.members()).some(
        ({ record, online }) => online && record.WorkerNetAddress.NettyDataPort === port && this.workers[index]!.process?.ready['uuid'] === record.uuid,
      );
    });
  }
  async uuidOf(index: number): Promise<string> {
    const port = this.workers[index]!.ports['data'];
    const member = (await this.members()).find(({ record }) => record.WorkerNetAddress.NettyDataPort === port);
    if (member === undefined) throw new Error(`worker ${index} (port ${port}) is not registered`);
    return member.record.uuid;
  }
  async workerOf(uuid: string): Promise<WorkerSlot> {
    const member = (await this.members()).find(({ record }) => record.uuid === uuid);
    const slot = this.workers.find(({ ports }) => ports['data'] === member?.record.WorkerNetAddress.NettyDataPort);
    if (slot === undefined) throw new Error(`no worker of the harness has uuid ${uuid}`);
    return slot;
  }

  /** Prometheus text of one process. */
  async metrics(process: { readonly ports: Readonly<Record<string, number>> }): Promise<string> {
    return await (await fetch(`http://${HOST}:${process.ports['web']}/metrics/`, { signal: AbortSignal.timeout(10_000) })).text();
  }
  /** Sum of a metric over its labels and over all running workers. */
  async workerSum(name: string): Promise<number> {
    const pages = await Promise.all(this.running.map((slot) => this.metrics(slot)));
    return pages.reduce((sum, text) => sum + metricSum(text, name), 0);
  }
  async fuseSum(name: string): Promise<number> {
    return metricSum(await this.metrics(this.fuse!.ready), name);
  }

  /** `alluxio …` against this cluster. */
  async cli(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    return await runToEnd('cli/main.ts', [...args, '--coordinator', this.coordinatorUrl, '--conf', this.confDir]);
  }

  /** Arguments of a process that the test itself starts, to see it fail. */
  processArguments(properties: readonly string[]): string[] {
    return ['--conf', this.confDir, ...properties.map((text) => `-D${text}`)];
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    await this.fuse?.stop(5000);
    this.fuse = undefined;
    unmount(this.mount);
    await Promise.all(this.workers.map(async (slot) => slot.process?.stop(5000)));
    for (const slot of this.workers) slot.process = undefined;
    await this.coordinator?.stop(5000);
    this.coordinator = undefined;
    removeScratch(this.directory);
  }

  logTail(name: string): string {
    return readFileSync(join(this.directory, 'logs', `${name}.log`), 'utf8').slice(-4000);
  }

  #keyFile(name: 'data-plane' | 'sealing'): string {
    const property = `alluxio.security.${name.replace('-', '.')}.key.file=`;
    const given = this.#options.properties?.find((text) => text.startsWith(property));
    return given?.slice(property.length) ?? join(this.directory, 'keys', `${name}.key`);
  }
  #etcdProperties = (): string[] => ['alluxio.metadata.store.type=ETCD', `alluxio.etcd.endpoints=http://${this.#options.etcd}`];

  #addSlot(): WorkerSlot {
    const index = this.workers.length;
    const directory = join(this.directory, `worker-${index}`);
    mkdirSync(directory, { mode: 0o700 });
    const pageDirectories = Array.from({ length: this.#options.directoriesPerWorker ?? 2 }, (_, i) => join(directory, `pages-${i}`));
    const slot: WorkerSlot = { index, directory, pageDirectories, process: undefined, ports: {} };
    this.workers.push(slot);
    return slot;
  }

  #writeSiteFile(): void {
    const lines = [
      `alluxio.cluster.name=${this.name}`,
      `alluxio.security.data.plane.key.file=${this.#keyFile('data-plane')}`,
      `alluxio.security.sealing.key.file=${this.#keyFile('sealing')}`,
      ...['coordinator.hostname', 'coordinator.bind.host', 'worker.hostname', 'worker.bind.host', 'fuse.bind.host'].map((name) => `alluxio.${name}=${HOST}`),
      ...['coordinator.rpc', 'coordinator.web', 'worker.rpc', 'worker.data', 'worker.web', 'fuse.rpc', 'fuse.web'].map((name) => `alluxio.${name}.port=0`),
      `alluxio.worker.host.id=${HOST_ID}`,
      'alluxio.worker.membership.lease.ttl=3s',
      `alluxio.worker.data.server.domain.socket.address=${join(this.directory, 'run')}`,
      'alluxio.shutdown.timeout=2s',
    ];
    const own = new Set((this.#options.properties ?? []).map((text) => text.slice(0, text.indexOf('='))));
    const kept = lines.filter((line) => !own.has(line.slice(0, line.indexOf('='))));
    writeFileSync(join(this.confDir, 'alluxio-site.properties'), `${[...kept, ...(this.#options.properties ?? [])].join('\n')}\n`);
  }

  async #start(name: string, role: string, properties: readonly string[]): Promise<ManagedProcess> {
    return await startProcess({ name, main: `${role}/main.ts`, args: this.processArguments(properties), logFile: join(this.directory, 'logs', `${name}.log`) });
  }
}

const PORT_PROPERTIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  coordinator: { rpc: 'alluxio.coordinator.rpc.port', web: 'alluxio.coordinator.web.port' },
  worker: { rpc: 'alluxio.worker.rpc.port', data: 'alluxio.worker.data.port', web: 'alluxio.worker.web.port' },
};
/** The ports of an earlier life as properties. */
const portsOf = (role: string, ports: Readonly<Record<string, number>>): string[] => Object.entries(ports).map(([name, port]) => `${PORT_PROPERTIES[role]![name]}=${port}`);

/** The kernel forgets clean pages, entries and inodes; only root can. */
export function dropCaches(): void {
  if (process.getuid?.() === 0) writeFileSync('/proc/sys/vm/drop_caches', '3');
}

function unmount(path: string): void {
  if (!readFileSync('/proc/self/mounts', 'utf8').includes(` ${path} `)) return;
  execFileSync('umount', ['-l', path], { stdio: 'ignore' });
  rmdirSync(path);
}

/** Everything runs, all workers are online and know the mount. Nothing is left behind when it throws. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const cluster = new Cluster(options);
  try {
    await cluster.startAll();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
