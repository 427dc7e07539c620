// The FUSE daemon as a process: builds client and mount from the configuration, serves metrics and health. Not here: the frame (signals, exit codes), what the parts do.
import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { type CacheClient, openClient } from '../client/index.ts';
import { type Configuration, Property } from '../common/config/index.ts';
import { CacheError, isCacheError } from '../common/errors/index.ts';
import { healthRoutes, type HttpServer, metricsRoutes, serveHttp } from '../common/http/index.ts';
import type { ProcessContext, RunningProcess } from '../common/process/index.ts';
import { isKeyFileExposed, readKeyFile, SealingKey } from '../common/secrets/index.ts';
import { discoverCluster } from './cluster-discovery.ts';
import { FuseDaemon, type FuseDaemonOptions } from './daemon.ts';
import { canonicalMountPoint, detachMount, parseMountOptions, prepareMountPoint } from './mount/index.ts';

/** For a first worker to answer: pods of one cluster start in any order. */
const START_TIMEOUT_MS = 60_000;
/** Share of the process's descriptors that local files may hold. */
const DESCRIPTOR_SHARE = 0.5;
const DESCRIPTORS_MAX = 65_536;
const WRITER_THREADS = 2;
const WRITER_CPUS_MIN = 4;

class FuseProcess {
  readonly #context: ProcessContext;
  #client: CacheClient | undefined;
  #daemon: FuseDaemon | undefined;
  #http: HttpServer | undefined;

  constructor(context: ProcessContext) {
    this.#context = context;
  }

  async start(): Promise<RunningProcess> {
    const { config } = this.#context;
    // Whatever is wrong with the configuration shows before anything is waited for.
    const mountPoint = canonicalMountPoint(config.get(Property.fuseMountPoint));
    const mountOptions = parseMountOptions(config.get(Property.fuseMountOptions));
    await prepareMountPoint(mountPoint, { nonEmpty: mountOptions.nonEmpty, detach: detachMount });
    const client = await this.#openClient();
    this.#client = client;
    this.#daemon = await FuseDaemon.start({ ...this.#daemonOptions(client), mountPoint, mountOptions, timeouts: timeoutsOf(config, mountOptions) });
    this.#http = await this.#serveHttp(this.#daemon);
    return { ports: { web: this.#http.port }, details: { mountPoint }, stop: (timeoutMs) => this.stop(timeoutMs) };
  }

  async stop(timeoutMs: number): Promise<void> {
    try {
      await this.#daemon?.stop(timeoutMs);
    } finally {
      await Promise.all([this.#client?.close(), this.#http?.close()]);
    }
  }

  async #openClient(): Promise<CacheClient> {
    const { config, logger, signal } = this.#context;
    const dataPlaneKey = this.#key(config.get(Property.dataPlaneKeyFile));
    const endpoints = config.get(Property.clientWorkerEndpoints);
    const identity = `fuse/${hostname()}-${process.pid}`;
    const clusterUid = await discoverCluster({ endpoints, dataPlaneKey, identity, timeoutMs: START_TIMEOUT_MS, logger, signal });
    return await openClient({
      endpoints,
      keys: { clusterUid, dataPlaneKey },
      role: 'fuse',
      identity,
      localHostId: hostIdOf(config),
      sealingKey: this.#sealingKey(),
      config,
      observer: {
        fallback: (workerId, cause) => logger.debug('A read went past a worker', { workerId, errorCode: cause }),
        suspect: (workerId, isSuspect) => logger.info(isSuspect ? 'A worker does not answer' : 'A worker answers again', { workerId }),
        membershipUnavailable: (error) => logger.warn('No worker tells the membership: the last view stays', { error }),
      },
      signal,
    });
  }

  #key(file: string): Uint8Array {
    const key = readKeyFile(file);
    if (isKeyFileExposed(file)) this.#context.logger.warn('A key file can be read by everybody', { file, remedy: `chmod 600 ${file}` });
    return key;
  }

  /** Without it the daemon cannot read the UFS itself when all workers are dead; it serves nevertheless. */
  #sealingKey(): SealingKey | undefined {
    const { config, logger } = this.#context;
    const file = config.get(Property.sealingKeyFile);
    try {
      return SealingKey.fromFile(file);
    } catch (error) {
      if (!isCacheError(error, 'InvalidConfiguration') || config.isSet(Property.sealingKeyFile)) throw error;
      logger.warn('There is no sealing key: mounts with secrets cannot be read when all workers are dead', { file });
      return undefined;
    }
  }

  #daemonOptions(client: CacheClient): Omit<FuseDaemonOptions, 'mountPoint' | 'mountOptions' | 'timeouts'> {
    const { config, logger, metrics } = this.#context;
    return {
      client,
      localHostId: hostIdOf(config),
      mountMethod: config.get(Property.fuseMountMethod),
      readAheadBytes: config.get(Property.fuseMaxReadAhead),
      threads: config.get(Property.fuseThreads),
      // Another core has to be free for it: on small machines the way there costs more than it gives.
      writerThreads: availableParallelism() > WRITER_CPUS_MIN ? WRITER_THREADS : 0,
      inodesMax: config.get(Property.fuseInodesMax),
      uid: config.isSet(Property.fuseUid) ? config.get(Property.fuseUid) : (process.getuid?.() ?? 0),
      gid: config.isSet(Property.fuseGid) ? config.get(Property.fuseGid) : (process.getgid?.() ?? 0),
      handOver: config.get(Property.fuseHandOver),
      descriptorsMax: Math.min(DESCRIPTORS_MAX, Math.floor(descriptorLimit() * DESCRIPTOR_SHARE)),
      metrics,
      logger,
      onFailure: (error) => this.#context.fail(error),
      onUnmounted: () =>
        this.#context.fail(new CacheError('Cancelled', 'Somebody else unmounted the file system.', { context: { remedy: 'Stop the daemon by SIGTERM instead.' } })),
    };
  }

  #serveHttp(daemon: FuseDaemon): Promise<HttpServer> {
    const { config, logger, metrics } = this.#context;
    const text = async (): Promise<string> => {
      daemon.metrics.refresh();
      return await metrics.text();
    };
    return serveHttp({
      host: config.get(Property.fuseBindHost),
      port: config.get(Property.fuseWebPort),
      portProperty: Property.fuseWebPort.name,
      logger,
      routes: [
        ...metricsRoutes({ contentType: metrics.contentType, text }),
        ...healthRoutes({ ready: () => (daemon.isMounted ? undefined : 'The file system is not mounted.') }),
        { method: 'GET', path: '/api/v1/info', handle: () => ({ body: { role: 'fuse', version: this.#context.version, mountPoint: daemon.mountPoint, inodes: daemon.inodes } }) },
      ],
    });
  }
}

const hostIdOf = (config: Configuration): string => config.get(Property.workerHostId) ?? hostname();

/** A property beats the mount option. */
const timeoutsOf = (config: Configuration, options: ReturnType<typeof parseMountOptions>): FuseDaemonOptions['timeouts'] => ({
  attrTimeoutMs: config.get(Property.fuseAttrTimeout) ?? options.attrTimeoutMs,
  entryTimeoutMs: config.get(Property.fuseEntryTimeout) ?? options.entryTimeoutMs,
});

function descriptorLimit(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return limit === undefined ? 1024 : Number(limit);
}

export async function startFuse(context: ProcessContext): Promise<RunningProcess> {
  const fuse = new FuseProcess(context);
  try {
    return await fuse.start();
  } catch (error) {
    await fuse.stop(0);
    throw error;
  }
}
