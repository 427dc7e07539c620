// The data plane's requests, each to whom it belongs. Every request ends in exactly one reply; errors leave by the error table.
import type { Semaphore } from '../../common/async/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import type { DataReply, DataRequest, RequestHandler } from '../../proto/frames/contracts.ts';
import { ChunkFlag, Op, type OpCode } from '../../proto/frames/layout.ts';
import type { MembershipPolls } from './membership-polls.ts';
import type { MetadataRequests } from './metadata-requests.ts';
import type { PageReads } from './page-reads.ts';

export const META_OPS = { [Op.Status]: 'status', [Op.StatusAndBytes]: 'status-and-bytes', [Op.List]: 'list', [Op.Residency]: 'residency', [Op.Membership]: 'membership' } as const;
type MetaOp = keyof typeof META_OPS;

export interface RequestObserver {
  metadata(op: (typeof META_OPS)[MetaOp]): void;
  /** A request ended with an error. `isRead`: of a page. */
  failed(error: CacheError, isRead: boolean): void;
}

export interface WorkerRequestsOptions {
  readonly reads: PageReads;
  readonly metadata: MetadataRequests;
  readonly polls: MembershipPolls;
  /** Metadata requests in progress; bounded waiters. */
  readonly metadataLanes: Semaphore;
  /** undefined: this worker knows its mounts; else why it cannot answer about paths. */
  readonly obstacle: () => CacheError | undefined;
  readonly observer: RequestObserver;
}

export class WorkerRequests implements RequestHandler {
  readonly #options: WorkerRequestsOptions;

  constructor(options: WorkerRequestsOptions) {
    this.#options = options;
  }

  handle(request: DataRequest, reply: DataReply): void {
    this.#answer(request, reply).catch((thrown: unknown) => {
      const error = asCacheError(thrown);
      if (error.code !== 'Cancelled') this.#options.observer.failed(error, request.op === Op.Read || request.op === Op.ReadAhead);
      reply.fail(error);
    });
  }

  async #answer(request: DataRequest, reply: DataReply): Promise<void> {
    const { op } = request;
    if (op === Op.Read) return await this.#options.reads.read(request, reply);
    if (op === Op.ReadAhead) return await this.#options.reads.readAhead(request, reply);
    if (op === Op.HandOverFd) return reply.end(undefined, ChunkFlag.CacheMiss); // the data plane would have given it
    if (op === Op.Ping || op === Op.Cancel) return reply.end();
    if (!isMetaOp(op)) throw new CacheError('Unsupported', 'This worker does not know the operation.', { source: 'caller', context: { op } });
    this.#options.observer.metadata(META_OPS[op]);
    reply.end(await this.#metadata(op, request));
  }

  async #metadata(op: MetaOp, request: DataRequest): Promise<Uint8Array> {
    const { polls, metadata, metadataLanes, obstacle } = this.#options;
    if (op === Op.Membership) return await polls.answer(request.payload, request.session, request.signal);
    const fault = obstacle();
    if (fault !== undefined) throw fault;
    const work = { [Op.Status]: 'status', [Op.StatusAndBytes]: 'statusAndBytes', [Op.List]: 'list', [Op.Residency]: 'residency' } as const;
    return await metadataLanes.with(() => metadata[work[op]](request), request.signal);
  }
}

const isMetaOp = (op: OpCode): op is MetaOp => Object.hasOwn(META_OPS, op);
