// GETXATTR and LISTXATTR: where a file comes from, as extended attributes.
import type { CacheClient } from '../../client/index.ts';
import { encodeName } from '../../common/namespace/index.ts';
import { Errno } from '../errno.ts';
import type { Inode, InodeTable } from '../inodes/index.ts';
import type { Call } from './call.ts';
import { OWN_XATTR_PREFIX, XATTR_NAMES, type XattrName } from './xattr-names.ts';

export interface XattrsOptions {
  readonly client: CacheClient;
  readonly inodes: InodeTable;
}

const FILE_NAMES: readonly XattrName[] = XATTR_NAMES;
const DIRECTORY_NAMES: readonly XattrName[] = ['ufs_uri'];
const namesOf = ({ status }: Inode): readonly XattrName[] => (status.path === '/' ? [] : status.type === 'directory' ? DIRECTORY_NAMES : FILE_NAMES);

export class Xattrs {
  readonly #options: XattrsOptions;

  constructor(options: XattrsOptions) {
    this.#options = options;
  }

  readonly getxattr = async (call: Call): Promise<number> => {
    const inode = this.#options.inodes.get(call.request.nodeId);
    if (inode === undefined) return Errno.ESTALE;
    const { xattrName } = call.request;
    const name = namesOf(inode).find((known) => OWN_XATTR_PREFIX + known === xattrName);
    if (name === undefined) return Errno.ENODATA;
    return answer(call, await this.#value(inode, name, call.signal));
  };

  readonly listxattr = (call: Call): number => {
    const inode = this.#options.inodes.get(call.request.nodeId);
    if (inode === undefined) return Errno.ESTALE;
    return answer(
      call,
      Buffer.from(
        namesOf(inode)
          .map((name) => `${OWN_XATTR_PREFIX}${name}\0`)
          .join(''),
      ),
    );
  };

  async #value({ status }: Inode, name: XattrName, signal: AbortSignal): Promise<Buffer> {
    const { client } = this.#options;
    if (name === 'ufs_uri') return encodeName(status.ufsUri);
    if (name === 'version') return Buffer.from(status.version);
    if (name === 'owner') return Buffer.from(client.route(status.path).owner?.workerId ?? '');
    const { holders } = await client.residency(status.path, { signal });
    const bytes = holders.filter((holder) => holder.fileId === status.fileId).reduce((most, holder) => Math.max(most, holder.bytesResident), 0);
    // Of what the fullest worker has: pages of several workers may be the same ones.
    return Buffer.from((status.length === 0 ? 1 : Math.min(1, bytes / status.length)).toFixed(4));
  }
}

function answer(call: Call, value: Uint8Array): number {
  const { xattrSize } = call.request;
  if (xattrSize === 0) call.reply().xattrSize(value.length);
  else if (value.length > xattrSize) return Errno.ERANGE;
  else call.reply(value.length).raw(value);
  return 0;
}
