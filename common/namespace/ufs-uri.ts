// UFS URIs: scheme, authority, path. The path is opaque bytes: no percent-decoding, no folding.
import { posix } from 'node:path';
import type { ByteName } from '../api/index.ts';
import { CacheError } from '../errors/index.ts';
import { printableName } from './byte-name.ts';

export interface UfsUri {
  /** Lower case, `s3a` and `s3n` told as `s3`. */
  readonly scheme: string;
  /** Bucket, host:port or ''. */
  readonly authority: string;
  /** Begins with a slash, or '' when the URI ends after the authority. */
  readonly path: ByteName;
}

const URI = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/]*)((?:\/[^]*)?)$/;
const ALIASES: Readonly<Record<string, string>> = { s3a: 's3', s3n: 's3' };

/** `s3://bucket/prefix`, `file:///dir`, or `/dir`, which means `file:///dir`. @throws InvalidArgument */
export function parseUfsUri(uri: ByteName): UfsUri {
  if (uri.startsWith('/')) return { scheme: 'file', authority: '', path: uri };
  const match = URI.exec(uri);
  if (match === null) {
    throw new CacheError('InvalidArgument', `${printableName(uri) || "''"} is not a UFS URI.`, {
      source: 'caller',
      context: { field: 'ufsUri', value: printableName(uri), remedy: 'Write scheme://authority/path, for example s3://bucket/prefix or file:///directory.' },
    });
  }
  const scheme = match[1]!.toLowerCase();
  return { scheme: ALIASES[scheme] ?? scheme, authority: match[2]!, path: match[3]! };
}

/** The root of a mount as it prefixes every entry: with the closing slash. */
export function ufsRootUri(uri: ByteName): ByteName {
  const { scheme, authority, path } = parseUfsUri(uri);
  const root = scheme === 'file' ? posix.normalize(path === '' ? '/' : path) : path;
  return `${scheme}://${authority}${root.endsWith('/') ? root : `${root}/`}`;
}
