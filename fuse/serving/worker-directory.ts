// Which workers serve threads may ask, by a small number that inode records hold. Follows the membership view; resolves host names, which blocked threads must not do.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { CacheClient, RouteTarget } from '../../client/index.ts';
import type { ByteName, WorkerRecord } from '../../common/api/index.ts';
import type { ThreadWorker, ThreadWorkers } from './thread-memory.ts';

export interface WorkerDirectoryOptions {
  readonly client: CacheClient;
  readonly localHostId: string;
  /** False: no descriptors are asked for (`alluxio.fuse.local.descriptors.enabled`). */
  readonly handOver: boolean;
  readonly publish: (workers: ThreadWorkers) => void;
}

/** Workers that ever had a number; later ones are asked through the main thread only. */
const NUMBERS_MAX = 4096;

export class WorkerDirectory {
  readonly #options: WorkerDirectoryOptions;
  readonly #numbers = new Map<string, number>();
  readonly #addresses = new Map<string, string>();
  readonly #stop: () => void;
  #updates: Promise<void> = Promise.resolve();

  constructor(options: WorkerDirectoryOptions) {
    this.#options = options;
    this.#stop = options.client.onView(() => this.#update());
    this.#update();
  }

  /** The first choice for small reads of the path; -1: none. */
  numberOf(path: ByteName): number {
    const target = this.#options.client.route(path).targets[0];
    return target === undefined || target.suspect ? -1 : (this.#numbers.get(target.workerId) ?? -1);
  }

  /** Resolves when the threads have been told of the view as it was at the call. */
  async settled(): Promise<void> {
    await this.#updates;
  }

  close(): void {
    this.#stop();
  }

  #update(): void {
    this.#updates = this.#updates.then(() => this.#publish());
  }

  async #publish(): Promise<void> {
    const { client, handOver, publish } = this.#options;
    const online = client.view.members.filter((member) => member.online).map(({ record }) => record);
    const coLocated = client.route('/').coLocated;
    const entries = await Promise.all(online.map(async (record) => [this.#numberFor(record.uuid), await this.#workerOf(record)] as const));
    const workers: (ThreadWorker | undefined)[] = Array.from({ length: this.#numbers.size }, () => undefined);
    for (const [number, worker] of entries) if (number >= 0) workers[number] = worker;
    publish({ workers, localWorker: handOver ? this.#localNumber(coLocated) : -1, handOver });
  }

  #localNumber(coLocated: RouteTarget | undefined): number {
    return coLocated === undefined || coLocated.endpoint.unixPath === '' ? -1 : (this.#numbers.get(coLocated.workerId) ?? -1);
  }

  #numberFor(uuid: string): number {
    const known = this.#numbers.get(uuid);
    if (known !== undefined) return known;
    if (this.#numbers.size >= NUMBERS_MAX) return -1;
    const number = this.#numbers.size;
    this.#numbers.set(uuid, number);
    return number;
  }

  async #workerOf(record: WorkerRecord): Promise<ThreadWorker | undefined> {
    const { Host, NettyDataPort, DataPort, DomainSocketPath } = record.WorkerNetAddress;
    const { localHostId } = this.#options;
    const unixPath = localHostId !== '' && record.hostId === localHostId ? DomainSocketPath : '';
    const host = unixPath === '' ? await this.#address(Host) : Host;
    if (host === undefined) return undefined;
    return { endpoint: { host, port: NettyDataPort === 0 ? DataPort : NettyDataPort, unixPath }, pageSizeBytes: record.pageSizeBytes };
  }

  async #address(host: string): Promise<string | undefined> {
    if (isIP(host) !== 0) return host;
    try {
      const { address } = await lookup(host);
      this.#addresses.set(host, address);
    } catch {
      // The resolver is away: the address of before, or the main thread alone.
    }
    return this.#addresses.get(host);
  }
}
