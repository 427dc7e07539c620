// Reads one range of a pinned version, inside one page: routed to the owner, then the others, then the UFS. What it returns is whole or an error.
import type { FileStatus } from '../../common/api/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { ChunkFlag, Op, RequestFlag } from '../../proto/frames/layout.ts';
import type { PathRoute } from '../cache-client.ts';
import type { ClientCounters } from '../client-counters.ts';
import type { DirectReader } from '../direct/direct-reader.ts';
import type { UfsMounts } from '../direct/ufs-mounts.ts';
import type { Dispatcher, Turn } from '../routing/dispatcher.ts';
import { RoutedPath, type Router } from '../routing/router.ts';

const HINT_TIMEOUT_MS = 2000;

/** A version of a file as requests name it; made once per handle. */
export interface PinnedFile {
  readonly status: FileStatus;
  readonly routed: RoutedPath;
  readonly fileId: Uint8Array;
  /** Encoded ReadTarget. */
  readonly target: Uint8Array;
}

export interface RangeOptions {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly isSequential: boolean;
  /** Nobody waits for it yet. */
  readonly isSpeculative: boolean;
}

export interface RangeReaderOptions {
  readonly dispatcher: Dispatcher;
  readonly router: Router;
  readonly mounts: UfsMounts;
  readonly direct: DirectReader;
  readonly counters: ClientCounters;
  readonly encodeTarget: (target: { readonly path: string; readonly ufsUri: string; readonly version: string; readonly fileLength: number }) => Uint8Array;
}

export class RangeReader {
  readonly #options: RangeReaderOptions;

  constructor(options: RangeReaderOptions) {
    this.#options = options;
  }

  pin(status: FileStatus): PinnedFile {
    const { path, ufsUri, version, length } = status;
    return {
      status,
      routed: new RoutedPath(path),
      fileId: Buffer.from(status.fileId, 'hex'),
      target: this.#options.encodeTarget({ path, ufsUri, version, fileLength: length }),
    };
  }

  /** Fills `into` completely; the range lies in one page and in the file. @returns flags that tell where the bytes came from (0: the UFS, read by this client) */
  read(file: PinnedFile, offset: number, into: Uint8Array, options: RangeOptions): Promise<number> {
    const { dispatcher, router, mounts } = this.#options;
    const { mount } = router.route(file.routed);
    const mayAskUfs = mount !== undefined && mounts.mayOpen(mount);
    return dispatcher.ask({
      routed: file.routed,
      isRead: true,
      signal: options.signal,
      timeoutMs: options.timeoutMs,
      ask: (turn) => this.#askWorker(file, offset, into, { ...options, turn }),
      direct: mayAskUfs ? (route, timeoutMs) => this.#askUfs(file, offset, into, { ...options, route, timeoutMs }) : undefined,
    });
  }

  /** Tells the owner to fill ahead; nobody waits and nothing depends on it. */
  hint(file: PinnedFile, offset: number, length: number): void {
    const { dispatcher, router } = this.#options;
    const owner = router.route(file.routed).targets[0];
    if (owner?.kind !== 'owner' || owner.suspect) return;
    const request = { fileId: file.fileId, offset, length, timeoutMs: HINT_TIMEOUT_MS, flags: RequestFlag.Speculative };
    void dispatcher.hint(owner, (connection, ringRevision) => connection.call(Op.ReadAhead, file.target, { ...request, ringRevision }), file.routed);
  }

  async #askWorker(file: PinnedFile, offset: number, into: Uint8Array, options: RangeOptions & { readonly turn: Turn }): Promise<number | undefined> {
    const { turn } = options;
    const flags = (turn.onlyIfCached ? RequestFlag.OnlyIfCached : 0) | (options.isSpeculative ? RequestFlag.Speculative : 0);
    const { timeoutMs, signal, ringRevision } = turn;
    const request = { fileId: file.fileId, offset, length: into.length, flags, ringRevision, payload: file.target, timeoutMs, ...(signal !== undefined && { signal }) };
    const reply = await turn.connection.read(request, into);
    if ((reply.flags & ChunkFlag.CacheMiss) !== 0) return undefined;
    if (reply.bytesRead !== into.length) {
      throw new CacheError('Internal', 'A worker answered a read with the wrong length.', {
        source: 'worker',
        context: { workerId: turn.target.workerId, asked: into.length, got: reply.bytesRead },
      });
    }
    this.#options.counters.answeredBy(turn.target.kind);
    return reply.flags & (ChunkFlag.FromCache | ChunkFlag.FromUfs | ChunkFlag.FromPeer);
  }

  async #askUfs(file: PinnedFile, offset: number, into: Uint8Array, options: RangeOptions & { readonly route: PathRoute; readonly timeoutMs: number }): Promise<number> {
    const { route, timeoutMs, signal, isSequential } = options;
    const source = await this.#options.mounts.get(route.mount!);
    // The path may lead elsewhere by now; the UFS may also spell its root in another way than the mount table.
    const isSame = file.status.ufsUri === route.ufsUri || file.status.ufsUri === source.ufs.rootUri + route.key;
    if (!isSame) throw new CacheError('UfsObjectChanged', 'The mount of this file was changed.', { source: 'ufs' });
    const versioned = { key: route.key, version: file.status.version, length: file.status.length };
    await this.#options.direct.read({ source, file: versioned, fileId: file.status.fileId, offset, isSequential, timeoutMs, signal }, into);
    return 0;
  }
}
