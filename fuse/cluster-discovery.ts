// Which cluster the configured workers belong to: asked of the first one that answers and proves that it holds the data-plane key.
import { parseEndpoint } from '../client/index.ts';
import type { MembershipView } from '../common/api/index.ts';
import { backoffDelayMs, sleep, throwIfAborted } from '../common/async/index.ts';
import { asCacheError, CacheError } from '../common/errors/index.ts';
import type { Logger } from '../common/log/index.ts';
import { connectData } from '../proto/frames/index.ts';
import { Op } from '../proto/frames/layout.ts';

export interface DiscoveryOptions {
  /** `host:port` or `unix:/path`. */
  readonly endpoints: readonly string[];
  readonly dataPlaneKey: Uint8Array;
  readonly identity: string;
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const CONNECT_TIMEOUT_MS = 1000;
const BACKOFF_MS_MAX = 2000;

/**
 * @returns the cluster's uid
 * @throws InvalidConfiguration (no or malformed endpoints), Unauthenticated and ProtocolMismatch when every worker says so, WorkerUnavailable when none answered in time
 */
export async function discoverCluster(options: DiscoveryOptions): Promise<string> {
  const { timeoutMs, logger, signal } = options;
  if (options.endpoints.length === 0) {
    throw new CacheError('InvalidConfiguration', 'No worker endpoint is given.', {
      source: 'caller',
      context: { field: 'alluxio.user.worker.endpoints', remedy: 'Set alluxio.user.worker.endpoints to host:port of one or more workers.' },
    });
  }
  const endpoints = options.endpoints.map(parseEndpoint);
  const until = performance.now() + timeoutMs;
  for (let round = 1; ; round++) {
    const failures: CacheError[] = [];
    for (const endpoint of endpoints) {
      throwIfAborted(signal);
      try {
        return await clusterUidAt(endpoint, options);
      } catch (error) {
        failures.push(asCacheError(error, 'WorkerUnavailable'));
      }
    }
    if (failures.every((failure) => failure.row.retry === 'no')) throw failures[0]!;
    const last = failures.at(-1)!;
    if (performance.now() >= until) {
      throw new CacheError('WorkerUnavailable', `No worker answered within ${timeoutMs} ms at ${options.endpoints.join(', ')}.`, {
        source: 'worker',
        context: { field: 'alluxio.user.worker.endpoints', remedy: 'Start a worker, or correct alluxio.user.worker.endpoints.' },
        cause: last,
      });
    }
    if (round === 1) logger.info('Waiting for a worker', { endpoints: options.endpoints, error: last });
    await sleep(backoffDelayMs(round, { maxMs: BACKOFF_MS_MAX }), signal);
  }
}

async function clusterUidAt(endpoint: ReturnType<typeof parseEndpoint>, { dataPlaneKey, identity, signal }: DiscoveryOptions): Promise<string> {
  const keys = { clusterUid: '', dataPlaneKey };
  const connection = await connectData({ endpoint, keys, role: 'fuse', identity, timeoutMs: CONNECT_TIMEOUT_MS, signal });
  try {
    const { bytes } = await connection.call(Op.Membership, Buffer.from(JSON.stringify({ revision: 0, generation: 0, waitMs: 0 })), { timeoutMs: CONNECT_TIMEOUT_MS, signal });
    if (bytes.length === 0) throw new CacheError('WorkerUnavailable', 'The worker has no membership view yet.', { source: 'worker' });
    return (JSON.parse(bytes.toString()) as MembershipView).clusterUid;
  } finally {
    connection.close();
  }
}
