// What S3 servers answer when they refuse, told in the product's codes. The server's code decides, then the HTTP status; texts are never matched.
import { CacheError, type ErrorCode } from '../../common/errors/index.ts';
import { printableName } from '../../common/namespace/index.ts';
import { S3_OPTION } from '../mount-options.ts';
import type { HttpResponse } from './http-exchange.ts';

interface Row {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy?: string;
}
const row = (code: ErrorCode, message: string, remedy?: string): Row => ({ code, message, ...(remedy !== undefined && { remedy }) });

const KEYS = `Check ${S3_OPTION.accessKeyId} and ${S3_OPTION.secretKey}.`;
const EXPIRED = row(
  'Unauthenticated',
  'The session token of the mount has expired or is wrong.',
  `Renew ${S3_OPTION.sessionToken}, or use a profile or web identity, which renew themselves.`,
);
const DENIED = row('PermissionDenied', 'The store refused access.', 'Check the keys of the mount, and that they may list the bucket and read its objects.');
const THROTTLED = row('UfsThrottled', 'The store asks to slow down.', 'Lower alluxio.underfs.connections.max, or raise the limits of the bucket.');
const FAILED = row('UfsUnavailable', 'The store failed.', 'Look at the state of the store.');
const NO_BUCKET = row('PathNotFound', 'The bucket does not exist.', 'Check the bucket name in the UFS URI, the endpoint and the region.');
const REFUSED = row('InvalidArgument', 'The store refused the request.');
const NO_KEY = row('PathNotFound', 'The object does not exist.');

const BY_CODE: Readonly<Record<string, Row>> = {
  InvalidAccessKeyId: row('Unauthenticated', 'The store does not know the access key.', KEYS),
  SignatureDoesNotMatch: row('Unauthenticated', 'The store refused the signature: the secret key is wrong.', KEYS),
  AuthorizationHeaderMalformed: row('Unauthenticated', 'The store refused the signature.', `${KEYS} Check alluxio.underfs.s3.endpoint.region.`),
  // versitygw's, with status 404.
  XAdminUserNotFound: row('Unauthenticated', 'The store does not know the access key.', KEYS),
  InvalidToken: EXPIRED,
  ExpiredToken: EXPIRED,
  TokenRefreshRequired: EXPIRED,
  RequestTimeTooSkewed: row('Unauthenticated', 'The clocks of this machine and of the store differ too much.', 'Set the clock of this machine (NTP).'),
  AccessDenied: DENIED,
  AllAccessDisabled: DENIED,
  AccountProblem: DENIED,
  InvalidObjectState: row('PermissionDenied', 'The object is archived.', 'Restore it from its archive storage class first.'),
  NoSuchBucket: NO_BUCKET,
  NoSuchKey: NO_KEY,
  NoSuchVersion: NO_KEY,
  NoSuchUpload: row('UploadNotFound', 'There is no such upload.'),
  PreconditionFailed: row('PreconditionFailed', 'The object is not in the state that the request requires.'),
  ConditionalRequestConflict: row('UfsUnavailable', 'Another write of the object is in progress.'),
  OperationAborted: row('UfsUnavailable', 'Another operation on the object is in progress.'),
  InvalidRange: row('RangeInvalid', 'The range lies outside the object.'),
  InvalidPart: row('InvalidArgument', 'A part is unknown or its ETag is wrong.'),
  InvalidPartOrder: row('InvalidArgument', 'Parts are out of order.'),
  EntityTooSmall: row('InvalidArgument', 'A part other than the last is smaller than the store allows.'),
  EntityTooLarge: row('InvalidArgument', 'The object is larger than the store allows in one request.'),
  KeyTooLongError: row('NameTooLong', 'The key is longer than the store allows.'),
  KeyTooLong: row('NameTooLong', 'The key is longer than the store allows.'),
  InvalidBucketName: row('InvalidConfiguration', 'The store does not accept the bucket name.', 'Check the UFS URI.'),
  NotImplemented: row('Unsupported', 'The store does not implement the request.'),
  SlowDown: THROTTLED,
  Throttling: THROTTLED,
  ThrottlingException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  TooManyRequests: THROTTLED,
  BandwidthLimitExceeded: THROTTLED,
  RequestTimeout: FAILED,
  InternalError: FAILED,
  ServiceUnavailable: FAILED,
};

const BY_STATUS: Readonly<Record<number, Row>> = {
  301: row('InvalidConfiguration', 'The bucket lives at another endpoint.', 'Set alluxio.underfs.s3.endpoint and alluxio.underfs.s3.endpoint.region to where the bucket is.'),
  307: FAILED,
  401: row('Unauthenticated', 'The store wants other credentials.', KEYS),
  403: DENIED,
  404: NO_KEY,
  408: FAILED,
  409: row('UfsUnavailable', 'Another operation on the object is in progress.'),
  412: BY_CODE['PreconditionFailed']!,
  416: BY_CODE['InvalidRange']!,
  429: THROTTLED,
  501: BY_CODE['NotImplemented']!,
  503: THROTTLED,
};

/** Text of the first element of this name in an error document; undefined when there is none. */
export function elementText(body: Buffer, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(body.toString('utf8'))?.[1];
}

function rowOf(status: number, s3Code: string | undefined, key: string): Row {
  if (s3Code !== undefined && Object.hasOwn(BY_CODE, s3Code)) return BY_CODE[s3Code]!;
  if (status === 404 && key === '') return NO_BUCKET;
  return BY_STATUS[status] ?? (status >= 500 ? FAILED : REFUSED);
}

/** The error of a response that is no success. A retry may help for UfsUnavailable and UfsThrottled, and for nothing else. */
export function responseError(response: HttpResponse, what: { readonly op: string; readonly key: string; readonly bucket: string }): CacheError {
  const { status, headers, body } = response;
  const s3Code = elementText(body, 'Code');
  const { code, message, remedy } = rowOf(status, s3Code, what.key);
  const region = headers['x-amz-bucket-region'] ?? elementText(body, 'Region');
  return new CacheError(code, message, {
    source: 'ufs',
    context: {
      op: what.op,
      bucket: what.bucket,
      ...(what.key !== '' && { key: printableName(what.key) }),
      httpStatus: status,
      s3Code,
      ...(typeof region === 'string' && region !== '' && { region }),
      requestId: typeof headers['x-amz-request-id'] === 'string' ? headers['x-amz-request-id'] : undefined,
      remedy: remedyFor(remedy, code, region),
    },
  });
}

function remedyFor(remedy: string | undefined, code: ErrorCode, region: unknown): string | undefined {
  const namesRegion = typeof region === 'string' && region !== '' && (code === 'InvalidConfiguration' || code === 'Unauthenticated');
  return namesRegion ? `The bucket is in region ${region}: set alluxio.underfs.s3.endpoint.region=${region} (and the endpoint, if one is set).` : remedy;
}

export const changedObject = (key: string, why: string): CacheError =>
  new CacheError('UfsObjectChanged', `The object is no longer the version that was asked for: ${why}.`, { source: 'ufs', context: { key: printableName(key) } });

/** A response that contradicts the request: never believed, asked for again. */
export const brokenResponse = (message: string, context: Readonly<Record<string, string | number | undefined>> = {}): CacheError =>
  new CacheError('UfsUnavailable', message, { source: 'ufs', context });
