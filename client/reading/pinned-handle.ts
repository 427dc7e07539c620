// FileHandle: reads of one version, cut at page borders, several pieces at a time into the caller's buffer, read-ahead in front.
import type { FileStatus } from '../../common/api/index.ts';
import { abortReason, onAbort } from '../../common/async/index.ts';
import { CacheError, isCacheError } from '../../common/errors/index.ts';
import { printableName } from '../../common/namespace/index.ts';
import type { ClientCallOptions, FileHandle } from '../cache-client.ts';
import type { PinnedFile, RangeReader } from './range-reader.ts';
import type { ReadAhead } from './read-ahead.ts';

export interface PinnedHandleOptions {
  readonly file: PinnedFile;
  readonly reader: RangeReader;
  readonly readAhead: ReadAhead;
  /** No piece crosses a multiple of it; divides the page size. */
  readonly blockBytes: number;
  readonly piecesInFlightMax: number;
  /** Its version is gone: what is cached about the path is old. */
  readonly onChanged: (handle: PinnedHandle) => void;
  readonly onClose: (handle: PinnedHandle) => void;
}

export class PinnedHandle implements FileHandle {
  readonly #options: PinnedHandleOptions;
  #closed = false;

  constructor(options: PinnedHandleOptions) {
    this.#options = options;
  }

  get status(): FileStatus {
    return this.#options.file.status;
  }

  async read(offset: number, into: Uint8Array, options: ClientCallOptions = {}): Promise<number> {
    this.#check(offset);
    const length = Math.min(into.length, this.status.length - offset);
    if (length <= 0) return 0;
    const { readAhead, blockBytes } = this.#options;
    readAhead.observe(offset, length);
    const whole = into.length === length ? into : into.subarray(0, length);
    const isOne = Math.floor(offset / blockBytes) === Math.floor((offset + length - 1) / blockBytes);
    const work = isOne ? this.#piece(offset, whole, options) : this.#pieces(offset, whole, options);
    readAhead.advance();
    try {
      await work;
    } catch (error) {
      if (isCacheError(error, 'UfsObjectChanged')) this.#options.onChanged(this);
      throw error;
    }
    return length;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.readAhead.close();
    this.#options.onClose(this);
  }

  #check(offset: number): void {
    if (this.#closed) throw new CacheError('InvalidArgument', 'The handle is closed.', { source: 'caller', context: { path: printableName(this.status.path) } });
    if (!Number.isSafeInteger(offset) || offset < 0) throw new CacheError('RangeInvalid', 'The offset is not a position in a file.', { source: 'caller', context: { offset } });
  }

  async #piece(offset: number, into: Uint8Array, options: ClientCallOptions): Promise<void> {
    const { readAhead, reader, file } = this.#options;
    const ahead = readAhead.take(offset, into, options.signal);
    if (ahead !== false && (await ahead)) return;
    const flags = await reader.read(file, offset, into, {
      signal: options.signal,
      timeoutMs: options.timeoutMs,
      isSequential: readAhead.isSequential,
      isSpeculative: false,
    });
    readAhead.answeredFrom(flags);
  }

  /** All pieces have ended when it returns or throws: nothing writes into the caller's buffer afterwards. */
  async #pieces(offset: number, into: Uint8Array, options: ClientCallOptions): Promise<void> {
    const { blockBytes, piecesInFlightMax } = this.#options;
    const stop = new AbortController();
    const release = onAbort(options.signal, () => stop.abort(abortReason(options.signal!)));
    let failure: { readonly error: unknown } | undefined;
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < into.length && failure === undefined) {
        const from = next;
        next = Math.min(into.length, (Math.floor((offset + from) / blockBytes) + 1) * blockBytes - offset);
        try {
          await this.#piece(offset + from, into.subarray(from, next), { ...options, signal: stop.signal });
        } catch (error) {
          failure ??= { error };
          stop.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(piecesInFlightMax, Math.ceil(into.length / blockBytes) + 1) }, lane));
    release();
    if (failure !== undefined) throw failure.error;
  }
}
