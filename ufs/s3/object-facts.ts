// What responses tell of an object: version, length, time, metadata.
import type { FileFacts } from '../entry-status.ts';
import type { HttpHeaders } from './http-exchange.ts';
import { text } from './s3-client.ts';
import { brokenResponse } from './s3-errors.ts';

const VERSION_PREFIX = 'etag:';
const METADATA_PREFIX = 'x-amz-meta-';

/** Some servers leave the quotes out in listings. */
export const quotedEtag = (etag: string): string => (etag.endsWith('"') ? etag : `"${etag}"`);
export const versionOfEtag = (etag: string): string => VERSION_PREFIX + quotedEtag(etag);
/** undefined: no version of an S3 object. */
export const etagOfVersion = (version: string): string | undefined =>
  version.startsWith(`${VERSION_PREFIX}"`) || version.startsWith(`${VERSION_PREFIX}W/"`) ? version.slice(VERSION_PREFIX.length) : undefined;

/** Milliseconds; 0 when the store tells no time. */
export const timeMs = (value: string | undefined): number => {
  const ms = value === undefined ? Number.NaN : Date.parse(value);
  return Number.isNaN(ms) ? 0 : ms;
};

function userMetadata(headers: HttpHeaders): Record<string, string> | undefined {
  const names = Object.keys(headers).filter((name) => name.startsWith(METADATA_PREFIX));
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name.slice(METADATA_PREFIX.length), text(headers, name) ?? '']));
}

/** A length as stores write it; NaN for anything else: an empty text is no 0. */
export const lengthOf = (value: string | undefined): number => (/^\d{1,16}$/.test(value ?? '') ? Number(value) : Number.NaN);

/** Facts of a HEAD. @throws UfsUnavailable when the answer lacks what a version needs */
export function headFacts(headers: HttpHeaders): FileFacts {
  const [etag, length] = [text(headers, 'etag'), lengthOf(text(headers, 'content-length'))];
  if (etag === undefined || !Number.isSafeInteger(length)) throw brokenResponse('The store told no ETag or no length of the object.', { etag });
  const [contentType, storageClass, metadata] = [text(headers, 'content-type'), text(headers, 'x-amz-storage-class'), userMetadata(headers)];
  return {
    length,
    mtimeMs: timeMs(text(headers, 'last-modified')),
    version: versionOfEtag(etag),
    ...(contentType !== undefined && { contentType }),
    ...(storageClass !== undefined && { storageClass }),
    ...(metadata !== undefined && { userMetadata: metadata }),
  };
}
