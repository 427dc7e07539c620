// The one error table: what each code means at every edge. Edges look codes up here; nobody matches text.

/** Who is to blame: decides whom the message addresses and whether a fallback makes sense. */
export type ErrorSource = 'caller' | 'worker' | 'ufs' | 'metadata-store' | 'k8s' | 'self';

/** `no`: never; `backoff`: the same call may succeed later; `elsewhere`: another worker or the UFS may answer; `reopen`: the handle is stale. */
export type RetryAdvice = 'no' | 'backoff' | 'elsewhere' | 'reopen';

export interface ErrorRow {
  /** Position in the data plane's status field; 0 is success. Never reused, never renumbered. */
  readonly wire: number;
  /** gRPC status name. */
  readonly grpc: string;
  /** HTTP status of the REST and S3 doors. */
  readonly http: number;
  /** POSIX errno name answered by FUSE. */
  readonly errno: string;
  /** Exit code of the command line. */
  readonly exit: number;
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly retry: RetryAdvice;
}

const row = (wire: number, grpc: string, http: number, rest: Omit<ErrorRow, 'wire' | 'grpc' | 'http'>): ErrorRow => ({ wire, grpc, http, ...rest });

/** Every code with its row. Exit codes follow sysexits where one fits (64 usage, 66 no input, 69 unavailable, 70 internal, 73 cannot create, 75 try again, 77 permission, 78 configuration). */
export const ERROR_TABLE = {
  InvalidArgument: row(1, 'INVALID_ARGUMENT', 400, { errno: 'EINVAL', exit: 64, level: 'info', retry: 'no' }),
  InvalidConfiguration: row(2, 'INVALID_ARGUMENT', 400, { errno: 'EINVAL', exit: 78, level: 'error', retry: 'no' }),
  NameTooLong: row(3, 'INVALID_ARGUMENT', 400, { errno: 'ENAMETOOLONG', exit: 64, level: 'info', retry: 'no' }),
  RangeInvalid: row(4, 'OUT_OF_RANGE', 416, { errno: 'EINVAL', exit: 64, level: 'info', retry: 'no' }),
  PathNotFound: row(5, 'NOT_FOUND', 404, { errno: 'ENOENT', exit: 66, level: 'debug', retry: 'no' }),
  MountNotFound: row(6, 'NOT_FOUND', 404, { errno: 'ENOENT', exit: 66, level: 'info', retry: 'no' }),
  UploadNotFound: row(7, 'NOT_FOUND', 404, { errno: 'ENOENT', exit: 66, level: 'info', retry: 'no' }),
  AlreadyExists: row(8, 'ALREADY_EXISTS', 409, { errno: 'EEXIST', exit: 73, level: 'info', retry: 'no' }),
  NotADirectory: row(9, 'FAILED_PRECONDITION', 400, { errno: 'ENOTDIR', exit: 66, level: 'debug', retry: 'no' }),
  IsADirectory: row(10, 'FAILED_PRECONDITION', 400, { errno: 'EISDIR', exit: 66, level: 'debug', retry: 'no' }),
  DirectoryNotEmpty: row(11, 'FAILED_PRECONDITION', 409, { errno: 'ENOTEMPTY', exit: 73, level: 'debug', retry: 'no' }),
  PreconditionFailed: row(12, 'FAILED_PRECONDITION', 412, { errno: 'EEXIST', exit: 73, level: 'info', retry: 'no' }),
  ReadOnlyMount: row(13, 'FAILED_PRECONDITION', 403, { errno: 'EROFS', exit: 77, level: 'info', retry: 'no' }),
  PermissionDenied: row(14, 'PERMISSION_DENIED', 403, { errno: 'EACCES', exit: 77, level: 'warn', retry: 'no' }),
  Unauthenticated: row(15, 'UNAUTHENTICATED', 403, { errno: 'EACCES', exit: 77, level: 'warn', retry: 'no' }),
  UfsObjectChanged: row(16, 'ABORTED', 412, { errno: 'ESTALE', exit: 75, level: 'info', retry: 'reopen' }),
  PageCorrupt: row(17, 'DATA_LOSS', 500, { errno: 'EIO', exit: 70, level: 'error', retry: 'backoff' }),
  CacheFull: row(18, 'RESOURCE_EXHAUSTED', 503, { errno: 'ENOSPC', exit: 75, level: 'warn', retry: 'elsewhere' }),
  Overloaded: row(19, 'RESOURCE_EXHAUSTED', 503, { errno: 'EIO', exit: 75, level: 'warn', retry: 'elsewhere' }),
  UfsThrottled: row(20, 'RESOURCE_EXHAUSTED', 503, { errno: 'EIO', exit: 75, level: 'warn', retry: 'backoff' }),
  LeaseLost: row(21, 'FAILED_PRECONDITION', 503, { errno: 'EIO', exit: 75, level: 'warn', retry: 'backoff' }),
  WorkerUnavailable: row(22, 'UNAVAILABLE', 503, { errno: 'EIO', exit: 69, level: 'warn', retry: 'elsewhere' }),
  UfsUnavailable: row(23, 'UNAVAILABLE', 503, { errno: 'EIO', exit: 69, level: 'warn', retry: 'backoff' }),
  MetadataStoreUnavailable: row(24, 'UNAVAILABLE', 503, { errno: 'EIO', exit: 69, level: 'warn', retry: 'backoff' }),
  DeadlineExceeded: row(25, 'DEADLINE_EXCEEDED', 504, { errno: 'ETIMEDOUT', exit: 75, level: 'warn', retry: 'elsewhere' }),
  Cancelled: row(26, 'CANCELLED', 499, { errno: 'EINTR', exit: 130, level: 'debug', retry: 'no' }),
  OperationPending: row(27, 'ABORTED', 409, { errno: 'EBUSY', exit: 75, level: 'info', retry: 'backoff' }),
  AddressInUse: row(28, 'FAILED_PRECONDITION', 409, { errno: 'EADDRINUSE', exit: 69, level: 'error', retry: 'no' }),
  ProtocolMismatch: row(29, 'FAILED_PRECONDITION', 426, { errno: 'EPROTO', exit: 76, level: 'error', retry: 'no' }),
  Unsupported: row(30, 'UNIMPLEMENTED', 501, { errno: 'EOPNOTSUPP', exit: 64, level: 'info', retry: 'no' }),
  Internal: row(31, 'INTERNAL', 500, { errno: 'EIO', exit: 70, level: 'error', retry: 'no' }),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_TABLE;

const byWire = new Map<number, ErrorCode>(Object.entries(ERROR_TABLE).map(([code, r]) => [r.wire, code as ErrorCode]));
/** Code of a data-plane status; an unknown status (a newer peer) is Internal. */
export const codeOfWire = (wire: number): ErrorCode => byWire.get(wire) ?? 'Internal';
