// Errors across gRPC: the status by the error table, the precise code and context in trailing metadata. An unknown code falls back to the status.
import { Metadata, status as Status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { asCacheError, CacheError, ERROR_TABLE, type ErrorCode, type ErrorContext } from '../errors/index.ts';

const CODE_KEY = 'alluxio-error-code';
const CONTEXT_KEY = 'alluxio-error-context-bin';
const CONTEXT_BYTES_MAX = 4096;

/** What the caller is told; what went wrong inside stays in the log. */
export function statusOf(error: unknown): Pick<StatusObject, 'code' | 'details' | 'metadata'> {
  const failure = asCacheError(error);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, failure.code);
  if (failure.code === 'Internal') return { code: Status.INTERNAL, details: 'The call failed inside the server; its log says why.', metadata };
  const context = Buffer.from(JSON.stringify(failure.context));
  if (context.length <= CONTEXT_BYTES_MAX) metadata.set(CONTEXT_KEY, context);
  return { code: Status[failure.row.grpc as keyof typeof Status], details: failure.message, metadata };
}

/** Codes for statuses that a gRPC layer makes up by itself. */
const BY_STATUS: Readonly<Partial<Record<Status, ErrorCode>>> = {
  [Status.CANCELLED]: 'Cancelled',
  [Status.INVALID_ARGUMENT]: 'InvalidArgument',
  [Status.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
  [Status.NOT_FOUND]: 'PathNotFound',
  [Status.ALREADY_EXISTS]: 'AlreadyExists',
  [Status.PERMISSION_DENIED]: 'PermissionDenied',
  [Status.RESOURCE_EXHAUSTED]: 'Overloaded',
  [Status.FAILED_PRECONDITION]: 'PreconditionFailed',
  [Status.ABORTED]: 'OperationPending',
  [Status.OUT_OF_RANGE]: 'RangeInvalid',
  [Status.UNIMPLEMENTED]: 'Unsupported',
  [Status.DATA_LOSS]: 'PageCorrupt',
  [Status.UNAUTHENTICATED]: 'Unauthenticated',
};

function contextOf(metadata: Metadata | undefined): ErrorContext {
  const [bytes] = metadata?.get(CONTEXT_KEY) ?? [];
  if (!(bytes instanceof Buffer)) return {};
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as ErrorContext) : {};
  } catch {
    return {};
  }
}

/** @param unavailable code for a server that cannot be reached */
export function errorOfStatus(error: ServiceError, unavailable: ErrorCode): CacheError {
  const code = error.metadata?.get(CODE_KEY)[0];
  const message = error.details === '' ? 'The call failed.' : error.details;
  if (typeof code === 'string' && Object.hasOwn(ERROR_TABLE, code)) return new CacheError(code as ErrorCode, message, { context: contextOf(error.metadata), cause: error });
  if (error.code === Status.UNAVAILABLE) return new CacheError(unavailable, 'The server does not answer.', { cause: error });
  return new CacheError(BY_STATUS[error.code] ?? 'Internal', message, { cause: error });
}
