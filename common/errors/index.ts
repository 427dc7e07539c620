// The one error class of the product. Inner layers throw it with context and cause; each edge maps it by ERROR_TABLE.
import { ERROR_TABLE, type ErrorCode, type ErrorRow, type ErrorSource } from './codes.ts';

export { codeOfWire, ERROR_TABLE, type ErrorCode, type ErrorRow, type ErrorSource, type RetryAdvice } from './codes.ts';

export type ErrorContext = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CacheErrorOptions {
  readonly source?: ErrorSource;
  /** Flat facts: field, value, remedy, path, workerId … Never a secret. */
  readonly context?: ErrorContext;
  readonly cause?: unknown;
}

export class CacheError extends Error {
  readonly code: ErrorCode;
  readonly source: ErrorSource;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, options: CacheErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CacheError';
    this.code = code;
    this.source = options.source ?? 'self';
    this.context = options.context ?? {};
  }

  get row(): ErrorRow {
    return ERROR_TABLE[this.code];
  }
}

export const isCacheError = (error: unknown, code?: ErrorCode): error is CacheError => error instanceof CacheError && (code === undefined || error.code === code);

/** Wraps anything thrown into a CacheError, keeping one that already is. An AbortError becomes Cancelled, a TimeoutError DeadlineExceeded. */
export function asCacheError(error: unknown, fallback: ErrorCode = 'Internal', options: Omit<CacheErrorOptions, 'cause'> = {}): CacheError {
  if (error instanceof CacheError) return error;
  const name = error instanceof Error ? error.name : '';
  const message = error instanceof Error ? error.message : String(error);
  if (name === 'AbortError') return new CacheError('Cancelled', 'The operation was cancelled.', { ...options, cause: error });
  if (name === 'TimeoutError') return new CacheError('DeadlineExceeded', 'The operation did not finish in time.', { ...options, cause: error });
  return new CacheError(fallback, message, { ...options, cause: error });
}

/** Assertion for programmer errors: these stop the process at the edge, they are not answered. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new CacheError('Internal', `Broken invariant: ${message}`);
}
