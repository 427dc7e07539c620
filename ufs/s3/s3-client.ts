// Requests to one bucket: address, signature, attempts. What a retry may mend (throttling, failures, resets, silence) is retried with back-off until the
// deadline of the call; a wrong region is learnt from the answer. Knows nothing of what the requests mean.
import { createHash } from 'node:crypto';
import { backoffDelayMs, Deadline, sleep, throwIfAborted } from '../../common/async/index.ts';
import { asCacheError, CacheError, type ErrorCode } from '../../common/errors/index.ts';
import type { CallOptions, UfsObserver } from '../under-file-system.ts';
import { type BodySink, type HttpHeaders, HttpOrigin, type HttpResponse } from './http-exchange.ts';
import { encodeKey, type Query, queryString } from './key-encoding.ts';
import { RequestSigner } from './request-signer.ts';
import { elementText, responseError } from './s3-errors.ts';
import { type BucketAddress, bucketAddress, type S3Settings } from './s3-settings.ts';

export interface S3Request {
  /** Name of the S3 operation, for metrics and errors. */
  readonly op: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Full key in the bucket; undefined: the bucket itself. */
  readonly key?: string | undefined;
  readonly query?: Query | undefined;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | undefined;
  readonly sink?: BodySink | undefined;
}

/** What one attempt of a call may use. */
export interface Attempt {
  /** Failed attempts before this one. */
  readonly failures: number;
  /** Sends one request. @throws what a response that is no success means */
  send(request: S3Request): Promise<HttpResponse>;
}

export interface RetryOptions extends CallOptions {
  /** Bytes so far: an attempt that got some starts the back-off afresh. */
  readonly progress?: () => number;
}

const EMPTY_SHA256 = createHash('sha256').digest('hex');
const FIRST_REGION = 'us-east-1';
const RETRIED: ReadonlySet<ErrorCode> = new Set(['UfsUnavailable', 'UfsThrottled']);
/** Refusals that answer the question: no fault of the store. */
const ANSWERS: ReadonlySet<ErrorCode> = new Set(['PathNotFound', 'UfsObjectChanged', 'PreconditionFailed', 'UploadNotFound']);
/** Of a HEAD, whose answer has no body: expired or unknown keys are among the reasons. */
const UNEXPLAINED: ReadonlySet<number> = new Set([400, 401, 403]);
const FAILED_BACKOFF = { baseMs: 25, maxMs: 2000 };
const THROTTLED_BACKOFF = { baseMs: 100, maxMs: 5000 };
const RETRY_AFTER_MS_MAX = 10_000;

export class S3Client {
  readonly settings: S3Settings;
  readonly #observer: UfsObserver | undefined;
  readonly #signer: RequestSigner;
  #region: string;
  #address: BucketAddress;
  #origin: HttpOrigin;
  /** Origins of regions that were wrong, until their requests have ended. */
  readonly #left: HttpOrigin[] = [];
  #isClosed = false;
  #lastSuccessMs = -Infinity;

  constructor(settings: S3Settings, observer?: UfsObserver) {
    this.settings = settings;
    this.#observer = observer;
    this.#region = settings.region ?? FIRST_REGION;
    this.#address = bucketAddress(settings, this.#region);
    this.#origin = new HttpOrigin(this.#address.origin, settings.connectionsMax);
    this.#signer = new RequestSigner(settings.credentials, () => this.#region);
  }

  get observer(): UfsObserver | undefined {
    return this.#observer;
  }

  /** Whether the store accepted a request of ours within this time. */
  succeededWithin(ms: number): boolean {
    return performance.now() - this.#lastSuccessMs < ms;
  }

  /** One request, repeated while that may help. @throws the error of the last answer */
  call(request: S3Request, options: RetryOptions = {}): Promise<HttpResponse> {
    return this.retry((attempt) => attempt.send(request), options);
  }

  /** Runs `work` until it succeeds, fails for good, or the deadline is near. @throws the last failure; DeadlineExceeded when there was no answer at all; Cancelled */
  async retry<T>(work: (attempt: Attempt) => Promise<T>, options: RetryOptions): Promise<T> {
    const deadline = Deadline.after(options.timeoutMs ?? this.settings.callTimeoutMs);
    const { signal, progress = () => 0 } = options;
    let last: CacheError | undefined;
    for (let failures = 0; ; ) {
      throwIfAborted(signal);
      if (this.#isClosed) throw new CacheError('Cancelled', 'The UFS is closed.');
      const before = progress();
      try {
        return await work({ failures, send: (request) => this.#send(request, deadline, signal) });
      } catch (error) {
        last = retryable(error, last, signal);
        failures = progress() > before ? 1 : failures + 1;
        const delayMs = delayOf(last, failures);
        if (delayMs >= deadline.remainingMs()) throw last;
        await sleep(delayMs, signal);
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#origin, ...this.#left].map((origin) => origin.close()));
  }

  async #send(request: S3Request, deadline: Deadline, signal: AbortSignal | undefined): Promise<HttpResponse> {
    const startMs = performance.now();
    try {
      let response = await this.#exchange(request, deadline, signal);
      if (response.status >= 300 && (this.#learnRegion(response) || this.#hasOtherKeys(request, response, startMs))) response = await this.#exchange(request, deadline, signal);
      if (response.status >= 300) throw this.#refusal(request, response);
      this.#lastSuccessMs = performance.now();
      this.#observer?.request(request.op, 'ok', this.#lastSuccessMs - startMs);
      return response;
    } catch (error) {
      const { code } = asCacheError(error);
      const outcome = ANSWERS.has(code) ? 'ok' : RETRIED.has(code) && deadline.remainingMs() > 0 ? 'retried' : 'error';
      this.#observer?.request(request.op, outcome, performance.now() - startMs);
      throw error;
    }
  }

  async #exchange(request: S3Request, deadline: Deadline, signal: AbortSignal | undefined): Promise<HttpResponse> {
    const { method, key, query = {}, body } = request;
    const { host, basePath } = this.#address;
    const origin = this.#origin;
    const path = key === undefined ? basePath || '/' : `${basePath}/${encodeKey(key)}`;
    const payload = body === undefined ? EMPTY_SHA256 : this.#payloadHash(body);
    const headers = await this.#signer.sign({ method, host, path, query, headers: { ...request.headers, 'x-amz-content-sha256': payload } });
    const options = { sink: request.sink, signal, timeoutMs: deadline.remainingMs(), idleTimeoutMs: this.settings.attemptTimeoutMs };
    return await origin.send({ method, path: path + queryString(query), headers, body }, options);
  }

  /** TLS guards the body already; without it the signature does. */
  #payloadHash(body: Uint8Array): string {
    return this.#address.origin.startsWith('https:') ? 'UNSIGNED-PAYLOAD' : createHash('sha256').update(body).digest('hex');
  }

  /** True when the answer named another region than the one that was asked: the request is worth repeating there. */
  #learnRegion({ status, headers, body }: HttpResponse): boolean {
    if (status !== 301 && status !== 307 && status !== 400) return false;
    const region = text(headers, 'x-amz-bucket-region') ?? elementText(body, 'Region');
    const mayLearn = this.settings.endpoint === undefined || this.settings.region === undefined;
    if (region === undefined || !/^[A-Za-z0-9-]+$/.test(region) || region === this.#region || !mayLearn) return false;
    this.#region = region;
    const address = bucketAddress(this.settings, region);
    if (address.origin !== this.#address.origin) {
      this.#left.push(this.#origin);
      this.#origin = new HttpOrigin(address.origin, this.settings.connectionsMax);
    }
    this.#address = address;
    return true;
  }

  /** True when the keys were refused and their provider may have others by now. A refused HEAD says no reason. */
  #hasOtherKeys(request: S3Request, response: HttpResponse, sinceMs: number): boolean {
    const { refused } = this.settings.credentials;
    if (refused === undefined) return false;
    const isRefused = request.method === 'HEAD' ? UNEXPLAINED.has(response.status) : this.#refusal(request, response).code === 'Unauthenticated';
    return isRefused && refused(sinceMs);
  }

  #refusal(request: S3Request, response: HttpResponse): CacheError {
    const error = responseError(response, { op: request.op, key: request.key ?? '', bucket: this.settings.bucket });
    const seconds = Number(text(response.headers, 'retry-after') ?? Number.NaN);
    if (!RETRIED.has(error.code) || !Number.isFinite(seconds)) return error;
    const retryAfterMs = Math.min(RETRY_AFTER_MS_MAX, Math.max(0, seconds * 1000));
    return new CacheError(error.code, error.message, { source: error.source, context: { ...error.context, retryAfterMs } });
  }
}

/** @returns the failure when another attempt may help. @throws it when not; a deadline that ends a later attempt is told as what went wrong before */
function retryable(error: unknown, last: CacheError | undefined, signal: AbortSignal | undefined): CacheError {
  const failure = asCacheError(error);
  if (RETRIED.has(failure.code)) return failure;
  throw failure.code === 'DeadlineExceeded' && signal?.aborted !== true ? (last ?? failure) : failure;
}

function delayOf(failure: CacheError, failures: number): number {
  const backoffMs = backoffDelayMs(failures, failure.code === 'UfsThrottled' ? THROTTLED_BACKOFF : FAILED_BACKOFF);
  const askedMs = failure.context['retryAfterMs'];
  return typeof askedMs === 'number' ? Math.max(backoffMs, askedMs) : backoffMs;
}

/** A header that may come once; undefined: absent. */
export function text(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
