// Options of a mount: which names exist, what their values mean, and which are refused. Owns no defaults of its own: those are the properties'.
import { FREE_FORM_PREFIXES, looksSecret, nearestName, Property, type PropertySpec } from '../common/config/index.ts';
import { CacheError } from '../common/errors/index.ts';

/** Credentials and identity of an S3 mount; the rest of its options are properties `alluxio.underfs.s3.*`. */
export const S3_OPTION = {
  accessKeyId: 's3a.accessKeyId',
  secretKey: 's3a.secretKey',
  sessionToken: 's3a.sessionToken',
  profile: 's3a.profile',
  webIdentityTokenFile: 's3a.webIdentityTokenFile',
  roleArn: 's3a.roleArn',
  roleSessionName: 's3a.roleSessionName',
  anonymous: 's3a.anonymous',
} as const;

const COMMON = [Property.ufsCallTimeout.name, Property.ufsAttemptTimeout.name, Property.ufsConnectionsMax.name];
const S3 = [...Object.values(S3_OPTION), Property.s3Endpoint.name, Property.s3Region.name, Property.s3PathStyle.name, Property.s3InheritAcl.name];
/** Of the mount, not of its store: clients and workers read it there. */
const MOUNT = [Property.clientMetadataMaxAge.name];
const KNOWN: ReadonlySet<string> = new Set([...COMMON, ...S3, ...MOUNT]);
/** Names below these that we do not know are mistakes; below the other free-form prefixes they may be meant for stores of another kind. */
const OURS = ['s3a.', 'alluxio.underfs.s3.'];

function isRefused(name: string, isStrict: boolean): boolean {
  if (KNOWN.has(name)) return false;
  return isStrict || OURS.some((prefix) => name.startsWith(prefix)) || !FREE_FORM_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/**
 * @param isStrict true for options that a person gives to one mount: every unknown name is refused; false: names that may belong to other stores pass
 * @throws InvalidConfiguration naming the option and the nearest known one
 */
export function refuseUnknownOptions(options: Readonly<Record<string, string>>, isStrict: boolean): void {
  for (const name of Object.keys(options)) {
    if (!isRefused(name, isStrict)) continue;
    const near = nearestName(name, KNOWN);
    throw new CacheError('InvalidConfiguration', `No UFS has the option '${name}'.`, {
      source: 'caller',
      context: { field: name, remedy: near === undefined ? `Options are ${[...KNOWN].join(', ')}.` : `Did you mean ${near}?` },
    });
  }
}

/** Typed access to the options of one mount. */
export class OptionReader {
  readonly #options: Readonly<Record<string, string>>;

  constructor(options: Readonly<Record<string, string>>) {
    this.#options = options;
  }

  /** The option as written; undefined when unset or empty. */
  text(name: string): string | undefined {
    const text = this.#options[name]?.trim();
    return text === '' ? undefined : text;
  }

  /** @throws InvalidConfiguration */
  flag(name: string): boolean {
    const text = this.text(name) ?? 'false';
    if (text !== 'true' && text !== 'false') throw invalidOption(name, text, 'It must be true or false.');
    return text === 'true';
  }

  /** @throws InvalidConfiguration */
  get<T>(spec: PropertySpec<T>): T {
    const text = this.text(spec.name);
    if (text === undefined) return spec.defaultValue;
    const parsed = spec.parse(text);
    if ('fault' in parsed) throw invalidOption(spec.name, text, `It ${parsed.fault}.`);
    return parsed.value;
  }
}

export function invalidOption(name: string, value: string, remedy: string): CacheError {
  const shown = looksSecret(name) ? '******' : value;
  return new CacheError('InvalidConfiguration', `The option ${name}=${shown} is not valid.`, { source: 'caller', context: { field: name, value: shown, remedy } });
}

export interface CallSettings {
  readonly callTimeoutMs: number;
  /** Without a byte. */
  readonly attemptTimeoutMs: number;
  readonly connectionsMax: number;
}

export const callSettings = (options: OptionReader): CallSettings => ({
  callTimeoutMs: options.get(Property.ufsCallTimeout),
  attemptTimeoutMs: options.get(Property.ufsAttemptTimeout),
  connectionsMax: options.get(Property.ufsConnectionsMax),
});
