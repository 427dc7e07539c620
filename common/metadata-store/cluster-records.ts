// What a cluster keeps in the metadata store: its keys, and the checks of their values. A record that is broken, under another key than it says, or of another
// cluster is no record: it must not stop the ones that are right.
import type { MountEntry, WorkerRecord } from '../api/index.ts';
import { isCacheError } from '../errors/index.ts';
import { isByteName, isPosixName, printableName, ufsRootUri } from '../namespace/index.ts';

/** Of the cluster itself, created once. */
export interface ClusterRecord {
  /** Tells this cluster from another one of the same name. */
  readonly uid: string;
  /** Raised when the metadata store is rebuilt. */
  readonly generation: number;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const PORT_MAX = 65_535;

/** Keys of one cluster. */
export class ClusterKeys {
  readonly #clusterName: string;

  constructor(clusterName: string) {
    this.#clusterName = clusterName;
  }

  get cluster(): string {
    return `/Cluster/${this.#clusterName}`;
  }
  /** Workers with a live lease. */
  get onlineWorkers(): string {
    return `/ServiceDiscovery/${this.#clusterName}/`;
  }
  /** Workers that are to come back. */
  get registeredWorkers(): string {
    return `/Registered/${this.#clusterName}/`;
  }
  get mounts(): string {
    return `/MountTable/${this.#clusterName}/`;
  }
  /** Changed with each change of the mount table: orders them. */
  get mountGuard(): string {
    return `/MountTableGuard/${this.#clusterName}`;
  }
  onlineWorker(uuid: string): string {
    return `${this.onlineWorkers}worker-${uuid}`;
  }
  registeredWorker(uuid: string): string {
    return `${this.registeredWorkers}worker-${uuid}`;
  }
  mount(mountPath: string): string {
    return `${this.mounts}${printableName(mountPath.slice(1))}`;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

const isCount = (value: unknown, max = Number.MAX_SAFE_INTEGER): boolean => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string';

/** undefined: not a cluster record. */
export function decodeClusterRecord(text: string): ClusterRecord | undefined {
  const fields = fieldsOf(text);
  if (fields === undefined || !isText(fields['uid']) || !UUID.test(fields['uid'])) return undefined;
  const generation = fields['generation'] ?? 1;
  return isCount(generation) ? { uid: fields['uid'], generation: generation as number } : undefined;
}

function isAddress(value: unknown): boolean {
  if (!isObject(value)) return false;
  const ports = ['RpcPort', 'NettyDataPort', 'WebPort'];
  return isText(value['Host']) && value['Host'] !== '' && isText(value['DomainSocketPath']) && ports.every((name) => isCount(value[name], PORT_MAX));
}

/** @param key key it lies under. undefined: not a record of that worker */
export function decodeWorkerRecord(key: string, text: string): WorkerRecord | undefined {
  const fields = fieldsOf(text);
  if (fields === undefined || !isText(fields['uuid']) || !UUID.test(fields['uuid']) || !key.endsWith(`/worker-${fields['uuid']}`)) return undefined;
  const texts = ['instanceId', 'clusterUid', 'hostId', 'build'].every((name) => isText(fields[name]));
  const counts = ['capacityBytes', 'pageSizeBytes', 'fuseClients'].every((name) => isCount(fields[name]));
  const isSound = texts && counts && isCount(fields['vnodes']) && fields['vnodes'] !== 0 && isAddress(fields['WorkerNetAddress']);
  return isSound ? (fields as unknown as WorkerRecord) : undefined;
}

function hasUfsRoot(ufsUri: string): boolean {
  try {
    ufsRootUri(ufsUri);
    return true;
  } catch (error) {
    if (isCacheError(error)) return false;
    throw error;
  }
}

/** @returns the mount path that the key stands for; undefined when it says another or none */
function mountPathOf(key: string, { mountPath }: Fields): string | undefined {
  if (!isText(mountPath) || !mountPath.startsWith('/') || !isByteName(mountPath)) return undefined;
  const segment = mountPath.slice(1);
  return isPosixName(segment) && key.endsWith(`/${printableName(segment)}`) ? mountPath : undefined;
}

/** @param key key it lies under. undefined: not an entry of that mount path */
export function decodeMountEntry(key: string, text: string): MountEntry | undefined {
  const fields = fieldsOf(text);
  if (fields === undefined || mountPathOf(key, fields) === undefined) return undefined;
  const { ufsUri, options, sealedOptions, generation, owner } = fields;
  const hasOptions = isObject(options) && Object.values(options).every(isText) && isText(sealedOptions);
  return hasOptions && isText(ufsUri) && hasUfsRoot(ufsUri) && isCount(generation) && isText(owner) ? (fields as unknown as MountEntry) : undefined;
}
