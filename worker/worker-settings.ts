// The worker's settings from its configuration: which property means what to which part.
import { type Configuration, Property } from '../common/config/index.ts';
import { CacheError } from '../common/errors/index.ts';
import { type ClientSettings, DEFAULT_SETTINGS } from '../client/index.ts';
import type { DataPlaneLimits } from './data-plane/index.ts';

const MIB = 2 ** 20;

export interface WorkerSettings {
  readonly directories: readonly { readonly path: string; readonly capacityBytes: number }[];
  readonly pageSizeBytes: number;
  readonly evictor: string;
  readonly marginShare: number;
  readonly fillConcurrency: number;
  readonly fillWaitersMax: number;
  readonly fillTimeoutMs: number;
  readonly passThroughBytes: number;
  readonly storesReads: boolean;
  /** undefined: no limit. */
  readonly ufsBytesPerSecond: number | undefined;
  readonly ufsCallTimeoutMs: number;
  readonly statusCacheBytes: number;
  readonly replicas: number;
  readonly dataThreads: number;
  readonly dataPortable: boolean;
  readonly dataLimits: Partial<DataPlaneLimits>;
  readonly peers: ClientSettings;
}

/** @throws InvalidConfiguration when directories and sizes do not go together, or a value asks for what this build does not have */
export function workerSettings(config: Configuration): WorkerSettings {
  refuseUnsupported(config);
  const rateMib = config.get(Property.workerUfsReadRateLimit);
  const replicas = config.get(Property.clientReplicas);
  return {
    directories: directoriesOf(config),
    pageSizeBytes: config.get(Property.workerPageSize),
    evictor: config.get(Property.workerEvictor),
    marginShare: config.get(Property.workerPageStoreMargin),
    fillConcurrency: config.get(Property.workerFillConcurrency),
    fillWaitersMax: config.get(Property.workerFillWaitersMax),
    fillTimeoutMs: config.get(Property.workerFillTimeout),
    passThroughBytes: config.get(Property.workerPassThroughMemory),
    storesReads: config.get(Property.workerPassiveCache),
    ufsBytesPerSecond: rateMib === undefined ? undefined : rateMib * MIB,
    ufsCallTimeoutMs: config.get(Property.ufsCallTimeout),
    statusCacheBytes: config.get(Property.workerStatusCacheSize),
    replicas,
    dataThreads: config.get(Property.dataPlaneThreads),
    dataPortable: config.get(Property.dataPlanePortable),
    dataLimits: { sendTimeoutMs: config.get(Property.dataPlaneSendTimeout), connectionsMax: config.get(Property.dataPlaneConnectionsMax) },
    peers: { ...DEFAULT_SETTINGS, replicas, connectTimeoutMs: config.get(Property.clientConnectTimeout), silenceMs: config.get(Property.clientSilenceTime) },
  };
}

function directoriesOf(config: Configuration): WorkerSettings['directories'] {
  const paths = config.get(Property.workerPageStoreDirs);
  const sizes = config.get(Property.workerPageStoreSizes);
  if (paths.length === sizes.length) return paths.map((path, at) => ({ path, capacityBytes: sizes[at]! }));
  throw new CacheError('InvalidConfiguration', `There are ${paths.length} page-store directories and ${sizes.length} sizes.`, {
    source: 'caller',
    context: {
      field: Property.workerPageStoreSizes.name,
      value: sizes.join(','),
      remedy: `Give one size for each directory of ${Property.workerPageStoreDirs.name}, in their order.`,
    },
  });
}

function refuseUnsupported(config: Configuration): void {
  for (const property of [Property.membershipManagerType, Property.mountTableSource]) {
    if (config.get(property) === 'ETCD') continue;
    throw new CacheError('InvalidConfiguration', `${property.name} = ${config.get(property)} is not supported by this build.`, {
      source: 'caller',
      context: { field: property.name, value: config.get(property), remedy: 'Leave it out: membership and mount table live in the metadata store (alluxio.metadata.store.type).' },
    });
  }
}
