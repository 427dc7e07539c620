// Pages of a listing: the XML of ListObjectsV2 as entries in byte order. Keys come percent-encoded, so that any byte survives XML.
import { XMLParser } from 'fast-xml-parser';
import { compareNames } from '../../common/namespace/index.ts';
import { directoryStatus, fileStatus } from '../entry-status.ts';
import type { UfsEntry, UfsKey } from '../under-file-system.ts';
import { decodeListedKey } from './key-encoding.ts';
import { lengthOf, timeMs, versionOfEtag } from './object-facts.ts';
import { brokenResponse } from './s3-errors.ts';

interface ListedObject {
  readonly Key?: string;
  readonly LastModified?: string;
  readonly ETag?: string;
  readonly Size?: string;
  readonly StorageClass?: string;
}
interface ListBucketResult {
  readonly EncodingType?: string;
  readonly IsTruncated?: string;
  readonly NextContinuationToken?: string;
  readonly Contents?: readonly ListedObject[];
  readonly CommonPrefixes?: readonly { readonly Prefix?: string }[];
}

// Entities are resolved here: the parser bounds how many a document may have, and every ETag has two.
const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  isArray: (name) => name === 'Contents' || name === 'CommonPrefixes',
});
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export function xmlText(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/g, (_, hex?: string, decimal?: string, name?: string) =>
    name === undefined ? String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)) : ENTITIES[name]!,
  );
}

export interface ListPage {
  readonly entries: readonly UfsEntry[];
  /** Greatest key of the page, as the store counts: directories with their slash. */
  readonly lastKey: string | undefined;
  readonly isTruncated: boolean;
  readonly continuationToken: string | undefined;
}

export interface ListPlace {
  readonly rootUri: string;
  /** Keys of the mount follow this. */
  readonly rootPrefix: string;
  /** Full prefix that was asked for. */
  readonly prefix: string;
  /** Full key; stores may roll keys up into a directory that does not lie behind it. */
  readonly startAfter: string | undefined;
}

/** @throws UfsUnavailable for what is no listing, or of another prefix */
export function parseListing(body: Buffer, place: ListPlace): ListPage {
  const result = listResult(body);
  const keyOf = (text: string | undefined): string => {
    if (text === undefined || text === '') throw brokenResponse('The store listed something without a key.');
    return result.EncodingType === 'url' ? decodeListedKey(xmlText(text)) : xmlText(text);
  };
  const rows = [
    ...(result.Contents ?? []).map((object) => ({ sortKey: keyOf(object.Key), object })),
    ...(result.CommonPrefixes ?? []).map(({ Prefix }) => ({ sortKey: keyOf(Prefix), object: undefined })),
  ];
  if (result.Contents !== undefined && result.CommonPrefixes !== undefined) rows.sort((a, b) => compareNames(a.sortKey, b.sortKey));
  const entries: UfsEntry[] = [];
  for (const { sortKey, object } of rows) {
    if (!sortKey.startsWith(place.prefix)) throw brokenResponse('The store listed a key outside the prefix.');
    if (place.startAfter !== undefined && compareNames(sortKey, place.startAfter) <= 0) continue;
    entries.push(entryOf(sortKey.slice(place.rootPrefix.length), object, place));
  }
  const token = result.NextContinuationToken;
  return { entries, lastKey: rows.at(-1)?.sortKey, isTruncated: result.IsTruncated === 'true', continuationToken: token === undefined ? undefined : xmlText(token) };
}

/** The parser forgives a document that breaks off, which would pass for a short listing. */
const END = /<(?:\/ListBucketResult|ListBucketResult[^<>]*\/)>\s*$/;

function listResult(body: Buffer): ListBucketResult {
  if (!END.test(body.toString('latin1', Math.max(0, body.length - 512)))) throw brokenResponse('The store answered something else than a whole listing.');
  let document: { ListBucketResult?: ListBucketResult | '' };
  try {
    document = parser.parse(body) as typeof document;
  } catch (error) {
    throw brokenResponse('The store answered a listing that is no XML.', { detail: error instanceof Error ? error.message : undefined });
  }
  if (document.ListBucketResult === undefined) throw brokenResponse('The store answered something else than a listing.');
  return document.ListBucketResult === '' ? {} : document.ListBucketResult;
}

function entryOf(key: UfsKey, object: ListedObject | undefined, { rootUri }: ListPlace): UfsEntry {
  if (object === undefined) {
    const directory = key.slice(0, -1);
    return { key: directory, status: directoryStatus(rootUri, directory) };
  }
  const length = lengthOf(object.Size);
  if (object.ETag === undefined || !Number.isSafeInteger(length)) throw brokenResponse('The store listed an object without ETag or size.');
  const facts = { length, mtimeMs: timeMs(object.LastModified), version: versionOfEtag(xmlText(object.ETag)) };
  return { key, status: fileStatus(rootUri, key, { ...facts, ...(object.StorageClass !== undefined && { storageClass: object.StorageClass }) }) };
}
