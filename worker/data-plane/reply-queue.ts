// What one connection of a data thread still has to send. States of a reply: waiting (nothing pinned), active (its page is pinned; at most a few per connection, their
// chunks take turns), done. A chunk that has begun is finished before any other: `#current` and how much of it has left. Nothing here blocks.
import type { PageTableReader } from '../../cache/contracts.ts';
import { CacheError } from '../../common/errors/index.ts';
import { type DescriptorCalls, MSG_MORE, type SocketCalls } from '../../common/syscall/index.ts';
import { encodeChunkHeader, encodeErrorBody, wireOf } from '../../proto/frames/index.ts';
import { CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES, ChunkFlag } from '../../proto/frames/layout.ts';
import { Counter } from './thread-protocol.ts';

/** Pages that one connection may hold pinned. */
const ACTIVE_MAX = 4;
/** Up to here a copy and one send are cheaper than a send and a sendfile. */
const INLINE_BYTES_MAX = 32 << 10;
/** Bytes copied at once where sendfile may not be used. */
const COPY_BYTES_MAX = 256 << 10;
export const SCRATCH_BYTES = CHUNK_HEADER_BYTES + COPY_BYTES_MAX;
const TURN_BYTES = CHUNK_BYTES_MAX;
const CHECKSUM_BYTES = 8;
/** Replies kept for reuse by a thread. */
const SPARE_MAX = 1024;
const EAGAIN = -11;
const EINTR = -4;
/** sendfile's errors that are the socket's: the client has gone, which says nothing about the page's file. EPIPE, ECONNRESET, ETIMEDOUT, ENETUNREACH, EHOSTUNREACH. */
const CLIENT_IS_GONE: ReadonlySet<number> = new Set([-32, -104, -110, -101, -113]);

export const ReplyKind = { page: 0, bytes: 1, descriptor: 2 } as const;

/** A reply and, for pages, the request behind it. Reused: no allocation per request. */
export class Reply {
  kind: number = ReplyKind.page;
  requestId = 0;
  status = 0;
  /** Of the first chunk. */
  flags = 0;
  requestFlags = 0;
  readonly fileId = new Uint8Array(16);
  offset = 0;
  /** Bytes of the whole reply. */
  length = 0;
  bytes: Uint8Array | undefined;
  /** The request as it came, kept while it waits: for the main thread, when the page is not here by then. */
  frame: Uint8Array | undefined;
  /** The main thread has the request and said that the page is here. */
  isFromMain = false;
  slot = -1;
  descriptor = -1;
  /** Bytes of chunks that have left. */
  sent = 0;
  deadlineMs = 0;
  isCancelled = false;
}

/** What all connections of a thread share. */
export interface ReplyTools {
  readonly reader: PageTableReader;
  readonly sockets: SocketCalls;
  readonly descriptors: DescriptorCalls;
  readonly counters: Float64Array;
  readonly pageSizeBytes: number;
  readonly sendTimeoutMs: number;
  /** Pages leave by sendfile (`mayLendPages`); else every byte is copied. */
  readonly isZeroCopy: boolean;
  /** SCRATCH_BYTES. */
  readonly scratch: { readonly address: number; readonly bytes: Buffer };
  readonly spare: Reply[];
}

/**
 * Whether page bytes may be lent to the socket. Bytes sent by sendfile stay the page cache's until the client has taken them, which is after the pin has ended. Punching a
 * whole page then only takes its folios out of the page cache; but a folio that reaches beyond the page is zeroed in place, under the socket. Folios are aligned and not larger
 * than what one entry of the middle page table maps, so pages of at least that size have none.
 */
export const mayLendPages = (pageSizeBytes: number, kernelPageBytes: number): boolean => pageSizeBytes >= (kernelPageBytes / 8) * kernelPageBytes;

export interface ReplyOwner {
  /** A waiting read whose page is not here. May add another reply. */
  missed(reply: Reply): void;
  finished(reply: Reply): void;
  /** The page's file does not give its bytes. The connection will be cut. */
  unreadable(reply: Reply): void;
}

/** idle: all has left; blocked: the socket is full; more: this turn's share is used up; broken: cut the connection. */
export type PumpOutcome = 'idle' | 'blocked' | 'more' | 'broken';
type ChunkOutcome = 'sent' | 'blocked' | 'broken';

export class ReplyQueue {
  readonly #fd: number;
  readonly #tools: ReplyTools;
  readonly #owner: ReplyOwner;
  readonly #active: Reply[] = [];
  readonly #waiting: Reply[] = [];
  #turn = 0;
  #current: Reply | undefined;
  #chunkLength = 0;
  #chunkFlags = 0;
  #headerSent = 0;
  #bodySent = 0;
  /** Bytes in memory that wait to be sent. */
  unsentBytes = 0;

  constructor(fd: number, tools: ReplyTools, owner: ReplyOwner) {
    this.#fd = fd;
    this.#tools = tools;
    this.#owner = owner;
  }

  get size(): number {
    return this.#active.length + this.#waiting.length;
  }

  has(requestId: number): boolean {
    return this.#find(requestId) !== undefined;
  }

  add(reply: Reply): void {
    this.#waiting.push(reply);
    if (reply.bytes !== undefined) this.unsentBytes += reply.bytes.length;
  }

  /** Whether a read may pin its page at once. */
  get hasRoom(): boolean {
    return this.#waiting.length === 0 && this.#active.length < ACTIVE_MAX;
  }

  /** Pins a read's page and begins to send it. Only when `hasRoom`. @returns false: the page is not here */
  addPinned(reply: Reply, nowMs: number): boolean {
    if (!this.#pin(reply)) return false;
    reply.deadlineMs = nowMs + this.#tools.sendTimeoutMs;
    this.#active.push(reply);
    return true;
  }

  recycle(reply: Reply): void {
    this.#unpin(reply);
    reply.bytes = undefined;
    reply.frame = undefined;
    reply.isFromMain = false;
    reply.isCancelled = false;
    reply.status = 0;
    reply.sent = 0;
    if (this.#tools.spare.length < SPARE_MAX) this.#tools.spare.push(reply);
  }

  /** The reply ends with an error at its next chunk. @returns false: it is not here */
  cancel(requestId: number): boolean {
    const reply = this.#find(requestId);
    if (reply === undefined) return false;
    reply.isCancelled = true;
    return true;
  }

  /** Whether a reply was begun so long ago that its reader counts as stopped. */
  isOverdue(nowMs: number): boolean {
    for (const reply of this.#active) if (nowMs > reply.deadlineMs) return true;
    return false;
  }

  /** Unpins everything; the connection is gone. */
  clear(): void {
    for (const reply of this.#active) this.recycle(reply);
    for (const reply of this.#waiting) this.recycle(reply);
    this.#active.length = 0;
    this.#waiting.length = 0;
    this.#current = undefined;
    this.unsentBytes = 0;
  }

  pump(nowMs: number): PumpOutcome {
    for (let bytes = 0; bytes < TURN_BYTES; bytes += CHUNK_HEADER_BYTES + this.#chunkLength) {
      const reply = this.#current ?? this.#beginChunk(nowMs);
      if (reply === undefined) return 'idle';
      const outcome = this.#sendChunk(reply);
      if (outcome !== 'sent') return outcome;
      this.#endChunk(reply);
    }
    return this.size === 0 ? 'idle' : 'more';
  }

  #find(requestId: number): Reply | undefined {
    for (const reply of this.#active) if (reply.requestId === requestId) return reply;
    for (const reply of this.#waiting) if (reply.requestId === requestId) return reply;
    return undefined;
  }

  #beginChunk(nowMs: number): Reply | undefined {
    while (this.#waiting.length > 0 && this.#active.length < ACTIVE_MAX) this.#activate(this.#waiting.shift()!, nowMs);
    const count = this.#active.length;
    if (count === 0) return undefined;
    this.#turn = this.#turn + 1 < count ? this.#turn + 1 : 0;
    const reply = this.#active[this.#turn]!;
    if (reply.isCancelled) this.#makeCancelled(reply);
    const tail = (reply.flags & ChunkFlag.Checksum) === 0 ? 0 : CHECKSUM_BYTES;
    const body = reply.length - tail - reply.sent;
    this.#chunkLength = body > 0 ? Math.min(body, CHUNK_BYTES_MAX) : reply.length - reply.sent;
    const isLast = reply.sent + this.#chunkLength === reply.length;
    const origin = reply.sent === 0 ? reply.flags & ~(ChunkFlag.Checksum | ChunkFlag.Last) : 0;
    this.#chunkFlags = origin | (isLast ? ChunkFlag.Last : 0) | (isLast && tail > 0 ? ChunkFlag.Checksum : 0);
    this.#headerSent = 0;
    this.#bodySent = 0;
    this.#current = reply;
    return reply;
  }

  #activate(reply: Reply, nowMs: number): void {
    if (reply.kind === ReplyKind.page && !reply.isCancelled && !this.#pin(reply)) {
      this.#owner.missed(reply);
      this.recycle(reply);
      return;
    }
    reply.deadlineMs = nowMs + this.#tools.sendTimeoutMs;
    this.#active.push(reply);
  }

  #pin(reply: Reply): boolean {
    const { reader, pageSizeBytes, counters } = this.#tools;
    const pageIndex = Math.floor(reply.offset / pageSizeBytes);
    reply.slot = reader.acquire(reply.fileId, pageIndex, reply.offset - pageIndex * pageSizeBytes, reply.length);
    if (reply.slot < 0) return false;
    reply.descriptor = reader.descriptor(reply.slot);
    // A page that the main thread had to verify first is a hit as well; one that was filled is not.
    if ((reply.flags & ChunkFlag.FromCache) !== 0) {
      counters[Counter.hits]! += 1;
      counters[Counter.hitBytes]! += reply.length;
    }
    return true;
  }

  #makeCancelled(reply: Reply): void {
    this.#unpin(reply);
    if (reply.bytes !== undefined) this.unsentBytes -= reply.bytes.length;
    reply.kind = ReplyKind.bytes;
    reply.status = wireOf('Cancelled');
    reply.flags = 0;
    reply.bytes = encodeErrorBody(new CacheError('Cancelled', 'The client cancelled the request.'));
    this.unsentBytes += reply.bytes.length;
    reply.length = reply.bytes.length;
    reply.sent = 0;
    reply.isCancelled = false;
  }

  #endChunk(reply: Reply): void {
    this.#current = undefined;
    reply.sent += this.#chunkLength;
    if (reply.sent < reply.length) return;
    this.#remove(reply);
    this.#owner.finished(reply);
    this.recycle(reply);
  }

  #remove(reply: Reply): void {
    const active = this.#active;
    const last = active.pop()!;
    if (last !== reply) active[active.indexOf(reply)] = last; // their order says nothing: they take turns
    if (reply.bytes !== undefined) this.unsentBytes -= reply.bytes.length;
  }

  #unpin(reply: Reply): void {
    if (reply.slot >= 0) this.#tools.reader.release(reply.slot);
    reply.slot = -1;
  }

  #sendChunk(reply: Reply): ChunkOutcome {
    if (this.#headerSent < CHUNK_HEADER_BYTES) {
      const outcome = this.#sendHeader(reply);
      if (outcome !== 'sent') return outcome;
    }
    while (this.#bodySent < this.#chunkLength) {
      const bytes = this.#sendBody(reply);
      if (bytes === EAGAIN) return 'blocked';
      if (bytes === EINTR) continue;
      if (bytes <= 0) {
        // The header has promised bytes that the file does not give: only the end of the connection can take that back.
        if (reply.kind === ReplyKind.page && !CLIENT_IS_GONE.has(bytes)) this.#owner.unreadable(reply);
        return 'broken';
      }
      this.#bodySent += bytes;
      this.#tools.counters[Counter.bytesSent]! += bytes;
    }
    return 'sent';
  }

  #sendBody(reply: Reply): number {
    const { descriptors, sockets, isZeroCopy } = this.#tools;
    const left = this.#chunkLength - this.#bodySent;
    const at = reply.sent + this.#bodySent;
    if (reply.kind === ReplyKind.page) return isZeroCopy ? descriptors.sendfile(this.#fd, reply.descriptor, reply.offset + at, left) : this.#copyOut(reply, at, left);
    return sockets.send(this.#fd, reply.bytes!.subarray(at, at + left), left, 0);
  }

  #copyOut(reply: Reply, at: number, left: number): number {
    const { descriptors, sockets, scratch } = this.#tools;
    const bytes = Math.min(left, COPY_BYTES_MAX);
    if (descriptors.pread(reply.descriptor, scratch.address, bytes, reply.offset + at) !== bytes) return 0;
    return sockets.send(this.#fd, scratch.address, bytes, 0);
  }

  /** The header, with the body behind it when that is short. */
  #sendHeader(reply: Reply): ChunkOutcome {
    const { sockets, scratch } = this.#tools;
    encodeChunkHeader(scratch.bytes, { requestId: reply.requestId, status: reply.status, flags: this.#chunkFlags, length: this.#chunkLength });
    if (reply.kind === ReplyKind.descriptor) return this.#sendDescriptor(reply);
    const isInline = this.#chunkLength <= INLINE_BYTES_MAX && this.#headerSent === 0;
    if (isInline && !this.#copyBody(reply)) {
      this.#owner.unreadable(reply);
      return 'broken';
    }
    const length = CHUNK_HEADER_BYTES - this.#headerSent + (isInline ? this.#chunkLength : 0);
    const bytes = sockets.send(this.#fd, scratch.address + this.#headerSent, length, isInline ? 0 : MSG_MORE);
    if (bytes < 0) return bytes === EAGAIN ? 'blocked' : 'broken';
    this.#tools.counters[Counter.bytesSent]! += bytes;
    const header = Math.min(bytes, CHUNK_HEADER_BYTES - this.#headerSent);
    this.#headerSent += header;
    this.#bodySent = bytes - header;
    return this.#headerSent === CHUNK_HEADER_BYTES ? 'sent' : 'blocked';
  }

  #copyBody(reply: Reply): boolean {
    const { descriptors, scratch } = this.#tools;
    if (this.#chunkLength === 0) return true;
    if (reply.kind === ReplyKind.page) {
      return descriptors.pread(reply.descriptor, scratch.address + CHUNK_HEADER_BYTES, this.#chunkLength, reply.offset + reply.sent) === this.#chunkLength;
    }
    scratch.bytes.set(reply.bytes!.subarray(reply.sent, reply.sent + this.#chunkLength), CHUNK_HEADER_BYTES);
    return true;
  }

  #sendDescriptor(reply: Reply): ChunkOutcome {
    const { sockets, scratch, reader, counters } = this.#tools;
    const descriptor = reader.handOut(reply.fileId);
    if (descriptor < 0) {
      reply.kind = ReplyKind.bytes;
      this.#chunkFlags |= ChunkFlag.CacheMiss;
      return this.#sendHeader(reply);
    }
    const bytes = sockets.sendDescriptor(this.#fd, scratch.bytes.subarray(0, CHUNK_HEADER_BYTES), descriptor);
    if (bytes < 0) return bytes === EAGAIN ? 'blocked' : 'broken';
    counters[Counter.bytesSent]! += bytes;
    this.#headerSent = bytes;
    return bytes === CHUNK_HEADER_BYTES ? 'sent' : 'broken';
  }
}
