// What this worker last knew of its cluster, kept beside its identity: with it a worker starts and serves its pages while the metadata store is away.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { CacheError } from '../../common/errors/index.ts';

export interface KnownCluster {
  readonly clusterName: string;
  readonly clusterUid: string;
}

const fileOf = (identityFile: string): string => `${identityFile}.cluster`;

/** undefined: nothing is known of a cluster of this name. */
export function readKnownCluster(identityFile: string, clusterName: string): KnownCluster | undefined {
  try {
    const known = JSON.parse(readFileSync(fileOf(identityFile), 'utf8')) as Partial<KnownCluster>;
    const isUsable = known.clusterName === clusterName && typeof known.clusterUid === 'string' && known.clusterUid !== '';
    return isUsable ? { clusterName, clusterUid: known.clusterUid! } : undefined;
  } catch {
    return undefined; // never started before, or a file that tells nothing
  }
}

/** @throws InvalidConfiguration */
export function writeKnownCluster(identityFile: string, cluster: KnownCluster): void {
  const file = fileOf(identityFile);
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(draft, `${JSON.stringify(cluster)}\n`, { flush: true });
    renameSync(draft, file);
  } catch (error) {
    throw new CacheError('InvalidConfiguration', `The file ${file} cannot be written.`, {
      context: { file, remedy: 'Make the directory of alluxio.worker.identity.uuid.file.path writable.' },
      cause: error,
    });
  }
}
