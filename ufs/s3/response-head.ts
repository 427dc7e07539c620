// Heads of HTTP/1.1 responses and the framing of their bodies. Strict: what is not plainly right is refused, since wrong framing would be wrong bytes.
import { CacheError } from '../../common/errors/index.ts';

/** How the end of a body is known. */
export type BodyFraming = { readonly kind: 'length'; readonly bytes: number } | { readonly kind: 'chunked' } | { readonly kind: 'until-close' };

export interface ResponseHead {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly framing: BodyFraming;
  /** The connection may carry another request afterwards. */
  readonly isKept: boolean;
  /** How long the server keeps an idle connection; undefined: it does not say. */
  readonly keptMs: number | undefined;
}

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const LENGTH = /^\d{1,16}$/;

const NO_BODY: BodyFraming = { kind: 'length', bytes: 0 };

const malformed = (what: string): CacheError => new CacheError('UfsUnavailable', `The store's answer is no valid HTTP: ${what}.`, { source: 'ufs' });

/** @param text latin1, without the empty line. @param method of the request: an answer to HEAD has no body. @throws UfsUnavailable */
export function parseResponseHead(text: string, method: string): ResponseHead {
  const [first = '', ...lines] = text.split('\r\n');
  const match = STATUS_LINE.exec(first);
  if (match === null) throw malformed('status line');
  const status = Number(match[2]);
  const headers = headersOf(lines);
  const connection = String(headers['connection'] ?? '').toLowerCase();
  const isKept = match[1] === '1' ? !connection.includes('close') : connection.includes('keep-alive');
  const seconds = /timeout=(\d{1,6})/.exec(String(headers['keep-alive'] ?? ''))?.[1];
  return { status, headers, framing: method === 'HEAD' ? NO_BODY : framingOf(status, headers), isKept, keptMs: seconds === undefined ? undefined : Number(seconds) * 1000 };
}

function headersOf(lines: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!NAME.test(name)) throw malformed('header');
    const value = line.slice(colon + 1).trim();
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    else headers[name] = typeof known === 'string' ? [known, value] : [...known, value];
  }
  return headers;
}

function framingOf(status: number, headers: ResponseHead['headers']): BodyFraming {
  if (status < 200 || status === 204 || status === 304) return NO_BODY;
  const coding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (coding !== undefined) {
    if (length !== undefined || String(coding).toLowerCase() !== 'chunked') throw malformed('framing of the body');
    return { kind: 'chunked' };
  }
  if (length === undefined) return { kind: 'until-close' };
  if (typeof length !== 'string' || !LENGTH.test(length)) throw malformed('Content-Length');
  return { kind: 'length', bytes: Number(length) };
}

const CHUNK_LINE = /^([0-9a-fA-F]{1,12})(?:[ \t]*;.*)?$/;
const LINE_BYTES_MAX = 8192;

/** Takes a chunked body apart as it comes. Trailers are dropped. */
export class ChunkedDecoder {
  /** What the next bytes belong to. */
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'over' = 'size';
  #line = '';
  #left = 0;

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** @param give is called for each piece of the body. @returns bytes behind the end of the body. @throws UfsUnavailable */
  push(bytes: Buffer, give: (piece: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'over') {
      if (this.#state === 'data') {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        if (this.#left === 0) this.#state = 'data-end';
        give(piece);
      } else at = this.#readLine(bytes, at);
    }
    return bytes.length - at;
  }

  #readLine(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    this.#line += bytes.toString('latin1', at, end);
    if (this.#line.length > LINE_BYTES_MAX) throw malformed('chunk');
    if (newline >= 0) {
      if (!this.#line.endsWith('\r\n')) throw malformed('chunk');
      this.#onLine(this.#line.slice(0, -2));
      this.#line = '';
    }
    return end;
  }

  #onLine(line: string): void {
    if (this.#state === 'trailer') {
      if (line === '') this.#state = 'over';
      return;
    }
    if (this.#state === 'data-end') {
      if (line !== '') throw malformed('chunk');
      this.#state = 'size';
      return;
    }
    const size = CHUNK_LINE.exec(line)?.[1];
    if (size === undefined) throw malformed('chunk size');
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'data';
  }
}
