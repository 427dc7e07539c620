// OPENDIR, READDIR, READDIRPLUS, RELEASEDIR.
import type { CacheClient } from '../../client/index.ts';
import { baseName, encodeName, parentPath } from '../../common/namespace/index.ts';
import { Errno } from '../errno.ts';
import type { Inode, InodeTable } from '../inodes/index.ts';
import { Opcode, type ReplyBuffer, ROOT_NODE_ID } from '../protocol/index.ts';
import { HandleNumbers, MAIN_GIVER } from '../serving/handle-numbers.ts';
import type { Call } from './call.ts';
import { DirectoryStream, type StreamEntry } from './directory-stream.ts';
import { freshMsOf } from './freshness.ts';
import type { Lookups } from './lookups.ts';

export interface DirectoriesOptions {
  readonly client: CacheClient;
  readonly inodes: InodeTable;
  readonly lookups: Lookups;
  /** From this number of inodes on, listings give names away without attributes: the kernel looks up what it needs. */
  readonly plusInodesMax: number;
  readonly isDraining: () => boolean;
  /** Keys that POSIX cannot show. */
  readonly onHidden: (count: number) => void;
  readonly onGrown: () => void;
}

interface OpenDirectory {
  readonly inode: Inode;
  readonly stream: DirectoryStream;
  readonly maxAgeMs: number;
}

/** `.` and `..`: cookies 0 and 1. */
const DOTS = [Buffer.from('.'), Buffer.from('..')] as const;
/** Directories open at once. */
const OPEN_MAX = 65_536;

export class Directories {
  readonly #options: DirectoriesOptions;
  readonly #open = new Map<number, OpenDirectory>();
  readonly #numbers = new HandleNumbers(MAIN_GIVER);

  constructor(options: DirectoriesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  readonly opendir = async (call: Call): Promise<number> => {
    const { client, inodes, isDraining, onHidden } = this.#options;
    const inode = inodes.get(call.request.nodeId);
    if (inode === undefined) return Errno.ESTALE;
    if (isDraining()) return Errno.ENODEV;
    const found = await client.lookup(inode.status.path, { signal: call.signal });
    if (found.status?.type !== 'directory') {
      inodes.supersede(inode);
      return Errno.ESTALE; // the kernel looks again, and finds nothing or a file
    }
    if (this.#open.size >= OPEN_MAX) return Errno.EAGAIN;
    const number = this.#numbers.next();
    this.#open.set(number, { inode, stream: new DirectoryStream({ path: inode.status.path, client, onHidden }), maxAgeMs: found.maxAgeMs });
    call.onUnwanted(() => this.#open.delete(number));
    call.reply().open(number, 0);
    return 0;
  };

  readonly readdir = async (call: Call): Promise<number> => {
    const { request } = call;
    const directory = this.#open.get(request.handle);
    if (directory === undefined) return Errno.EBADF;
    const isPlus = request.opcode === Opcode.Readdirplus;
    const reply = call.reply(request.size);
    const limit = Math.min(request.size, reply.bodyBytesMax);
    const lookups: number[] = [];
    call.onUnwanted(() => lookups.forEach((nodeId) => this.#options.inodes.forget(nodeId, 1)));
    let cookie = request.offset;
    if (cookie === 0) directory.stream.rewind();
    for (; cookie < DOTS.length; cookie++) if (!this.#addDot(reply, { directory, cookie, isPlus, limit })) return 0;
    for (; ; cookie++) {
      const next = directory.stream.peek(cookie - DOTS.length);
      // What is ready goes out before the next page is waited for.
      if (next === 'ask' && reply.length > 0) break;
      const entry = next === 'ask' ? await directory.stream.at(cookie - DOTS.length, call.signal) : next;
      if (entry === undefined || !this.#add(reply, { directory, entry, cookie, isPlus, limit }, lookups)) break;
    }
    this.#options.onGrown();
    return 0;
  };

  readonly releasedir = (call: Call): number => {
    this.#open.delete(call.request.handle);
    return 0;
  };

  closeAll(): void {
    this.#open.clear();
  }

  #addDot(reply: ReplyBuffer, at: { readonly directory: OpenDirectory; readonly cookie: number; readonly isPlus: boolean; readonly limit: number }): boolean {
    const { inode } = at.directory;
    const parent = this.#options.inodes.current(parentPath(inode.status.path));
    const nodeId = at.cookie === 0 ? inode.nodeId : (parent?.nodeId ?? ROOT_NODE_ID);
    return reply.dirent(DOTS[at.cookie]!, { nodeId, isDirectory: true, nextOffset: at.cookie + 1 }, at.limit, at.isPlus ? 'none' : undefined);
  }

  /** @returns false: no room left */
  #add(
    reply: ReplyBuffer,
    at: { readonly directory: OpenDirectory; readonly entry: StreamEntry; readonly cookie: number; readonly isPlus: boolean; readonly limit: number },
    lookups: number[],
  ): boolean {
    const { inodes, plusInodesMax } = this.#options;
    const { status, ageMs } = at.entry;
    const name = encodeName(baseName(status.path));
    const what = { nodeId: inodes.idOf(status), isDirectory: status.type === 'directory', nextOffset: at.cookie + 1 };
    if (!at.isPlus) return reply.dirent(name, what, at.limit, undefined);
    if (inodes.size >= plusInodesMax || !reply.fits(name.length, at.limit)) return reply.dirent(name, what, at.limit, 'none');
    const freshMs = freshMsOf({ ageMs, maxAgeMs: at.directory.maxAgeMs });
    const inode = inodes.lookup(status, freshMs);
    lookups.push(inode.nodeId);
    return reply.dirent(name, { ...what, nodeId: inode.nodeId }, at.limit, this.#options.lookups.entryOf(inode, freshMs));
  }
}
