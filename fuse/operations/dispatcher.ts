// The main thread's door to the kernel: runs the handler of each request, counts, logs, answers, and aborts what the kernel interrupts. The one place that replies.
import { writeSync } from 'node:fs';
import type { Logger } from '../../common/log/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import { Errno, errnoOf } from '../errno.ts';
import type { FuseMetrics } from '../metrics.ts';
import { type KernelRequest, Opcode, opcodeName, type ReplyBuffer } from '../protocol/index.ts';
import type { Call, Handler } from './call.ts';
import { ReplyPool, SMALL_BODY_BYTES } from './reply-pool.ts';
import { LARGE_REPLY_BYTES, ReplyWriters } from './reply-writers.ts';

export interface DispatcherOptions {
  readonly fuseFd: number;
  readonly handlers: ReadonlyMap<number, Handler>;
  /** FORGET and BATCH_FORGET: they have no reply. */
  readonly forget: (nodeId: number, lookups: number) => void;
  readonly metrics: FuseMetrics;
  readonly logger: Logger;
  /** Threads that write large replies. Default none: the main thread does. */
  readonly writerThreads?: number;
  readonly onFailure?: (error: unknown) => void;
}

/** Interrupts that came before their request, since another thread read it: the last so many are remembered. */
const EARLY_INTERRUPTS_MAX = 1024;
/** What tells of nothing wrong: a name that is not there, an interrupted read. */
const QUIET: ReadonlySet<number> = new Set([Errno.ENOENT, Errno.ESTALE, Errno.EINTR, Errno.EROFS, Errno.ENOSYS, Errno.ENODATA, Errno.ERANGE, Errno.EOPNOTSUPP, Errno.ENOTDIR]);

class RunningCall implements Call {
  readonly request: KernelRequest;
  readonly #pool: ReplyPool;
  readonly #abort = new AbortController();
  buffer: ReplyBuffer | undefined;
  undo: (() => void) | undefined;

  constructor(request: KernelRequest, pool: ReplyPool) {
    this.request = request;
    this.#pool = pool;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }
  reply(bodyBytes = SMALL_BODY_BYTES): ReplyBuffer {
    return (this.buffer ??= this.#pool.take(bodyBytes));
  }
  onUnwanted(undo: () => void): void {
    this.undo = undo;
  }
  interrupt(): void {
    this.#abort.abort(new CacheError('Cancelled', 'The kernel interrupted the request.', { source: 'caller' }));
  }
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #pool = new ReplyPool();
  readonly #running = new Map<number, RunningCall>();
  readonly #interruptedEarly = new Set<number>();
  #idle: (() => void)[] = [];
  readonly #writers: ReplyWriters | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { fuseFd, writerThreads: threads = 0, logger, onFailure = () => undefined } = options;
    if (threads === 0) return;
    this.#writers = new ReplyWriters({
      fuseFd,
      threads,
      onReturn: (reply) => this.#pool.give(reply),
      onRefused: (code) => logger.error('A reply to the kernel was refused', { op: 'Read', code }),
      onFailure,
    });
  }

  /** Once the mount is gone. */
  async close(): Promise<void> {
    await this.#writers?.close();
  }

  get inFlight(): number {
    return this.#running.size;
  }

  accept(request: KernelRequest): void {
    const { opcode } = request;
    if (opcode === Opcode.Forget) this.#options.forget(request.nodeId, request.lookups);
    else if (opcode === Opcode.BatchForget) request.eachForget(this.#options.forget);
    else if (opcode === Opcode.Interrupt) this.#interrupt(request.interruptedUnique);
    else if (opcode !== Opcode.NotifyReply) void this.#run(request);
  }

  /** Aborts every request that runs. */
  interruptAll(): void {
    for (const call of this.#running.values()) call.interrupt();
  }

  /** Resolves when no request runs. */
  async idle(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #interrupt(unique: number): void {
    const call = this.#running.get(unique);
    if (call !== undefined) {
      call.interrupt();
      return;
    }
    // Answered already, or not arrived yet.
    if (this.#interruptedEarly.size >= EARLY_INTERRUPTS_MAX) this.#interruptedEarly.delete(this.#interruptedEarly.values().next().value!);
    this.#interruptedEarly.add(unique);
  }

  async #run(request: KernelRequest): Promise<void> {
    const { handlers, metrics } = this.#options;
    const call = new RunningCall(request, this.#pool);
    const { unique } = request;
    this.#running.set(unique, call);
    if (this.#interruptedEarly.delete(unique)) call.interrupt();
    metrics.concurrency.inc();
    const startedMs = performance.now();
    const handler = handlers.get(request.opcode);
    let errno: number;
    try {
      errno = handler === undefined ? Errno.ENOSYS : await handler(call);
    } catch (error) {
      errno = this.#errnoOf(error, call);
    }
    this.#reply(call, errno);
    metrics.concurrency.dec();
    metrics.answered(opcodeName(request.opcode), errno, (performance.now() - startedMs) / 1000);
    this.#running.delete(unique);
    if (call.buffer !== undefined) this.#pool.give(call.buffer);
    if (this.#running.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #errnoOf(error: unknown, call: RunningCall): number {
    if (call.signal.aborted) return Errno.EINTR;
    const errno = errnoOf(error);
    const { opcode, nodeId } = call.request;
    if (!QUIET.has(errno)) this.#options.logger.failure('A request of the kernel failed', asCacheError(error), { op: opcodeName(opcode), nodeId, errno });
    return errno;
  }

  #reply(call: RunningCall, errno: number): void {
    const { request } = call;
    if (this.#writers !== undefined && errno === 0 && request.opcode === Opcode.Read && call.reply().length >= LARGE_REPLY_BYTES) {
      const reply = call.reply();
      call.buffer = undefined;
      this.#writers.write(reply, reply.seal(request.uniqueLow, request.uniqueHigh, 0));
      return;
    }
    const { fuseFd, logger } = this.#options;
    try {
      writeSync(fuseFd, call.reply().finish(request.uniqueLow, request.uniqueHigh, errno));
      if (errno === 0) return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // ENOENT: interrupted, nobody waits any more; ENODEV, ECONNABORTED: unmounted.
      if (code !== 'ENOENT' && code !== 'ENODEV' && code !== 'ECONNABORTED') {
        logger.failure('A reply to the kernel was refused', asCacheError(error), { op: opcodeName(request.opcode), errno });
        if (errno === 0) this.#retryAsError(call);
      }
    }
    call.undo?.();
  }

  /** Nobody may be left waiting for a reply that was malformed. */
  #retryAsError(call: RunningCall): void {
    try {
      writeSync(this.#options.fuseFd, call.reply().finish(call.request.uniqueLow, call.request.uniqueHigh, Errno.EIO));
    } catch {
      // unmounted meanwhile
    }
  }
}
