// Where an S3 mount lives and how it is spoken to, read from its URI and options.
import { isIP } from 'node:net';
import { Property } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { parseUfsUri, printableName, ufsRootUri } from '../../common/namespace/index.ts';
import { type CallSettings, callSettings, invalidOption, type OptionReader, S3_OPTION } from '../mount-options.ts';
import { type CredentialSource, credentialSource } from './credentials.ts';

export interface S3Settings extends CallSettings {
  readonly rootUri: string;
  readonly bucket: string;
  /** Key prefix of the mount: '' or with a closing slash. */
  readonly rootPrefix: string;
  /** undefined: AWS. */
  readonly endpoint: URL | undefined;
  /** undefined: learnt from the first answer. */
  readonly region: string | undefined;
  readonly pathStyle: boolean;
  readonly credentials: CredentialSource;
}

const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;
const REGION = /^[A-Za-z0-9-]+$/;

/** @throws InvalidConfiguration, InvalidArgument (no URI) */
export function s3Settings(ufsUri: string, options: OptionReader): S3Settings {
  const { authority: bucket, path } = parseUfsUri(ufsUri);
  if (!BUCKET.test(bucket)) {
    throw new CacheError('InvalidConfiguration', `'${printableName(bucket)}' is not a bucket name.`, {
      source: 'caller',
      context: { field: 'ufsUri', value: printableName(ufsUri), remedy: 'Write s3://bucket/prefix with 3 or more letters, digits, dots or dashes for the bucket.' },
    });
  }
  const endpoint = endpointUrl(options.text(Property.s3Endpoint.name));
  const region = options.text(Property.s3Region.name);
  if (region !== undefined && !REGION.test(region)) throw invalidOption(Property.s3Region.name, region, 'Write a region name like us-east-1.');
  options.get(Property.s3InheritAcl);
  const rootPrefix = path.replace(/^\//, '');
  return {
    ...callSettings(options),
    rootUri: ufsRootUri(ufsUri),
    bucket,
    rootPrefix: rootPrefix === '' || rootPrefix.endsWith('/') ? rootPrefix : `${rootPrefix}/`,
    endpoint,
    region,
    pathStyle: options.get(Property.s3PathStyle) || !canBeHostName(bucket, endpoint),
    credentials: credentialSource((name) => options.text(name), options.flag(S3_OPTION.anonymous)),
  };
}

function endpointUrl(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : `https://${text}`);
  const isPlain = url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '' && !/^[a-z]+:\/\//i.test(text.replace(/^https?:\/\//i, ''));
  if (!isPlain) throw invalidOption(Property.s3Endpoint.name, text, 'Write http://host:port or https://host:port.');
  return url;
}

/** A dot in the bucket breaks TLS certificates, capitals and underscores are no host names, and an address has no names below it. */
function canBeHostName(bucket: string, endpoint: URL | undefined): boolean {
  if (!/^[a-z0-9-]+$/.test(bucket)) return false;
  const host = endpoint?.hostname.replace(/^\[|\]$/g, '') ?? '';
  return isIP(host) === 0 && host !== 'localhost';
}

/** Scheme, host and path below which the bucket's keys lie. */
export interface BucketAddress {
  /** `https://bucket.s3.eu-west-1.amazonaws.com` */
  readonly origin: string;
  /** Value of the Host header. */
  readonly host: string;
  /** '' or `/bucket`, percent-encoded, no closing slash. */
  readonly basePath: string;
}

export function bucketAddress(settings: S3Settings, region: string): BucketAddress {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const endpoint = settings.endpoint ?? new URL(`https://s3.${region}.${suffix}`);
  const path = endpoint.pathname.replace(/\/+$/, '');
  const host = settings.pathStyle ? endpoint.host : `${settings.bucket}.${endpoint.host}`;
  return { origin: `${endpoint.protocol}//${host}`, host, basePath: settings.pathStyle ? `${path}/${settings.bucket}` : path };
}
