// Mount table: which mount a path belongs to, by whole segments, and which new mounts are refused. Mounts are one segment below `/`.
import type { ByteName, MountEntry } from '../api/index.ts';
import { CacheError } from '../errors/index.ts';
import { printableName } from './byte-name.ts';
import { isPosixName } from './path.ts';
import { ufsRootUri } from './ufs-uri.ts';

export interface ResolvedPath {
  readonly mount: MountEntry;
  /** Key below the UFS root of the mount, opaque; '' is the root itself. */
  readonly key: ByteName;
  readonly ufsUri: ByteName;
}

interface MountRow {
  readonly mount: MountEntry;
  /** With the closing slash. */
  readonly rootUri: ByteName;
}

/** Immutable; one per membership view. */
export class MountTable {
  readonly entries: readonly MountEntry[];
  readonly #byPath = new Map<ByteName, MountRow>();

  constructor(entries: readonly MountEntry[]) {
    this.entries = entries;
    for (const mount of entries) this.#byPath.set(mount.mountPath, { mount, rootUri: ufsRootUri(mount.ufsUri) });
  }

  /** The mount of `path` and the key below it; undefined when no mount covers it (`/` included). */
  resolve(path: ByteName): ResolvedPath | undefined {
    const slash = path.indexOf('/', 1);
    const row = this.#byPath.get(slash < 0 ? path : path.slice(0, slash));
    if (row === undefined) return undefined;
    const key = slash < 0 ? '' : path.slice(slash + 1);
    return { mount: row.mount, key, ufsUri: row.rootUri + key };
  }

  /** Namespace path of a UFS URI: what `--path s3://…` means. The root of a mount may lack its closing slash. */
  pathOfUfsUri(ufsUri: ByteName): ByteName | undefined {
    for (const { mount, rootUri } of this.#byPath.values()) {
      const uri = comparableUri(ufsUri);
      if (uri.startsWith(rootUri)) return uri.length === rootUri.length ? mount.mountPath : `${mount.mountPath}/${uri.slice(rootUri.length)}`;
      if (`${uri}/` === rootUri) return mount.mountPath;
    }
    return undefined;
  }
}

/** Scheme aliases and bare directories told one way; keys untouched. */
function comparableUri(uri: ByteName): ByteName {
  const withoutKey = uri.startsWith('/')
    ? 'file://'
    : uri
        .slice(0, uri.indexOf('://') + 3)
        .toLowerCase()
        .replace(/^s3[an]:/, 's3:');
  return withoutKey + (uri.startsWith('/') ? uri : uri.slice(uri.indexOf('://') + 3));
}

export const pathOfUfsUri = (entries: readonly MountEntry[], ufsUri: ByteName): ByteName | undefined => new MountTable(entries).pathOfUfsUri(ufsUri);

export type MountCandidate = Pick<MountEntry, 'mountPath' | 'ufsUri'>;

const refusal = (code: 'InvalidArgument' | 'AlreadyExists', message: string, remedy: string, candidate: MountCandidate): CacheError =>
  new CacheError(code, message, {
    source: 'caller',
    context: { field: 'mountPath', mountPath: printableName(candidate.mountPath), ufsUri: printableName(candidate.ufsUri), remedy },
  });

function checkMountPath(candidate: MountCandidate): CacheError | undefined {
  const { mountPath } = candidate;
  const shown = printableName(mountPath);
  if (mountPath === '/') return refusal('InvalidArgument', 'The root / cannot be a mount.', 'Mount at one segment below it, for example /data.', candidate);
  if (!mountPath.startsWith('/')) return refusal('InvalidArgument', `Mount path '${shown}' does not begin with a slash.`, `Use /${shown.split('/')[0] || 'data'}.`, candidate);
  const segment = mountPath.slice(1);
  if (segment.includes('/')) {
    const remedy = `Mounts are direct children of /: use /${printableName(segment.split('/').find((part) => part !== '') ?? 'data')}.`;
    return refusal('InvalidArgument', `Mount path '${shown}' has more than one segment.`, remedy, candidate);
  }
  if (!isPosixName(segment)) return refusal('InvalidArgument', `Mount path '${shown}' is not a file name.`, "Use 1 to 255 bytes, not '.' or '..'.", candidate);
  return undefined;
}

function checkAgainst(entry: MountEntry, candidate: MountCandidate, root: ByteName): CacheError | undefined {
  const theirs = `${printableName(entry.mountPath)} (${printableName(entry.ufsUri)})`;
  const ours = `${printableName(candidate.mountPath)} (${printableName(candidate.ufsUri)})`;
  if (entry.mountPath === candidate.mountPath) {
    return refusal(
      'AlreadyExists',
      `Mount ${ours} has the path of ${theirs}.`,
      `Choose another path or run alluxio mount remove --path ${printableName(entry.mountPath)}.`,
      candidate,
    );
  }
  const entryRoot = ufsRootUri(entry.ufsUri);
  if (!root.startsWith(entryRoot) && !entryRoot.startsWith(root)) return undefined;
  const how = root === entryRoot ? 'has the same UFS URI as' : root.startsWith(entryRoot) ? 'lies inside' : 'contains';
  return refusal(
    'AlreadyExists',
    `Mount ${ours} ${how} ${theirs}.`,
    `Two mounts may not share objects: use a UFS URI apart from it, or remove ${printableName(entry.mountPath)} first.`,
    candidate,
  );
}

/** Why `candidate` may not join `entries`; undefined when it may. A bad UFS URI is told the same way. */
export function checkNewMount(entries: readonly MountEntry[], candidate: MountCandidate): CacheError | undefined {
  const badPath = checkMountPath(candidate);
  if (badPath !== undefined) return badPath;
  let root: ByteName;
  try {
    root = ufsRootUri(candidate.ufsUri);
  } catch (error) {
    if (error instanceof CacheError) return error;
    throw error;
  }
  for (const entry of entries) {
    const clash = checkAgainst(entry, candidate, root);
    if (clash !== undefined) return clash;
  }
  return undefined;
}
