// Reads the UFS without a worker, within the mount's budget. Small reads go through a small block cache, one request per block for all who
// want it, so that a reader of 128 KiB pieces does not make a request for each; large ones go straight into the caller's buffer.
import { type Clock, linkSignals, SingleFlight } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import type { VersionedFile } from '../../ufs/under-file-system.ts';
import type { ClientCounters } from '../client-counters.ts';
import type { MountedUfs } from './ufs-mounts.ts';

export interface DirectRead {
  readonly source: MountedUfs;
  readonly file: VersionedFile;
  readonly fileId: string;
  readonly offset: number;
  /** Whole-block fetches pay off. */
  readonly isSequential: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Fetched at least for a random read: neighbours of a hot spot share it, and a bucket answers it as fast as a smaller one. */
const RANDOM_BLOCK_BYTES = 256 * 1024;

export class DirectReader {
  readonly #blockBytes: number;
  readonly #cacheBytesMax: number;
  readonly #counters: ClientCounters;
  readonly #clock: Clock;
  readonly #flights = new SingleFlight<string, Buffer>();
  /** Least recently used first. */
  readonly #blocks = new Map<string, Buffer>();
  #cachedBytes = 0;

  constructor(options: { readonly blockBytes: number; readonly cacheBytesMax: number; readonly counters: ClientCounters; readonly clock: Clock }) {
    this.#blockBytes = options.blockBytes;
    this.#cacheBytesMax = options.cacheBytesMax;
    this.#counters = options.counters;
    this.#clock = options.clock;
  }

  /** Fills `into`, which ends within the file. @throws the UFS's errors; Overloaded when the budget is used up for long */
  async read(request: DirectRead, into: Uint8Array): Promise<void> {
    const blockBytes = request.isSequential ? this.#blockBytes : Math.min(RANDOM_BLOCK_BYTES, this.#blockBytes);
    if (into.length * 2 >= blockBytes || this.#cacheBytesMax < blockBytes) return await this.#fetch(request, request.offset, into, request.signal);
    for (let done = 0; done < into.length; ) {
      const offset = request.offset + done;
      const blockIndex = Math.floor(offset / blockBytes);
      const block = await this.#block(request, blockIndex, blockBytes);
      const from = offset - blockIndex * blockBytes;
      const part = block.subarray(from, from + into.length - done);
      into.set(part, done);
      done += part.length;
    }
  }

  clear(): void {
    this.#counters.bufferedBytes -= this.#cachedBytes;
    this.#cachedBytes = 0;
    this.#blocks.clear();
  }

  async #block(request: DirectRead, index: number, blockBytes: number): Promise<Buffer> {
    const key = `${request.fileId}/${blockBytes}/${index}`;
    const cached = this.#blocks.get(key);
    if (cached !== undefined) {
      this.#blocks.delete(key);
      this.#blocks.set(key, cached);
      return cached;
    }
    const load = async (signal: AbortSignal): Promise<Buffer> => {
      const bytes = Buffer.allocUnsafeSlow(Math.min(blockBytes, request.file.length - index * blockBytes));
      await this.#fetch(request, index * blockBytes, bytes, signal);
      this.#remember(key, bytes);
      return bytes;
    };
    return await this.#flights.run(key, load, request.signal);
  }

  async #fetch(request: DirectRead, offset: number, into: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const { source, file, timeoutMs } = request;
    // The wait for the budget counts as part of the call.
    const bounded = linkSignals([signal], { timeoutMs, clock: this.#clock });
    try {
      await source.requests.take(1, bounded.signal);
      await source.bytes.take(into.length, bounded.signal);
      this.#counters.ufsReads++;
      const got = await source.ufs.read(file, offset, into, { timeoutMs, signal: bounded.signal });
      this.#counters.ufsBytes += got;
      if (got !== into.length) throw new CacheError('UfsUnavailable', 'The UFS answered fewer bytes than the object has.', { source: 'ufs', context: { asked: into.length, got } });
    } finally {
      bounded.dispose();
    }
  }

  #remember(key: string, bytes: Buffer): void {
    this.#blocks.set(key, bytes);
    this.#account(bytes.length);
    for (const [oldest, block] of this.#blocks) {
      if (this.#cachedBytes <= this.#cacheBytesMax) return;
      this.#blocks.delete(oldest);
      this.#account(-block.length);
    }
  }

  #account(bytes: number): void {
    this.#cachedBytes += bytes;
    this.#counters.bufferedBytes += bytes;
  }
}
