// What a client says about a page that is not here, checked before a byte is fetched: it may neither name an object outside the path's mount nor have
// bytes of one object kept under the fileId of another.
import { CacheError } from '../../common/errors/index.ts';
import { fileIdHex, fileIdOf } from '../../common/hash/index.ts';
import { MountTable, printableName } from '../../common/namespace/index.ts';
import type { CachedFile } from '../../cache/contracts.ts';
import type { ReadTarget } from '../../proto/frames/layout.ts';
import type { UfsKey, UnderFileSystem } from '../../ufs/under-file-system.ts';
import type { MountedPaths } from '../metadata/metadata-service.ts';

export interface TrustedTarget {
  readonly path: string;
  readonly file: CachedFile;
  readonly ufs: UnderFileSystem;
  readonly key: UfsKey;
}

const lie = (message: string, field: string, value: string): CacheError =>
  new CacheError('InvalidArgument', message, {
    source: 'caller',
    context: { field, value: printableName(value), remedy: 'Ask for the status of the path and send what it says; the mount may have changed.' },
  });

/** @throws MountNotFound, InvalidArgument (the target does not fit its mount or its fileId), what opening the mount throws */
export function trustedTarget(mounts: MountedPaths, target: ReadTarget, fileId: Uint8Array): TrustedTarget {
  const { path, ufsUri, version, fileLength } = target;
  const place = mounts.resolve(path);
  if (place === undefined) {
    throw new CacheError('MountNotFound', 'No mount has this path.', { source: 'caller', context: { path: printableName(path), remedy: 'See alluxio mount list.' } });
  }
  const { mount, ufs, key } = place;
  // The UFS may spell its root in another way than the mount table.
  if (ufsUri !== ufs.rootUri + key && ufsUri !== new MountTable([mount]).resolve(path)!.ufsUri) throw lie('The UFS URI of the request is not that of its path.', 'ufsUri', ufsUri);
  if (fileIdHex(fileId) !== fileIdHex(fileIdOf(ufsUri, version))) throw lie('The fileId of the request is not that of its UFS URI and version.', 'version', version);
  return { path, file: { fileId, ufsUri, version, lengthBytes: fileLength }, ufs, key };
}
