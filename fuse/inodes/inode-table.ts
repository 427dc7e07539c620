// The inodes that the kernel knows: by node id, the current one of each path, how often the kernel has looked each up. Main thread only; what serve threads may know is
// kept in step in InodeWriter. An inode is one version of one path: a newer version is another inode, the old one stays for its open handles until the kernel forgets it.
import type { ByteName, FileStatus } from '../../common/api/index.ts';
import { FileType, ROOT_NODE_ID } from '../protocol/index.ts';
import { type InodeKey, NODE_ID_MAX, NODE_ID_MIN, nodeIdOf } from './inode-id.ts';
import { type InodeWriter, nowTicks, ticksOf } from './shared-inodes.ts';

export interface Inode {
  readonly nodeId: number;
  readonly status: FileStatus;
  /** Type and permission bits. */
  readonly mode: number;
  /** In shared memory; -1: only here. */
  readonly record: number;
  /** That the kernel has not given back. */
  lookups: number;
  /** A newer version of the path is known, or the path is gone: it is not opened any more. */
  isSuperseded: boolean;
  /** Opens that were answered and not released, when there is no record to count them in. */
  opens: number;
}

export interface InodeTableOptions {
  readonly writer: InodeWriter;
}

const DIRECTORY_MODE = 0o555;
const FILE_MODE = 0o444;
/** The NAS's read bits: nobody writes here, and set-uid bits of a foreign machine mean nothing. */
const READ_BITS = 0o555;

function modeOf(status: FileStatus): number {
  if (status.type === 'directory') return FileType.Directory | DIRECTORY_MODE;
  return FileType.Regular | (status.mode === undefined ? FILE_MODE : status.mode & READ_BITS);
}

const isSame = (a: InodeKey, b: InodeKey): boolean => a.path === b.path && a.version === b.version && a.type === b.type;

export class InodeTable {
  readonly #writer: InodeWriter;
  readonly #byId = new Map<number, Inode>();
  readonly #byPath = new Map<ByteName, Inode>();

  constructor(options: InodeTableOptions) {
    this.#writer = options.writer;
    const root: FileStatus = { path: '/', ufsUri: '', type: 'directory', length: 0, mtimeMs: 0, version: '', fileId: '' };
    const inode = this.#create(root, ROOT_NODE_ID);
    inode.lookups = 1;
    this.renew(inode, Infinity);
  }

  get size(): number {
    return this.#byId.size;
  }
  get(nodeId: number): Inode | undefined {
    return this.#byId.get(nodeId);
  }
  /** The one that a look-up of the path gave last. */
  current(path: ByteName): Inode | undefined {
    return this.#byPath.get(path);
  }
  /** From the oldest on. */
  values(): IterableIterator<Inode> {
    return this.#byId.values();
  }

  /** The id that the status has or would get; for listings. */
  idOf(status: InodeKey): number {
    return this.#slotOf(status, nodeIdOf(status));
  }

  /** The kernel is about to be told of this status: one look-up more. Whatever the path showed before is superseded. */
  lookup(status: FileStatus, freshMs: number): Inode {
    const nodeId = this.idOf(status);
    const inode = this.#byId.get(nodeId) ?? this.#create(status, nodeId);
    const before = this.#byPath.get(status.path);
    if (before !== undefined && before !== inode) this.supersede(before);
    inode.isSuperseded = false;
    this.#byPath.set(status.path, inode);
    inode.lookups++;
    this.renew(inode, freshMs);
    return inode;
  }

  /** Its status was confirmed: threads may open it for so long without asking. */
  renew(inode: Inode, freshMs: number): void {
    if (inode.record >= 0) this.#writer.setFresh(inode.record, freshMs <= 0 ? 0 : nowTicks() + ticksOf(freshMs));
  }

  /** Must be confirmed before the next open. */
  doubt(inode: Inode): void {
    this.renew(inode, 0);
  }

  supersede(inode: Inode): void {
    if (inode.nodeId === ROOT_NODE_ID) return;
    inode.isSuperseded = true;
    this.doubt(inode);
    if (this.#byPath.get(inode.status.path) === inode) this.#byPath.delete(inode.status.path);
  }

  /** The kernel gives look-ups back; the inode goes with the last one. @returns the inode when it went */
  forget(nodeId: number, lookups: number): Inode | undefined {
    const inode = this.#byId.get(nodeId);
    if (inode === undefined || nodeId === ROOT_NODE_ID) return undefined;
    inode.lookups -= lookups;
    if (inode.lookups > 0) return undefined;
    this.#byId.delete(nodeId);
    if (this.#byPath.get(inode.status.path) === inode) this.#byPath.delete(inode.status.path);
    if (inode.record >= 0) this.#writer.remove(inode.record);
    return inode;
  }

  opened(inode: Inode): void {
    if (inode.record >= 0) this.#writer.opened(inode.record);
    else inode.opens++;
  }
  released(inode: Inode): void {
    if (inode.record >= 0) this.#writer.released(inode.record);
    else inode.opens--;
  }
  opens(inode: Inode): number {
    return inode.record >= 0 ? this.#writer.opens(inode.record) : inode.opens;
  }

  /** The first id from `nodeId` on that is free or already this one's: two different inodes may hash alike. */
  #slotOf(key: InodeKey, nodeId: number): number {
    let id = nodeId;
    for (let found = this.#byId.get(id); found !== undefined && !isSame(found.status, key); found = this.#byId.get(id)) id = id >= NODE_ID_MAX ? NODE_ID_MIN : id + 1;
    return id;
  }

  #create(status: FileStatus, nodeId: number): Inode {
    const isDirectory = status.type === 'directory';
    const mode = modeOf(status);
    const record = this.#writer.insert({
      nodeId,
      isDirectory,
      size: status.length,
      mtimeMs: status.mtimeMs,
      mode,
      ...(isDirectory ? {} : { fileId: Buffer.from(status.fileId, 'hex') }),
    });
    const inode: Inode = { nodeId, status, mode, record, lookups: 0, isSuperseded: false, opens: 0 };
    this.#byId.set(nodeId, inode);
    return inode;
  }
}
