// Reads of pages that the data plane could not answer by itself: held but not verified yet, or to be filled. Decides from whom a page is fetched and
// whether it is kept (docs/design/0004-worker.md). Not here: how a fill runs, bytes on the wire.
import { type Clock, systemClock, type TokenBucket } from '../../common/async/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import { fileIdHex, pageChecksum } from '../../common/hash/index.ts';
import type { PageStore } from '../../cache/contracts.ts';
import type { DataReply, DataRequest } from '../../proto/frames/contracts.ts';
import { decodeReadTarget, encodeReadTarget } from '../../proto/frames/index.ts';
import { ChunkFlag, RequestFlag } from '../../proto/frames/layout.ts';
import type { FillRequest, FillService, UnstoredCause } from '../fills/fill-service.ts';
import type { PageOrigin, PageSource } from '../fills/page-fill.ts';
import { isTooYoung, ufsSource } from '../fills/ufs-source.ts';
import type { MetadataService, MountedPaths } from '../metadata/metadata-service.ts';
import type { Peers, Place } from './peers.ts';
import { type TrustedTarget, trustedTarget } from './read-target.ts';

export interface ReadObserver {
  /** Bytes answered from a fill: what the cache did not have. */
  missed(bytes: number): void;
  /** A page answered from the store by this thread. */
  hit(bytes: number): void;
  /** A page was asked of its owner. `ok` false: the UFS was read instead. */
  askedPeer(ok: boolean): void;
  /** A request of another worker arrived here. */
  servesPeer(): void;
}

export interface PageReadsOptions {
  readonly store: PageStore;
  readonly fills: FillService;
  readonly mounts: MountedPaths;
  readonly metadata: MetadataService;
  readonly peers: Peers;
  /** Bytes per second read from all under file systems. */
  readonly ufsRate: TokenBucket | undefined;
  /** false: nothing is stored by reading. */
  readonly storesReads: boolean;
  readonly observer: ReadObserver;
  readonly clock?: Clock;
}

const CHECKSUM_BYTES = 8;
/** Further tries are answered from this thread: a page that is evicted as soon as it is filled must not keep a request for ever. */
const TABLE_TRIES_MAX = 2;
const COPY_TRIES_MAX = 3;
const READ_AHEAD_PAGES_MAX = 64;

interface PlanOptions {
  /** Taken before the target was looked at: without a view nothing is known of mounts either. */
  readonly place: Place;
  readonly pageIndex: number;
  readonly isForwarded: boolean;
  readonly signal: AbortSignal | undefined;
}

export class PageReads {
  readonly #options: PageReadsOptions;
  readonly #clock: Clock;
  /** How often a request was sent back to the page table; keyed by its signal, which stays the same when the data plane hands it over again. */
  readonly #tries = new WeakMap<AbortSignal, number>();

  constructor(options: PageReadsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async read(request: DataRequest, reply: DataReply): Promise<void> {
    if ((request.flags & RequestFlag.Forwarded) !== 0) this.#options.observer.servesPeer();
    this.#checkRange(request);
    if (request.length === 0) return reply.end();
    if (await this.#serveHeld(request, reply)) return;
    const target = decodeReadTarget(request.payload);
    if (target === undefined || (request.flags & RequestFlag.OnlyIfCached) !== 0) return reply.end(undefined, ChunkFlag.CacheMiss);
    const place = this.#options.peers.place(target.path);
    const trusted = trustedTarget(this.#options.mounts, target, request.fileId);
    const pageIndex = this.#pageOf(request.offset);
    const fill = await this.#plan(trusted, { place, pageIndex, isForwarded: (request.flags & RequestFlag.Forwarded) !== 0, signal: request.signal });
    await this.#serveFilled(request, reply, fill);
  }

  /** Starts fills that nobody waits for; replies at once. */
  async readAhead(request: DataRequest, reply: DataReply): Promise<void> {
    const target = decodeReadTarget(request.payload);
    if (target === undefined) throw new CacheError('InvalidArgument', 'A read-ahead needs a target.', { source: 'caller', context: { field: 'payload' } });
    const place = this.#options.peers.place(target.path);
    const trusted = trustedTarget(this.#options.mounts, target, request.fileId);
    reply.end();
    const end = Math.min(request.offset + request.length, target.fileLength);
    for (let page = this.#pageOf(request.offset), count = 0; page * this.#pageSize < end && count < READ_AHEAD_PAGES_MAX; page++, count++) {
      // The request is over: its signal tells nothing about the fill.
      const fill = await this.#plan(trusted, { place, pageIndex: page, isForwarded: false, signal: undefined });
      if (fill.unstored !== undefined) return;
      this.#options.fills.readAhead(fill); // a page that is here or on its way needs nothing
    }
  }

  /** The first `lengthBytes` of a file, for answers that bring status and bytes together; at most one page. */
  async head(
    file: { readonly path: string; readonly ufsUri: string; readonly version: string; readonly lengthBytes: number; readonly fileId: Uint8Array },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { store, fills, mounts, peers } = this.#options;
    const range = { offset: 0, length: file.lengthBytes };
    const place = peers.place(file.path);
    const trusted = trustedTarget(mounts, { path: file.path, ufsUri: file.ufsUri, version: file.version, fileLength: file.lengthBytes }, file.fileId);
    for (let tries = 0; tries < COPY_TRIES_MAX; tries++) {
      const slot = store.findFile(file.fileId);
      const isHeld = slot !== undefined && store.isResident(slot, 0) && (await store.verify(slot, 0));
      const held = isHeld ? this.#copy(file.fileId, 0, range) : undefined;
      if (held !== undefined) {
        this.#options.observer.hit(held.length);
        return held;
      }
      const fill = await this.#plan(trusted, { place, pageIndex: 0, isForwarded: false, signal });
      const answer = await fills.read(fill, range, signal);
      const bytes = answer.kind === 'bytes' ? answer.bytes : this.#copy(file.fileId, 0, range);
      if (bytes === undefined) continue;
      this.#options.observer.missed(bytes.length);
      return bytes;
    }
    throw pagesVanish();
  }

  get #pageSize(): number {
    return this.#options.store.pageSizeBytes;
  }
  #pageOf(offset: number): number {
    return Math.floor(offset / this.#pageSize);
  }

  #checkRange({ offset, length, flags }: DataRequest): void {
    const inPage = offset % this.#pageSize;
    const isWhole = (flags & RequestFlag.WantChecksum) === 0 || inPage === 0;
    if (inPage + length <= this.#pageSize && isWhole) return;
    throw new CacheError('RangeInvalid', 'A read may not cross a page border, and a checksum is given for whole pages only.', { source: 'caller', context: { offset, length } });
  }

  /** A page that is here, verified first when it is from an earlier life. @returns whether it answered */
  async #serveHeld(request: DataRequest, reply: DataReply): Promise<boolean> {
    const { store } = this.#options;
    const pageIndex = this.#pageOf(request.offset);
    const file = store.findFile(request.fileId);
    if (file === undefined || !store.isResident(file, pageIndex) || !(await store.verify(file, pageIndex))) return false;
    const wantsChecksum = (request.flags & RequestFlag.WantChecksum) !== 0;
    if (!wantsChecksum && this.#mayTryTable(request)) {
      reply.serveFromCache(ChunkFlag.FromCache);
      return true;
    }
    const bytes = this.#copy(request.fileId, pageIndex, this.#rangeOf(request));
    if (bytes === undefined) return false;
    this.#options.observer.hit(bytes.length);
    this.#end(request, reply, { bytes, flag: ChunkFlag.FromCache, checksum: store.checksum(file, pageIndex) });
    return true;
  }

  async #serveFilled(request: DataRequest, reply: DataReply, fill: FillRequest): Promise<void> {
    const { fills, observer } = this.#options;
    const range = this.#rangeOf(request);
    const wantsChecksum = (request.flags & RequestFlag.WantChecksum) !== 0;
    for (let tries = 0; tries < COPY_TRIES_MAX; tries++) {
      const answer = await fills.read(fill, range, request.signal);
      if (answer.kind === 'cached' && !wantsChecksum && this.#mayTryTable(request)) {
        observer.missed(Math.min(range.length, fill.file.lengthBytes - request.offset));
        return reply.serveFromCache(flagOf(answer.from));
      }
      const bytes = answer.kind === 'bytes' ? answer.bytes : this.#copy(request.fileId, fill.pageIndex, range);
      if (bytes === undefined) continue;
      observer.missed(bytes.length);
      return this.#end(request, reply, { bytes, flag: flagOf(answer.from), checksum: undefined });
    }
    throw pagesVanish();
  }

  #rangeOf({ offset, length }: DataRequest): { offset: number; length: number } {
    return { offset: offset % this.#pageSize, length };
  }

  #mayTryTable({ signal }: DataRequest): boolean {
    const tries = this.#tries.get(signal) ?? 0;
    this.#tries.set(signal, tries + 1);
    return tries < TABLE_TRIES_MAX;
  }

  #copy(fileId: Uint8Array, pageIndex: number, range: { readonly offset: number; readonly length: number }): Buffer | undefined {
    const { store } = this.#options;
    const file = store.findFile(fileId);
    if (file === undefined) return undefined;
    const into = Buffer.alloc(range.length);
    const bytes = store.read(file, pageIndex, range.offset, into);
    return bytes === undefined ? undefined : into.subarray(0, bytes);
  }

  #end(request: DataRequest, reply: DataReply, answer: { readonly bytes: Buffer; readonly flag: number; readonly checksum: bigint | undefined }): void {
    const { bytes, flag, checksum } = answer;
    if ((request.flags & RequestFlag.WantChecksum) === 0) return reply.end(bytes, flag);
    if (bytes.length !== request.length)
      throw new CacheError('RangeInvalid', 'A checksum is given for whole pages only.', { source: 'caller', context: { length: request.length } });
    const tail = Buffer.alloc(CHECKSUM_BYTES);
    tail.writeBigUInt64LE(checksum ?? pageChecksum(bytes));
    reply.end(Buffer.concat([bytes, tail]), flag | ChunkFlag.Checksum);
  }

  async #plan(target: TrustedTarget, how: PlanOptions): Promise<FillRequest> {
    const { role, ownerId } = how.place;
    const unstored = this.#whyUnstored(target, role === 'other') ?? (await this.#whyUnconfirmed(target, how.signal));
    // What is too young to keep is too young everywhere: no other worker can have it.
    const asksPeer = !how.isForwarded && ownerId !== undefined && unstored !== 'too-young';
    const isKept = unstored === undefined && (role === 'owner' || !how.isForwarded);
    return {
      file: target.file,
      pageIndex: how.pageIndex,
      source: (range) => {
        const place = { offset: how.pageIndex * this.#pageSize + range.offset, isWhole: isKept };
        return asksPeer ? this.#peerSource(ownerId, target, place) : this.#ufsSource(target, place.offset);
      },
      lane: asksPeer ? 'peer' : 'ufs',
      ...(!isKept && { unstored: unstored ?? 'not-owner' }),
    };
  }

  #whyUnstored({ file, ufs }: TrustedTarget, isForeign: boolean): UnstoredCause | undefined {
    if (ufs.capabilities.versionStrength === 'weak' && isTooYoung(file.version, this.#clock.wallMs())) return 'too-young';
    if (isForeign) return 'not-owner';
    return this.#options.storesReads ? undefined : 'filtered';
  }

  /**
   * The length is not part of the fileId: before a file is first recorded it is compared with the status, or one wrong request could have all later
   * ones refused.
   */
  async #whyUnconfirmed({ path, file }: TrustedTarget, signal: AbortSignal | undefined): Promise<UnstoredCause | undefined> {
    const { store, metadata } = this.#options;
    if (store.findFile(file.fileId) !== undefined) return undefined;
    const wanted = fileIdHex(file.fileId);
    for (const maxAgeMs of [Infinity, 0]) {
      const status = await metadata.status(path, maxAgeMs, signal).then(
        (answer) => answer.status,
        (error: unknown) => {
          if (signal?.aborted === true) throw asCacheError(error);
          return undefined; // reading may work where asking does not
        },
      );
      if (status?.fileId !== wanted) continue;
      if (status.length === file.lengthBytes) return undefined;
      throw new CacheError('InvalidArgument', 'The length of the request is not that of its version.', {
        source: 'caller',
        context: { field: 'fileLength', value: file.lengthBytes },
      });
    }
    return 'unconfirmed';
  }

  #ufsSource({ ufs, key, file }: TrustedTarget, offset: number): PageSource {
    const { ufsRate } = this.#options;
    const read = ufsSource(ufs, { key, version: file.version, length: file.lengthBytes }, offset);
    if (ufsRate === undefined) return read;
    return async (into, onProgress, signal) => {
      await ufsRate.take(into.length, signal);
      return await read(into, onProgress, signal);
    };
  }

  /** The owner's bytes, else the UFS's. A page that is to be kept travels whole: nothing is told of it before its checksum has been compared. */
  #peerSource(ownerId: string, target: TrustedTarget, place: { readonly offset: number; readonly isWhole: boolean }): PageSource {
    const { peers, observer } = this.#options;
    const { file, path } = target;
    const encoded = encodeReadTarget({ path, ufsUri: file.ufsUri, version: file.version, fileLength: file.lengthBytes });
    return async (into, onProgress, signal) => {
      try {
        await peers.read(ownerId, { fileId: file.fileId, target: encoded, ...place }, into, signal);
        observer.askedPeer(true);
        return 'peer';
      } catch (error) {
        if (signal.aborted) throw error;
        observer.askedPeer(false);
        return await this.#ufsSource(target, place.offset)(into, onProgress, signal);
      }
    };
  }
}

const flagOf = (from: PageOrigin): number => (from === 'peer' ? ChunkFlag.FromPeer : ChunkFlag.FromUfs);

const pagesVanish = (): CacheError => new CacheError('CacheFull', 'Pages are evicted faster than they can be answered.', { source: 'worker' });
