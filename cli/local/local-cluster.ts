// A cluster on this machine: coordinator with the embedded metadata store, workers with two page-store directories each, FUSE. Starts in that order,
// stops in the reverse one. Everything is child processes; cluster.json says what runs, so any later command can stop it.
import { mkdirSync, rmdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sleep } from '../../common/async/index.ts';
import { CacheError, isCacheError } from '../../common/errors/index.ts';
import { createKeyFile } from '../../common/secrets/index.ts';
import { removeContextFile, writeContextFile } from '../cluster/context-file.ts';
import { CoordinatorClient } from '../cluster/coordinator-client.ts';
import type { Terminal } from '../command-context.ts';
import { isAlive, startProcess, type StartedProcess, startTimeOf, stopProcess } from './child-process.ts';
import { fuseObstacle, isMounted, unmountLeftover } from './fuse-support.ts';
import { coordinatorProperties, fuseProperties, LOCAL_HOST, workerProperties, writeSiteFile } from './site-file.ts';
import type { LocalProcess, LocalRecord, LocalRole, StateDirectory } from './state-directory.ts';

export interface LocalOptions {
  readonly state: StateDirectory;
  readonly workers: number;
  /** Of each of a worker's two directories. */
  readonly pageStoreBytes: number;
  readonly mount?: { readonly path: string; readonly ufsUri: string; readonly options: Readonly<Record<string, string>> };
  /** Where FUSE mounts; default in the state directory. */
  readonly fuseMount?: string;
  readonly withFuse: boolean;
  /** The state directory goes when the cluster stops. */
  readonly ephemeral: boolean;
  /** Further lines of the site file. */
  readonly properties: readonly string[];
  /** This process stays and will stop the cluster. */
  readonly foreground: boolean;
  readonly progress: (line: string) => void;
}

export interface ProcessEnding {
  readonly name: string;
  /** Signal or exit code. */
  readonly how: string;
}

const FUSE_GRACE_MS = 1500;
const WORKER_GRACE_MS = 1800;
const COORDINATOR_GRACE_MS = 1000;
const JOIN_TIMEOUT_MS = 20_000;

export class LocalCluster {
  readonly #terminal: Terminal;
  readonly #options: LocalOptions;
  #record: LocalRecord;
  /** Why FUSE is not there; undefined when it is or was not wanted. */
  fuseObstacle: string | undefined;
  readonly #endings = new Map<string, Promise<string>>();

  private constructor(terminal: Terminal, options: LocalOptions, record: LocalRecord) {
    this.#terminal = terminal;
    this.#options = options;
    this.#record = record;
  }

  get record(): LocalRecord {
    return this.#record;
  }
  get coordinator(): CoordinatorClient {
    return new CoordinatorClient(this.#record.coordinator, this.#terminal.signal);
  }

  /** Starts everything or, when anything fails, leaves nothing behind. @throws AlreadyExists when a cluster runs in this state directory */
  static async start(terminal: Terminal, options: LocalOptions): Promise<LocalCluster> {
    refuseRunning(options.state);
    options.state.create();
    for (const name of ['data-plane', 'sealing'] as const) createKeyFile(options.state.key(name));
    writeSiteFile(options.state, options.properties);
    const launcher = { pid: process.pid, startedAt: startTimeOf(process.pid) };
    const record: LocalRecord = {
      version: 1,
      coordinator: '',
      confDir: options.state.confDir,
      launcher,
      processes: [],
      fuseMount: undefined,
      ownsFuseMount: false,
      ephemeral: options.ephemeral,
    };
    const cluster = new LocalCluster(terminal, options, record);
    try {
      await cluster.#startAll();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** One promise per process that runs and is not in `except`: resolves when it ends. */
  endings(except: ReadonlySet<string>): Promise<ProcessEnding>[] {
    return [...this.#endings].filter(([name]) => !except.has(name)).map(([name, ended]) => ended.then((how) => ({ name, how })));
  }
  logOf(name: string): string {
    return this.#options.state.log(name);
  }

  /** Starts worker `index` (from 1), again after it was killed: same identity, same pages. */
  async startWorker(index: number): Promise<LocalProcess> {
    const coordinator = this.#record.processes.find((p) => p.role === 'coordinator')!;
    const storeAddress = `${LOCAL_HOST}:${portOf(coordinator, 'rpc')}`;
    mkdirSync(this.#options.state.workerDir(index), { recursive: true, mode: 0o700 });
    return this.#startOne(`worker-${index}`, 'worker', workerProperties(this.#options.state, index, { storeAddress, pageStoreBytes: this.#options.pageStoreBytes }));
  }

  /** Within 5 s: FUSE, workers, coordinator. Idempotent. */
  async stop(): Promise<void> {
    await stopRecorded(this.#options.state, this.#terminal.env, this.#record);
  }

  async #startAll(): Promise<void> {
    const { progress, workers, mount } = this.#options;
    this.#save({});
    progress('coordinator with embedded metadata store');
    const coordinator = await this.#startOne('coordinator', 'coordinator', coordinatorProperties(this.#options.state));
    this.#save({ coordinator: `http://${LOCAL_HOST}:${portOf(coordinator, 'web')}` });
    progress(`${workers} workers with two page-store directories each`);
    const started = await Promise.allSettled(Array.from({ length: workers }, (_, i) => this.startWorker(i + 1)));
    for (const result of started) if (result.status === 'rejected') throw result.reason;
    await this.#awaitMembers(workers);
    if (mount !== undefined) {
      progress(`mount ${mount.path} from ${mount.ufsUri}`);
      await this.#addMount(mount);
    }
    if (this.#options.withFuse) await this.#startFuse();
    writeContextFile(this.#terminal.env, { coordinator: this.#record.coordinator, confDir: this.#record.confDir });
    if (!this.#options.foreground) this.#save({ launcher: undefined });
  }

  async #awaitMembers(count: number): Promise<void> {
    const deadline = performance.now() + JOIN_TIMEOUT_MS;
    for (;;) {
      const online = (await this.coordinator.membership()).members.filter((member) => member.online).length;
      if (online >= count) return;
      if (performance.now() > deadline)
        throw new CacheError('WorkerUnavailable', `Only ${online} of ${count} workers joined the ring.`, {
          context: { remedy: `See the logs in ${this.#options.state.logsDir}.` },
        });
      await sleep(50, this.#terminal.signal);
    }
  }

  /** A mount that a former life of this state directory already has is no error. */
  async #addMount(mount: NonNullable<LocalOptions['mount']>): Promise<void> {
    const present = (await this.coordinator.mounts()).find((entry) => entry.mountPath === mount.path && entry.ufsUri === mount.ufsUri);
    if (present !== undefined) return;
    await this.coordinator.addMount({ mountPath: mount.path, ufsUri: mount.ufsUri, options: mount.options });
  }

  async #startFuse(): Promise<void> {
    const { progress, state } = this.#options;
    this.fuseObstacle = fuseObstacle(this.#terminal.env);
    if (this.fuseObstacle !== undefined) {
      progress(`FUSE is left out: ${this.fuseObstacle}. Read with alluxio fs instead.`);
      return;
    }
    const mountPoint = resolve(this.#options.fuseMount ?? state.mountDir);
    const ownsFuseMount = mkdirSync(mountPoint, { recursive: true }) !== undefined;
    this.#save({ fuseMount: mountPoint, ownsFuseMount });
    progress(`FUSE at ${mountPoint}`);
    const endpoints = this.#record.processes.filter((p) => p.role === 'worker').map((p) => `${LOCAL_HOST}:${portOf(p, 'data')}`);
    await this.#startOne('fuse', 'fuse', fuseProperties(mountPoint, endpoints));
  }

  async #startOne(name: string, role: LocalRole, properties: readonly string[]): Promise<LocalProcess> {
    const { root, node, env, signal } = this.#terminal;
    const args = ['--disable-warning=ExperimentalWarning', join(root, role, 'main.ts'), '--conf', this.#record.confDir, ...properties.map((text) => `-D${text}`)];
    const started: StartedProcess = await startProcess({ name, role, node, args, logFile: this.#options.state.log(name), env, signal });
    this.#endings.set(name, started.ended);
    this.#save({ processes: [...this.#record.processes.filter((p) => p.name !== name), started.process] });
    return started.process;
  }

  #save(change: Partial<LocalRecord>): void {
    this.#record = { ...this.#record, ...change };
    this.#options.state.writeRecord(this.#record);
  }
}

/** Ports by the names of the ready line. */
export function portOf(process: LocalProcess, name: string): number {
  const port = process.ports[name];
  if (port === undefined) throw new CacheError('Internal', `${process.name} did not tell its ${name} port.`);
  return port;
}

function refuseRunning(state: StateDirectory): void {
  const record = state.readRecord();
  if (record === undefined) return;
  const alive = [...record.processes, ...(record.launcher === undefined ? [] : [record.launcher])].find(isAlive);
  if (alive !== undefined && alive.pid !== process.pid) {
    throw new CacheError('AlreadyExists', `A local cluster already runs in ${state.path} (process ${alive.pid}).`, {
      source: 'caller',
      context: { remedy: 'Use it, run alluxio local stop, or choose another --state-dir.' },
    });
  }
  // Everything of the former life is dead; a mount without a daemon would make every access fail.
  if (record.fuseMount !== undefined) unmountLeftover(record.fuseMount);
}

/** Stops what a record names: FUSE first, since the others serve it. Also for clusters that another process started. */
export async function stopRecorded(state: StateDirectory, env: Terminal['env'], record: LocalRecord): Promise<void> {
  const stopAll = (role: LocalRole, graceMs: number): Promise<unknown> => Promise.all(record.processes.filter((p) => p.role === role).map((p) => stopProcess(p, graceMs)));
  await stopAll('fuse', FUSE_GRACE_MS);
  if (record.fuseMount !== undefined && !unmountLeftover(record.fuseMount)) {
    throw new CacheError('OperationPending', `${record.fuseMount} is still mounted.`, { context: { remedy: `Run umount -l ${record.fuseMount}, then alluxio local stop again.` } });
  }
  await stopAll('worker', WORKER_GRACE_MS);
  await stopAll('coordinator', COORDINATOR_GRACE_MS);
  removeContextFile(env, record.coordinator);
  if (record.fuseMount !== undefined && record.ownsFuseMount && !isMounted(record.fuseMount)) removeEmpty(record.fuseMount);
  state.clear(record.ephemeral);
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (isCacheError(error)) throw error;
    // not empty or gone: not ours to delete
  }
}
