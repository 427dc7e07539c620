// OPEN, READ, RELEASE on the main thread: what serve threads could not answer. Handles are pinned to their inode's version; the client's handle with its read-ahead is made
// when the first read gets here, so that files that are read locally never have one.
import type { CacheClient, FileHandle } from '../../client/index.ts';
import { Semaphore } from '../../common/async/index.ts';
import { isCacheError } from '../../common/errors/index.ts';
import { Errno } from '../errno.ts';
import type { Inode, InodeTable, InodeWriter } from '../inodes/index.ts';
import { OpenFlag, READ_BYTES_MAX } from '../protocol/index.ts';
import { HandleNumbers, MAIN_GIVER } from '../serving/handle-numbers.ts';
import type { Call } from './call.ts';
import { freshMsOf } from './freshness.ts';

export interface FilesOptions {
  readonly client: CacheClient;
  readonly inodes: InodeTable;
  readonly writer: InodeWriter;
  readonly isDraining: () => boolean;
  /** Which worker serve threads may ask for small reads of the file; -1: none. */
  readonly workerOf: (inode: Inode) => number;
  readonly onBytes: (bytes: number) => void;
}

interface OpenFile {
  readonly inode: Inode;
  readonly handle: FileHandle;
}

const ACCESS_MODE = 3;
/** Reads at work at once, each with a buffer of 1 MiB at most; more wait their turn. */
const READS_MAX = 128;

export class Files {
  readonly #options: FilesOptions;
  readonly #open = new Map<number, OpenFile>();
  readonly #numbers = new HandleNumbers(MAIN_GIVER);
  readonly #reads = new Semaphore(READS_MAX);

  constructor(options: FilesOptions) {
    this.#options = options;
  }

  /** Client handles that are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * The freshness of the inode has run out, or it is superseded. ESTALE makes the kernel look the name up again by itself and open what it finds;
   * handles that are open keep their version.
   */
  readonly open = async (call: Call): Promise<number> => {
    const { client, inodes, isDraining } = this.#options;
    const inode = inodes.get(call.request.nodeId);
    if (inode === undefined) return Errno.ESTALE;
    if ((call.request.openFlags & ACCESS_MODE) !== 0) return Errno.EROFS;
    if (isDraining()) return Errno.ENODEV;
    if (inode.status.type === 'directory') return Errno.EISDIR;
    if (inode.isSuperseded) return Errno.ESTALE;
    const found = await client.lookup(inode.status.path, { signal: call.signal });
    if (found.status?.version !== inode.status.version || found.status.type !== 'file') {
      inodes.supersede(inode);
      return Errno.ESTALE;
    }
    inodes.renew(inode, freshMsOf(found));
    inodes.opened(inode);
    call.onUnwanted(() => inodes.released(inode));
    call.reply().open(this.#numbers.next(), OpenFlag.KeepCache | OpenFlag.NoFlush);
    return 0;
  };

  readonly read = async (call: Call): Promise<number> => {
    const { handle: number, offset } = call.request;
    const size = Math.min(call.request.size, READ_BYTES_MAX);
    const release = await this.#reads.acquire(call.signal);
    try {
      const file = this.#fileOf(number, call.request.nodeId);
      if (file === undefined) return Errno.ESTALE;
      const reply = call.reply(size);
      const length = Math.max(0, Math.min(size, file.handle.status.length - offset));
      if (length > 0) reply.length = await file.handle.read(offset, reply.body(length), { signal: call.signal });
      this.#options.onBytes(reply.length);
      return 0;
    } catch (error) {
      if (isCacheError(error, 'UfsObjectChanged')) this.#doubt(call.request.nodeId);
      throw error;
    } finally {
      release();
    }
  };

  readonly release = (call: Call): number => {
    const { handle: number, nodeId } = call.request;
    const inode = this.#options.inodes.get(nodeId);
    if (inode !== undefined) this.#options.inodes.released(inode);
    this.#close(number);
    return 0;
  };

  /** The mount is gone: nobody releases any more. */
  closeAll(): void {
    for (const number of this.#open.keys()) this.#close(number);
  }

  #fileOf(number: number, nodeId: number): OpenFile | undefined {
    const open = this.#open.get(number);
    if (open !== undefined) return open;
    const { client, inodes, writer, workerOf } = this.#options;
    const inode = inodes.get(nodeId);
    if (inode === undefined || inode.status.type !== 'file') return undefined;
    if (inode.record >= 0) {
      writer.addMainHandle(inode.record, 1);
      writer.setWorker(inode.record, workerOf(inode));
    }
    const file = { inode, handle: client.openVersion(inode.status) };
    this.#open.set(number, file);
    return file;
  }

  #close(number: number): void {
    const file = this.#open.get(number);
    if (file === undefined) return;
    this.#open.delete(number);
    file.handle.close();
    if (file.inode.record >= 0) this.#options.writer.addMainHandle(file.inode.record, -1);
  }

  /** Its bytes are gone: the next open asks for the status first. */
  #doubt(nodeId: number): void {
    const inode = this.#options.inodes.get(nodeId);
    if (inode !== undefined) this.#options.inodes.doubt(inode);
  }
}
