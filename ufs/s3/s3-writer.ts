// Writes: objects from memory, multipart uploads, copies, deletes. A write whose answer was lost is asked about before it is called a failure.
import { createHash } from 'node:crypto';
import type { FileStatus } from '../../common/api/index.ts';
import { CacheError, isCacheError } from '../../common/errors/index.ts';
import type { CallOptions, UfsKey, UploadedPart, WriteOptions } from '../under-file-system.ts';
import { fileStatus } from '../entry-status.ts';
import type { HttpHeaders, HttpResponse } from './http-exchange.ts';
import { encodeKey } from './key-encoding.ts';
import { quotedEtag, versionOfEtag } from './object-facts.ts';
import { xmlText } from './object-list.ts';
import { type Attempt, type S3Client, type S3Request, text } from './s3-client.ts';
import { brokenResponse, elementText, responseError } from './s3-errors.ts';

/** A key as the caller knows it and as the bucket does. */
export interface ObjectName {
  readonly key: UfsKey;
  readonly full: string;
}
export interface UploadName {
  readonly uploadId: string;
  readonly full: string;
}
export interface CopyNames {
  readonly from: string;
  readonly to: string;
  readonly status: FileStatus;
}
type StatusOf = (key: UfsKey, options?: CallOptions) => Promise<FileStatus | undefined>;

const PART_NUMBER_MAX = 10_000;
/** A copy in one request may have this many bytes; above it goes by parts. */
const COPY_BYTES_MAX = 5 * 2 ** 30;
const COPY_PART_BYTES = 512 * 2 ** 20;

export class S3Writer {
  readonly #client: S3Client;
  readonly #statusOf: StatusOf;

  constructor(client: S3Client, statusOf: StatusOf) {
    this.#client = client;
    this.#statusOf = statusOf;
  }

  async write({ key, full }: ObjectName, bytes: Uint8Array, options: WriteOptions = {}): Promise<FileStatus> {
    const request: S3Request = { op: 'PutObject', method: 'PUT', key: full, headers: { ...writeHeaders(options), ...conditionHeaders(options) }, body: bytes };
    const etag = await this.#client.retry(async (attempt) => {
      try {
        const { headers } = await attempt.send(request);
        return requiredEtag(headers);
      } catch (error) {
        const md5 = createHash('md5').update(bytes).digest('hex');
        return await this.#unlessDone(error, attempt, { full, etag: `"${md5}"`, code: 'PreconditionFailed' });
      }
    }, options);
    this.#client.observer?.bytes('PutObject', bytes.length);
    return await this.#written(key, { etag, length: bytes.length }, options);
  }

  async createMultipart({ key, full }: ObjectName, options: WriteOptions = {}): Promise<{ uploadId: string; key: UfsKey }> {
    const { body } = await this.#client.call({ op: 'CreateMultipartUpload', method: 'POST', key: full, query: { uploads: '' }, headers: writeHeaders(options) }, options);
    const uploadId = elementText(body, 'UploadId');
    if (uploadId === undefined) throw brokenResponse('The store answered no upload id.');
    return { uploadId: xmlText(uploadId), key };
  }

  async uploadPart({ uploadId, full }: UploadName, partNumber: number, bytes: Uint8Array, options?: CallOptions): Promise<UploadedPart> {
    checkPartNumber(partNumber);
    const query = { partNumber: String(partNumber), uploadId };
    const { headers } = await this.#client.call({ op: 'UploadPart', method: 'PUT', key: full, query, body: bytes }, options);
    this.#client.observer?.bytes('UploadPart', bytes.length);
    return { partNumber, etag: requiredEtag(headers) };
  }

  async completeMultipart({ uploadId, key, full }: UploadName & ObjectName, parts: readonly UploadedPart[], options: WriteOptions = {}): Promise<FileStatus> {
    parts.forEach(({ partNumber }, index) => {
      checkPartNumber(partNumber);
      if (index > 0 && parts[index - 1]!.partNumber >= partNumber)
        throw new CacheError('InvalidArgument', 'Parts are out of order.', { source: 'caller', context: { partNumber } });
    });
    const body = Buffer.from(
      `<CompleteMultipartUpload>${parts.map(({ partNumber, etag }) => `<Part><PartNumber>${partNumber}</PartNumber><ETag>${xmlEscaped(etag)}</ETag></Part>`).join('')}</CompleteMultipartUpload>`,
    );
    const request: S3Request = {
      op: 'CompleteMultipartUpload',
      method: 'POST',
      key: full,
      query: { uploadId },
      headers: { 'content-type': 'application/xml', ...conditionHeaders(options) },
      body,
    };
    const etag = await this.#client.retry(async (attempt) => {
      try {
        const answer = elementText(this.#embedded(await attempt.send(request), request).body, 'ETag');
        if (answer === undefined) throw brokenResponse('The store answered no ETag.');
        return quotedEtag(xmlText(answer));
      } catch (error) {
        return await this.#unlessDone(error, attempt, { full, etag: multipartEtag(parts), code: 'UploadNotFound' });
      }
    }, options);
    return await this.#written(key, { etag }, options);
  }

  async abortMultipart({ uploadId, full }: UploadName, options?: CallOptions): Promise<void> {
    try {
      await this.#client.call({ op: 'AbortMultipartUpload', method: 'DELETE', key: full, query: { uploadId } }, options);
    } catch (error) {
      if (!isCacheError(error, 'UploadNotFound') && !isCacheError(error, 'PathNotFound')) throw error;
    }
  }

  async delete(full: string, options?: CallOptions): Promise<void> {
    try {
      await this.#client.call({ op: 'DeleteObject', method: 'DELETE', key: full }, options);
    } catch (error) {
      if (!isCacheError(error, 'PathNotFound')) throw error;
    }
  }

  /** Exactly the version in `status`. @throws UfsObjectChanged */
  async copy({ from, to, status }: CopyNames, options?: CallOptions): Promise<void> {
    const source = {
      'x-amz-copy-source': `/${this.#client.settings.bucket}/${encodeKey(from)}`,
      'x-amz-copy-source-if-match': status.version.slice('etag:'.length),
    };
    try {
      if (status.length <= COPY_BYTES_MAX) await this.#copyCall({ op: 'CopyObject', method: 'PUT', key: to, headers: source }, options);
      else await this.#copyParts(to, source, status, options);
    } catch (error) {
      if (!isCacheError(error, 'PreconditionFailed')) throw error;
      throw new CacheError('UfsObjectChanged', 'The object changed while it was copied.', { source: 'ufs', cause: error });
    }
  }

  async #copyParts(to: string, source: Readonly<Record<string, string>>, status: FileStatus, options?: CallOptions): Promise<void> {
    const { contentType, userMetadata } = status;
    const kept = { ...options, ...(contentType !== undefined && { contentType }), ...(userMetadata !== undefined && { userMetadata }) };
    const { uploadId } = await this.createMultipart({ key: to, full: to }, kept);
    try {
      const parts: UploadedPart[] = [];
      for (let first = 0; first < status.length; first += COPY_PART_BYTES) {
        const partNumber = parts.length + 1;
        const range = `bytes=${first}-${Math.min(first + COPY_PART_BYTES, status.length) - 1}`;
        const query = { partNumber: String(partNumber), uploadId };
        const { body } = await this.#copyCall({ op: 'UploadPartCopy', method: 'PUT', key: to, query, headers: { ...source, 'x-amz-copy-source-range': range } }, options);
        parts.push({ partNumber, etag: xmlText(elementText(body, 'ETag') ?? '') });
      }
      await this.completeMultipart({ uploadId, key: to, full: to }, parts, options);
    } catch (error) {
      await this.abortMultipart({ uploadId, full: to }).catch(() => undefined);
      throw error;
    }
  }

  #copyCall(request: S3Request, options?: CallOptions): Promise<HttpResponse> {
    return this.#client.retry(async (attempt) => this.#embedded(await attempt.send(request), request), options ?? {});
  }

  /** Long operations answer 200 first and may still fail in the body. */
  #embedded(response: HttpResponse, { op, key = '' }: S3Request): HttpResponse {
    if (elementText(response.body, 'Code') === undefined) return response;
    throw responseError({ ...response, status: 500 }, { op, key, bucket: this.#client.settings.bucket });
  }

  /** A repeated request may fail because its first form had succeeded: then the object has the ETag that ours gives it. */
  async #unlessDone(
    error: unknown,
    attempt: Attempt,
    done: { readonly full: string; readonly etag: string; readonly code: 'PreconditionFailed' | 'UploadNotFound' },
  ): Promise<string> {
    if (attempt.failures === 0 || !isCacheError(error, done.code)) throw error;
    const { headers } = await attempt.send({ op: 'HeadObject', method: 'HEAD', key: done.full });
    if (requiredEtag(headers) !== done.etag) throw error;
    return done.etag;
  }

  /** The status of what was written; when somebody has written since, that of our own version as far as it is known. */
  async #written(key: UfsKey, written: { readonly etag: string; readonly length?: number }, options: WriteOptions): Promise<FileStatus> {
    const { signal, timeoutMs } = options;
    const status = await this.#statusOf(key, { ...(signal !== undefined && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) });
    if (status?.version === versionOfEtag(written.etag)) return status;
    if (written.length === undefined) throw new CacheError('UfsObjectChanged', 'The object was overwritten right after it was written.', { source: 'ufs' });
    return fileStatus(this.#client.settings.rootUri, key, { length: written.length, mtimeMs: Date.now(), version: versionOfEtag(written.etag) });
  }
}

const xmlEscaped = (value: string): string => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

function requiredEtag(headers: HttpHeaders): string {
  const etag = text(headers, 'etag');
  if (etag === undefined) throw brokenResponse('The store answered no ETag.');
  return quotedEtag(etag);
}

/** As stores compute it: the digest of the parts' digests and their number. */
function multipartEtag(parts: readonly UploadedPart[]): string {
  const digests = parts.map(({ etag }) => Buffer.from(etag.replaceAll('"', ''), 'hex'));
  return `"${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}"`;
}

function checkPartNumber(partNumber: number): void {
  if (Number.isInteger(partNumber) && partNumber >= 1 && partNumber <= PART_NUMBER_MAX) return;
  throw new CacheError('InvalidArgument', 'Part numbers run from 1 to 10000.', { source: 'caller', context: { partNumber } });
}

const conditionHeaders = (options: WriteOptions): Record<string, string> => (options.ifNoneMatch === undefined ? {} : { 'if-none-match': options.ifNoneMatch });

function writeHeaders({ contentType, userMetadata = {} }: WriteOptions): Record<string, string> {
  const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
  for (const [name, value] of Object.entries(userMetadata)) {
    if (!/^[A-Za-z0-9._-]+$/.test(name) || !/^[ -~]*$/.test(value)) {
      throw new CacheError('InvalidArgument', 'User metadata must be printable ASCII.', { source: 'caller', context: { field: 'userMetadata', value: name } });
    }
    headers[`x-amz-meta-${name.toLowerCase()}`] = value;
  }
  return headers;
}
