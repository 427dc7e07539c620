// Under file systems by URI: `openUfs` for those who read and write, `checkUfs` for those who are about to mount.
import { Property } from '../common/config/index.ts';
import { CacheError } from '../common/errors/index.ts';
import { parseUfsUri, printableName, ufsRootUri } from '../common/namespace/index.ts';
import { LocalUfs } from './local/local-ufs.ts';
import { callSettings, OptionReader, refuseUnknownOptions } from './mount-options.ts';
import { S3Ufs } from './s3/s3-ufs.ts';
import { s3Settings } from './s3/s3-settings.ts';
import type { CallOptions, UfsObserver, UnderFileSystem } from './under-file-system.ts';

export interface OpenUfsRequest {
  /** `s3://bucket/prefix` (also s3a, s3n), `file:///directory` or `/directory`. */
  readonly ufsUri: string;
  /** By the reference's names: `s3a.accessKeyId`, `alluxio.underfs.s3.endpoint`, …. Options for stores of another kind are ignored. */
  readonly options: Readonly<Record<string, string>>;
  readonly observer?: UfsObserver | undefined;
}

/** A UFS that can tell whether it is there. */
type ProbedUfs = UnderFileSystem & { probe(options?: CallOptions): Promise<void> };
type Open = (request: OpenUfsRequest) => ProbedUfs;

/** A new kind of store is one line here, its options are in mount-options.ts. */
const SCHEMES: Readonly<Record<string, Open>> = {
  file: (request) => new LocalUfs(ufsRootUri(request.ufsUri), callSettings(new OptionReader(request.options)), request.observer),
  s3: (request) => new S3Ufs(s3Settings(request.ufsUri, new OptionReader(request.options)), request.observer),
};

function openProbed(request: OpenUfsRequest): ProbedUfs {
  const { scheme } = parseUfsUri(request.ufsUri);
  const open = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (open !== undefined) return open(request);
  throw new CacheError('InvalidConfiguration', `There is no UFS for the scheme '${scheme}'.`, {
    source: 'caller',
    context: {
      field: 'ufsUri',
      value: printableName(request.ufsUri),
      remedy: `Schemes are ${Object.keys(SCHEMES)
        .map((name) => `${name}://`)
        .join(', ')}.`,
    },
  });
}

/** Sends no request. @throws InvalidArgument (no URI), InvalidConfiguration (unknown scheme, unknown or malformed option) */
export function openUfs(request: OpenUfsRequest): UnderFileSystem {
  refuseUnknownOptions(request.options, false);
  return openProbed(request);
}

export interface CheckUfsRequest extends OpenUfsRequest, CallOptions {
  /** Options of the process below those of the mount. */
  readonly processOptions?: Readonly<Record<string, string>>;
}

const CHECK_TIMEOUT_MS = 10_000;

/**
 * Whether a mount would work: one cheap request. Every unknown option is refused here.
 * @throws what `openUfs` throws; PathNotFound (no such bucket or directory), NotADirectory, Unauthenticated (wrong keys), PermissionDenied, UfsUnavailable,
 * UfsThrottled, DeadlineExceeded: each with a remedy
 */
export async function checkUfs(request: CheckUfsRequest): Promise<void> {
  refuseUnknownOptions(request.options, true);
  new OptionReader(request.options).get(Property.clientMetadataMaxAge);
  const { processOptions = {}, signal, timeoutMs = CHECK_TIMEOUT_MS } = request;
  refuseUnknownOptions(processOptions, false);
  const ufs = openProbed({ ...request, options: { ...processOptions, ...request.options } });
  try {
    await ufs.probe({ timeoutMs, ...(signal !== undefined && { signal }) });
  } finally {
    await ufs.close();
  }
}

export { isPosixKey, projectList, projectStatus } from './projection.ts';
export type * from './under-file-system.ts';
