// The FUSE daemon put together: a mount in the kernel, serve threads, and the client library behind them. Owns no configuration and no process (main.ts).
import { closeSync, readSync, writeSync } from 'node:fs';
import type { CacheClient } from '../client/index.ts';
import { sleep } from '../common/async/index.ts';
import { CacheError } from '../common/errors/index.ts';
import type { Logger } from '../common/log/index.ts';
import type { MetricsRegistry } from '../common/metrics/index.ts';
import { DescriptorSweep } from './inodes/descriptor-sweep.ts';
import { allocateInodes, InodePruner, InodeTable, InodeWriter } from './inodes/index.ts';
import { createFuseMetrics, type FuseMetrics } from './metrics.ts';
import { detachMount, type KernelMount, mountKernel, type MountMethod, type MountOptions, prepareMountPoint, setReadAhead, unmountWhenIdle } from './mount/index.ts';
import { Directories } from './operations/directories.ts';
import { Dispatcher } from './operations/dispatcher.ts';
import { Files } from './operations/files.ts';
import type { Timeouts } from './operations/freshness.ts';
import { handlersOf } from './operations/handlers.ts';
import { Lookups } from './operations/lookups.ts';
import { Xattrs } from './operations/xattrs.ts';
import { agree, KernelRequest, MINOR_MIN, Opcode, ReplyBuffer, REQUEST_BUFFER_BYTES } from './protocol/index.ts';
import { ServeThreads } from './serving/serve-threads.ts';
import { allocateThreadMemory, ThreadControl, ThreadCounters } from './serving/thread-memory.ts';
import { WorkerDirectory } from './serving/worker-directory.ts';

export interface FuseDaemonOptions {
  readonly client: CacheClient;
  /** '' when unknown: no worker counts as co-located. */
  readonly localHostId: string;
  /** Canonical. */
  readonly mountPoint: string;
  readonly mountMethod: MountMethod;
  readonly mountOptions: MountOptions;
  readonly timeouts: Timeouts;
  readonly readAheadBytes: number;
  readonly threads: number;
  /** That write large replies for the main thread; 0: it writes them itself. */
  readonly writerThreads: number;
  readonly inodesMax: number;
  readonly uid: number;
  readonly gid: number;
  readonly handOver: boolean;
  /** Descriptors of local files kept open. */
  readonly descriptorsMax: number;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  /** What the daemon cannot live with. */
  readonly onFailure: (error: unknown) => void;
  /** Somebody else unmounted it. */
  readonly onUnmounted: () => void;
}

/** From this share of the inode limit on listings give no attributes away. */
const PLUS_SHARE = 0.5;
const SWEEP_INTERVAL_MS = 1000;
/** Unmounted threads end at once; on a machine that is busy it takes them a moment. */
const THREADS_END_MS = 3000;
/** For the replies to requests that were interrupted. */
const REPLIES_MS = 200;
/** For requests in flight to be answered before the mount is forced off. */
const IDLE_MS_MAX = 2000;

export class FuseDaemon {
  readonly mountPoint: string;
  readonly metrics: FuseMetrics;
  readonly #options: FuseDaemonOptions;
  readonly #mount: KernelMount;
  readonly #writer: InodeWriter;
  readonly #control: ThreadControl;
  readonly #threads: ServeThreads;
  readonly #directory: WorkerDirectory;
  readonly #inodes: InodeTable;
  readonly #files: Files;
  readonly #directories: Directories;
  readonly #dispatcher: Dispatcher;
  readonly #sweepTimer: NodeJS.Timeout;
  #stopping: Promise<void> | undefined;

  private constructor(options: FuseDaemonOptions, mount: KernelMount, minor: number) {
    this.#options = options;
    this.#mount = mount;
    this.mountPoint = options.mountPoint;
    const { client, threads, logger, inodesMax, uid, gid } = options;
    const memory = allocateThreadMemory(allocateInodes(inodesMax, threads), threads);
    this.#control = new ThreadControl(memory);
    this.#writer = new InodeWriter(memory.inodes, (fd) => {
      closeSync(fd);
      this.#control.addDescriptors(-1);
    });
    this.#inodes = new InodeTable({ writer: this.#writer });
    const pruner = new InodePruner({ table: this.#inodes, inodesMax, minor, send: (notifications) => this.#threads.notify(notifications) });
    this.metrics = createFuseMetrics({
      registry: options.metrics,
      threads: new ThreadCounters(memory),
      inodes: () => this.#inodes.size,
      pruned: () => pruner.pruned,
      openHandles: () => this.openHandles,
      localDescriptors: () => this.#control.descriptors,
    });
    const isDraining = (): boolean => this.#control.isDraining;
    const workerOf = (path: string): number => this.#directory.numberOf(path);
    const onGrown = (): void => pruner.relieve();
    const shared = { client, inodes: this.#inodes, isDraining, onGrown };
    const lookups = new Lookups({
      ...shared,
      owner: { uid, gid },
      timeouts: options.timeouts,
      onFile: (inode) => this.#writer.setWorker(inode.record, workerOf(inode.status.path)),
    });
    const onBytes = (bytes: number): void => this.metrics.mainReadBytes.inc(bytes);
    this.#files = new Files({ ...shared, writer: this.#writer, workerOf: (inode) => workerOf(inode.status.path), onBytes });
    const onHidden = (count: number): void => this.metrics.hiddenNames.inc(count);
    this.#directories = new Directories({ ...shared, lookups, plusInodesMax: inodesMax * PLUS_SHARE, onHidden });
    const forget = (nodeId: number, count: number): void => {
      if (this.#inodes.forget(nodeId, count) !== undefined) pruner.forgotten(nodeId);
    };
    const handlers = handlersOf({ lookups, files: this.#files, directories: this.#directories, xattrs: new Xattrs(shared) });
    this.#dispatcher = new Dispatcher({ fuseFd: mount.fd, handlers, forget, metrics: this.metrics, logger, writerThreads: options.writerThreads, onFailure: options.onFailure });
    this.#threads = this.#startThreads(memory);
    this.#directory = new WorkerDirectory({ client, localHostId: options.localHostId, handOver: options.handOver, publish: (workers) => this.#threads.publish(workers) });
    const sweep = new DescriptorSweep({ table: this.#inodes, writer: this.#writer, held: () => this.#control.descriptors, heldMax: options.descriptorsMax });
    this.#sweepTimer = setInterval(() => sweep.run(), SWEEP_INTERVAL_MS).unref();
  }

  /** Mounts and serves. @throws InvalidConfiguration naming mount point or option and the remedy */
  static async start(options: FuseDaemonOptions): Promise<FuseDaemon> {
    const { mountPoint, mountOptions, logger } = options;
    const cleared = await prepareMountPoint(mountPoint, { nonEmpty: mountOptions.nonEmpty, detach: detachMount });
    if (cleared > 0) logger.warn('Dead mounts of earlier daemons were removed', { mountPoint, count: cleared });
    for (const option of mountOptions.ignored) logger.info('A mount option has no effect here', { option });
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const mount = await mountKernel({ mountPoint, method: options.mountMethod, options: mountOptions, ...owner });
    try {
      const minor = greetKernel(mount.fd, options.readAheadBytes);
      const daemon = new FuseDaemon(options, mount, minor);
      await daemon.#directory.settled();
      if (!setReadAhead(mountPoint, options.readAheadBytes))
        logger.warn('The kernel’s read-ahead of the mount stays at its default', { remedy: 'Make /sys writable for the daemon (a privileged container).' });
      return daemon;
    } catch (error) {
      mount.forceUnmount();
      mount.close();
      throw error;
    }
  }

  /** Client handles and directories open on the main thread. */
  get openHandles(): number {
    return this.#files.size + this.#directories.size;
  }
  get inodes(): number {
    return this.#inodes.size;
  }
  /** Requests that the main thread works on. */
  get inFlight(): number {
    return this.#dispatcher.inFlight;
  }
  get isMounted(): boolean {
    return this.#stopping === undefined;
  }

  /** Unmounts and ends the threads; what is still open then breaks. Within `timeoutMs` (2 s at most) and a moment. Idempotent. */
  stop(timeoutMs: number): Promise<void> {
    this.#stopping ??= this.#stop(timeoutMs);
    return this.#stopping;
  }

  async #stop(timeoutMs: number): Promise<void> {
    clearInterval(this.#sweepTimer);
    this.#control.drain();
    if (!(await unmountWhenIdle(this.#mount, Math.min(timeoutMs, IDLE_MS_MAX)))) {
      this.#options.logger.warn('The mount is in use: it is taken away from its users', { mountPoint: this.mountPoint });
      this.#dispatcher.interruptAll();
      await endsWithin(this.#dispatcher.idle(), REPLIES_MS);
      this.#mount.forceUnmount();
    }
    const isEnded = await endsWithin(this.#threads.ended, THREADS_END_MS);
    this.#directory.close();
    this.#files.closeAll();
    this.#directories.closeAll();
    // A thread in read(2) on a mount that is lazily gone cannot be ended: the process has to be.
    if (!isEnded) throw new CacheError('OperationPending', 'Somebody still uses the mount.', { context: { mountPoint: this.mountPoint, remedy: 'Close the files below it.' } });
    await Promise.all([this.#threads.close(), this.#dispatcher.close()]);
    this.#writer.removeAll();
    this.#mount.close();
  }

  #startThreads(memory: ConstructorParameters<typeof ServeThreads>[0]['memory']): ServeThreads {
    const { client, timeouts, uid, gid, descriptorsMax, onFailure, onUnmounted } = this.#options;
    const { keys, identity } = client.session;
    const threads = new ServeThreads({
      fuseFd: this.#mount.fd,
      threads: this.#options.threads,
      memory,
      settings: { uid, gid, attrTimeoutMs: timeouts.attrTimeoutMs, descriptorsMax, keys, identity },
      onRequest: (request) => this.#dispatcher.accept(request),
      onFailure,
    });
    void threads.ended.then(() => {
      if (this.#stopping === undefined) onUnmounted();
    });
    return threads;
  }
}

async function endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const stop = new AbortController();
  const isLate = sleep(timeoutMs, stop.signal).then(
    () => false,
    () => false,
  );
  const isEnded = await Promise.race([work.then(() => true), isLate]);
  stop.abort();
  return isEnded;
}

/** Answers INIT, the first request of a mount. @returns the minor version agreed */
function greetKernel(fd: number, readAheadBytes: number): number {
  const request = new KernelRequest(new ArrayBuffer(REQUEST_BUFFER_BYTES));
  readSync(fd, request.bytes, 0, REQUEST_BUFFER_BYTES, null);
  const reply = new ReplyBuffer(64);
  const offer = request.init;
  const agreement = request.opcode === Opcode.Init ? agree(offer, { readAheadBytes }) : undefined;
  if (agreement === undefined) {
    throw new CacheError('ProtocolMismatch', `The kernel speaks FUSE ${offer.major}.${offer.minor}.`, {
      context: { remedy: `Use a kernel that speaks 7.${MINOR_MIN} or newer (Linux 4.20).` },
    });
  }
  reply.raw(agreement.body);
  writeSync(fd, reply.finish(request.uniqueLow, request.uniqueHigh, 0));
  return agreement.minor;
}
