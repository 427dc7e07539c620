// Interfaces between the data plane's two ends and the rest. Implementations: worker/data-plane (server), proto/frames (client connections).
import type { CacheError } from '../../common/errors/index.ts';
import type { OpCode, SessionRole } from './layout.ts';

export interface Session {
  readonly role: SessionRole;
  readonly identity: string;
}

/** A decoded request as handlers on the worker's main thread see it. Buffers are copies and stay valid. */
export interface DataRequest {
  readonly op: OpCode;
  readonly flags: number;
  readonly requestId: number;
  readonly ringRevision: number;
  readonly fileId: Uint8Array;
  readonly grant: Uint8Array;
  readonly offset: number;
  readonly length: number;
  /** Aborts on Cancel, on the sender's timeout and when the connection closes. */
  readonly signal: AbortSignal;
  readonly payload: Uint8Array;
  readonly session: Session;
}

/** Exactly one of `end`, `fail`, `serveFromCache` is called, once. Calls after the connection closed do nothing. */
export interface DataReply {
  end(bytes?: Uint8Array, chunkFlags?: number): void;
  fail(error: CacheError): void;
  /** Read only: try the page table again now (the fill passed the range's end). Falls back to `handle` again when the page has gone. */
  serveFromCache(chunkFlags: number): void;
}

/** What the worker's main thread gives the data plane. Cached reads never come here: the data plane answers them from the page table. */
export interface RequestHandler {
  handle(request: DataRequest, reply: DataReply): void;
}

/** Client end, event loop: many requests in flight, bytes received straight into the caller's buffer. */
export interface DataConnection {
  readonly closed: boolean;
  /** Requests without an answer yet. */
  readonly inFlight: number;
  /** Bytes that came so far: a sign of life before an answer is whole. Left out where nobody counts. */
  readonly receivedBytes?: number;
  /**
   * @returns bytes put into `into` and the union of the chunks' flags.
   * @throws CacheError of the server; WorkerUnavailable when the connection breaks; DeadlineExceeded; Cancelled (sends Cancel).
   */
  read(request: ReadRequest, into: Uint8Array): Promise<ReadReply>;
  /** Ops with a JSON or binary body. */
  call(op: OpCode, payload: Uint8Array, options?: CallRequest): Promise<{ readonly bytes: Buffer; readonly flags: number }>;
  close(): void;
}
export interface ReadRequest {
  readonly op?: OpCode;
  readonly fileId: Uint8Array;
  readonly offset: number;
  readonly length: number;
  readonly flags: number;
  readonly ringRevision: number;
  readonly payload?: Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}
export interface ReadReply {
  readonly bytesRead: number;
  readonly flags: number;
  /** Present with WantChecksum. */
  readonly checksum?: bigint;
}
export interface CallRequest {
  readonly flags?: number;
  readonly ringRevision?: number;
  readonly fileId?: Uint8Array;
  readonly offset?: number;
  readonly length?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Client end for threads that may block (FUSE serve threads). Needs koffi. */
export interface BlockingDataConnection {
  /** Closed by the caller, or by itself after a reply that did not arrive whole. */
  readonly closed: boolean;
  /** Cached bytes only (sends OnlyIfCached). @returns bytes read, or -1: not cached, -2: connection broken or timed out (close it, use the event loop's client). */
  readCached(fileId: Uint8Array, offset: number, into: Uint8Array, intoOffset: number, length: number): number;
  /** Unix socket only. @returns a descriptor the caller owns, or -1. */
  handOver(fileId: Uint8Array): number;
  close(): void;
}

/** Where a data-plane server listens. */
export interface DataPlaneEndpoint {
  readonly host: string;
  readonly port: number;
  /** '' when there is none. */
  readonly unixPath: string;
}
export interface SessionKeys {
  readonly clusterUid: string;
  /** 32 bytes. */
  readonly dataPlaneKey: Uint8Array;
}
