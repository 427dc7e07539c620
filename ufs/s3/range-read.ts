// One range of one version, straight into the caller's buffer. Nothing is accepted before the response's ETag, range and total length were compared with
// what was asked for. A body that ends early is gone on with from where it stopped; one whose end nobody announced counts only when it ended right.
import type { ReadProgress, VersionedFile } from '../under-file-system.ts';
import type { BodySink, HttpHeaders, HttpResponse } from './http-exchange.ts';
import { quotedEtag } from './object-facts.ts';
import { text } from './s3-client.ts';
import { brokenResponse, changedObject } from './s3-errors.ts';

const CONTENT_RANGE = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/;

/** The state of a read over its attempts. */
export class RangeRead {
  readonly #file: VersionedFile;
  readonly #etag: string;
  readonly #offset: number;
  readonly #into: Uint8Array;
  readonly #onProgress: ReadProgress | undefined;
  #received = 0;

  /** @param etag of the version. @param into not longer than what the object has from `offset` on */
  constructor(file: VersionedFile, etag: string, range: { readonly offset: number; readonly into: Uint8Array; readonly onProgress?: ReadProgress | undefined }) {
    this.#file = file;
    this.#etag = etag;
    this.#offset = range.offset;
    this.#into = range.into;
    this.#onProgress = range.onProgress;
  }

  /** Bytes that are certain. */
  get received(): number {
    return this.#received;
  }
  get isComplete(): boolean {
    return this.#received === this.#into.length;
  }

  /** Headers that ask for what is missing. */
  requestHeaders(): Record<string, string> {
    return { range: `bytes=${this.#offset + this.#received}-${this.#offset + this.#into.length - 1}`, 'if-match': this.#etag };
  }

  /** For one attempt. `finish` it when the response has ended without error. */
  sink(): RangeSink {
    return new RangeSink({
      check: (response) => this.#check(response),
      into: this.#into.subarray(this.#received),
      accept: (count) => {
        this.#received += count;
        this.#onProgress?.(this.#received);
      },
    });
  }

  /** @returns how many bytes the response announces; `isExact` when its framing makes sure of that. @throws UfsObjectChanged, UfsUnavailable */
  #check({ status, headers }: Pick<HttpResponse, 'status' | 'headers'>): Announced {
    const etag = text(headers, 'etag');
    if (etag === undefined) throw brokenResponse('The store answered without an ETag, so that the version cannot be checked.');
    if (quotedEtag(etag) !== this.#etag) throw changedObject(this.#file.key, 'its ETag differs');
    const span = status === 206 ? this.#partSpan(headers) : this.#wholeSpan(status);
    const announced = text(headers, 'content-length');
    if (announced === undefined) return { bytes: span, isExact: false };
    const bytes = Number(announced);
    if (!(bytes <= span)) throw brokenResponse('The store announces a body that is longer than its range.', { contentLength: announced, expected: span });
    return { bytes, isExact: true };
  }

  #partSpan(headers: HttpHeaders): number {
    const contentRange = text(headers, 'content-range');
    const match = CONTENT_RANGE.exec(contentRange ?? '');
    if (match === null) throw brokenResponse('The store answered without a valid Content-Range.', { contentRange });
    const [first, last, total] = [Number(match[1]), Number(match[2]), Number(match[3])];
    if (total !== this.#file.length) throw changedObject(this.#file.key, 'its length differs');
    const isInside = first === this.#offset + this.#received && last >= first && last < this.#offset + this.#into.length;
    if (!isInside) throw brokenResponse('The store answered another range than it was asked for.', { contentRange });
    return last - first + 1;
  }

  /** A server may answer a range that is everything with the whole object. */
  #wholeSpan(status: number): number {
    if (status === 200 && this.#offset + this.#received === 0 && this.#into.length === this.#file.length) return this.#file.length;
    throw brokenResponse('The store ignored the range of the request.', { httpStatus: status });
  }
}

interface Announced {
  readonly bytes: number;
  readonly isExact: boolean;
}
interface SinkParts {
  readonly check: (response: Pick<HttpResponse, 'status' | 'headers'>) => Announced;
  readonly into: Uint8Array;
  readonly accept: (count: number) => void;
}

export class RangeSink implements BodySink {
  readonly #parts: SinkParts;
  #announced: Announced = { bytes: 0, isExact: true };
  #written = 0;

  constructor(parts: SinkParts) {
    this.#parts = parts;
  }

  begin(response: Pick<HttpResponse, 'status' | 'headers'>): void {
    this.#announced = this.#parts.check(response);
  }

  write(chunk: Buffer): void {
    const { bytes, isExact } = this.#announced;
    if (this.#written + chunk.length > bytes) throw brokenResponse('The body is longer than its range.', { expected: bytes });
    this.#parts.into.set(chunk, this.#written);
    this.#written += chunk.length;
    if (isExact) this.#parts.accept(chunk.length);
  }

  space(): Uint8Array {
    return this.#parts.into.subarray(this.#written, this.#announced.bytes);
  }

  placed(count: number): void {
    this.#written += count;
    if (this.#announced.isExact) this.#parts.accept(count);
  }

  /** Without a length only a body of exactly the right size is believed. */
  finish(): void {
    if (this.#announced.isExact) return;
    if (this.#written !== this.#announced.bytes) throw brokenResponse('The body ended early.', { expected: this.#announced.bytes, got: this.#written });
    this.#parts.accept(this.#written);
  }
}
