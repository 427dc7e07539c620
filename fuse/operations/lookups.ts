// LOOKUP, GETATTR, ACCESS, STATFS: what exists and how it looks.
import type { CacheClient } from '../../client/index.ts';
import { isPosixName, joinPath, NAME_BYTES_MAX, nameLengthBytes } from '../../common/namespace/index.ts';
import { Errno } from '../errno.ts';
import type { Inode, InodeTable } from '../inodes/index.ts';
import type { Attributes, Entry } from '../protocol/index.ts';
import type { Call } from './call.ts';
import { freshMsOf, timeoutsOf, type Timeouts } from './freshness.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface LookupOptions {
  readonly client: CacheClient;
  readonly inodes: InodeTable;
  readonly owner: Owner;
  readonly timeouts: Timeouts;
  /** Nothing new is found any more: the mount is about to go. */
  readonly isDraining: () => boolean;
  /** A file with a record in shared memory was looked up and may be read next. */
  readonly onFile: (inode: Inode) => void;
  /** After look-ups: the number of inodes may have passed its limit. */
  readonly onGrown: () => void;
}

const WRITE = 2;
const EXECUTE = 1;
const BLOCK_BYTES = 4096;

export const attributesOf = (inode: Inode, owner: Owner): Attributes => ({
  nodeId: inode.nodeId,
  size: inode.status.length,
  mtimeMs: inode.status.mtimeMs,
  mode: inode.mode,
  ...owner,
});

export class Lookups {
  readonly #options: LookupOptions;

  constructor(options: LookupOptions) {
    this.#options = options;
  }

  /** The kernel's cache of a missing name is short: a file may appear at any time. */
  readonly lookup = async (call: Call): Promise<number> => {
    const { client, inodes, isDraining, onFile, onGrown } = this.#options;
    const parent = inodes.get(call.request.nodeId);
    if (parent === undefined) return Errno.ESTALE;
    if (isDraining()) return Errno.ENODEV;
    const { name } = call.request;
    if (!isPosixName(name)) return nameLengthBytes(name) > NAME_BYTES_MAX ? Errno.ENAMETOOLONG : Errno.ENOENT;
    const path = joinPath(parent.status.path, name);
    const found = await client.lookup(path, { signal: call.signal });
    const freshMs = freshMsOf(found);
    if (found.status === undefined) {
      const before = inodes.current(path);
      if (before !== undefined) inodes.supersede(before);
      call.reply().missingEntry(freshMs);
      return 0;
    }
    const inode = inodes.lookup(found.status, freshMs);
    call.onUnwanted(() => inodes.forget(inode.nodeId, 1));
    if (inode.record >= 0 && found.status.type === 'file') onFile(inode);
    call.reply().entry(this.entryOf(inode, freshMs));
    onGrown();
    return 0;
  };

  entryOf(inode: Inode, freshMs: number): Entry {
    return { attributes: attributesOf(inode, this.#options.owner), ...timeoutsOf(this.#options.timeouts, freshMs) };
  }

  /** Serve threads answer it from shared memory; this is for inodes that found no room there. */
  readonly getattr = (call: Call): number => {
    const inode = this.#options.inodes.get(call.request.nodeId);
    if (inode === undefined) return Errno.ESTALE;
    call.reply().attributes(attributesOf(inode, this.#options.owner), this.#options.timeouts.attrTimeoutMs ?? 0);
    return 0;
  };

  /** Asked only without default_permissions: root's rules, since nobody knows the caller's groups here. */
  readonly access = (call: Call): number => {
    const inode = this.#options.inodes.get(call.request.nodeId);
    if (inode === undefined) return Errno.ESTALE;
    const { accessMask } = call.request;
    if ((accessMask & WRITE) !== 0) return Errno.EROFS;
    return (accessMask & EXECUTE) !== 0 && (inode.mode & 0o111) === 0 ? Errno.EACCES : 0;
  };

  /** Size: what the workers can cache. Nothing is free, since nothing can be written. */
  readonly statfs = (call: Call): number => {
    const capacityBytes = this.#options.client.view.members.reduce((sum, { record }) => sum + record.capacityBytes, 0);
    call.reply().statistics({ blocks: Math.floor(capacityBytes / BLOCK_BYTES), blockBytes: BLOCK_BYTES, nameBytesMax: NAME_BYTES_MAX });
    return 0;
  };
}
