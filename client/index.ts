// The client library: `openClient` for FUSE, S3, the command line and embedders. It reads through the cluster's workers and, when none can
// answer, from the UFS itself where it has the rights.
import { systemClock } from '../common/async/index.ts';
import type { Configuration } from '../common/config/index.ts';
import { CacheError } from '../common/errors/index.ts';
import type { SealingKey } from '../common/secrets/index.ts';
import type { DataPlaneEndpoint, SessionKeys } from '../proto/frames/contracts.ts';
import { connectData, encodeReadTarget } from '../proto/frames/index.ts';
import type { SessionRole } from '../proto/frames/layout.ts';
import { openUfs } from '../ufs/index.ts';
import type { CacheClient, ClientObserver } from './cache-client.ts';
import { type ClientSettings, DEFAULT_SETTINGS } from './client-settings.ts';
import { settingsOf } from './configured-settings.ts';
import { parseEndpoint } from './membership/worker-endpoint.ts';
import { RoutedClient } from './routed-client.ts';

export type {
  CacheClient,
  ClientCallOptions,
  ClientObserver,
  ClientSession,
  FileHandle,
  ListPage,
  ListPathOptions,
  PathResidency,
  PathRoute,
  ReadCounters,
  ResidencyReport,
  RouteTarget,
  StatusLookup,
  StatusOptions,
} from './cache-client.ts';
export { DEFAULT_SETTINGS, type ClientSettings } from './client-settings.ts';
// For workers that read from their peers.
export { ViewSnapshot } from './membership/view-snapshot.ts';
export { ConnectionPool, type ConnectWorker, type PooledConnection } from './routing/connection-pool.ts';
export { RoutedPath, Router } from './routing/router.ts';
export { WorkerHealth } from './routing/worker-health.ts';
export { parseEndpoint } from './membership/worker-endpoint.ts';

export interface OpenClientOptions {
  /** Data planes of workers to learn the cluster from, any one alive is enough: endpoints, `host:port` or `unix:/path`. */
  readonly endpoints: readonly (DataPlaneEndpoint | string)[];
  readonly keys: SessionKeys;
  readonly role: SessionRole;
  /** Name of this client, unique in the cluster: `fuse/node-7`, `cli/host-123`. */
  readonly identity: string;
  /** As in the records of workers on this host; '' when unknown: no worker counts as co-located. */
  readonly localHostId: string;
  /** Opens the secrets of mounts, so that this client may read the UFS itself when no worker can answer. */
  readonly sealingKey?: SealingKey | undefined;
  /** Settings and process-wide UFS options. Default: the defaults of all properties. */
  readonly config?: Configuration;
  /** On top of `config`. */
  readonly settings?: Partial<ClientSettings>;
  readonly observer?: ClientObserver;
  readonly signal?: AbortSignal;
}

/**
 * Fetches the first membership view and follows it from then on. Close the client when done.
 * @throws InvalidConfiguration (no or malformed endpoints, another cluster's workers), WorkerUnavailable (no endpoint answered in time),
 * Unauthenticated, ProtocolMismatch, Cancelled
 */
export async function openClient(options: OpenClientOptions): Promise<CacheClient> {
  const { keys, role, identity, localHostId, sealingKey, config, observer, signal } = options;
  const endpoints = options.endpoints.map((endpoint) => (typeof endpoint === 'string' ? parseEndpoint(endpoint) : endpoint));
  if (endpoints.length === 0) {
    throw new CacheError('InvalidConfiguration', 'No worker endpoint is given.', {
      source: 'caller',
      context: { field: 'endpoints', remedy: 'Set alluxio.user.worker.endpoints to host:port of one or more workers.' },
    });
  }
  return await RoutedClient.open(
    {
      endpoints,
      session: { keys, role, identity },
      localHostId,
      ufsOptions: config?.ufsOptions() ?? {},
      settings: { ...(config === undefined ? DEFAULT_SETTINGS : settingsOf(config)), ...options.settings },
      observer: observer ?? {},
      clock: systemClock,
      doors: {
        connect: (endpoint, call) => connectData({ endpoint, keys, role, identity, ...call }),
        openUfs,
        unseal: sealingKey === undefined ? undefined : (sealed) => sealingKey.open(sealed),
        encodeTarget: encodeReadTarget,
      },
    },
    signal,
  );
}
