// Keys in URLs. Nothing is normalised: `a//b`, `a/./b` and `..` go out as they are, every other byte percent-encoded once, as signatures need it.
import { encodeName } from '../../common/namespace/index.ts';
import { decodeName } from '../../common/namespace/index.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`);
const PLAIN = /^[A-Za-z0-9/_.~-]*$/;

/** Unreserved characters and slashes stay. */
export function encodeKey(key: string): string {
  if (PLAIN.test(key)) return key;
  let out = '';
  for (const byte of encodeName(key)) {
    const character = String.fromCharCode(byte);
    out += PLAIN.test(character) ? character : HEX[byte];
  }
  return out;
}

/** A query value or name. */
export const encodeQuery = (text: string): string => encodeKey(text).replaceAll('/', '%2F');

/** The key of a listing with encoding-type=url, where a space may be a plus sign. */
export function decodeListedKey(text: string): string {
  if (!/[%+]/.test(text)) return text;
  const bytes = Buffer.from(
    text.replaceAll('+', ' ').replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  return decodeName(bytes);
}

export type Query = Readonly<Record<string, string>>;

/** In the order of names; '' without parameters. */
export function queryString(query: Query): string {
  const names = Object.keys(query).toSorted();
  return names.length === 0 ? '' : `?${names.map((name) => `${encodeQuery(name)}=${encodeQuery(query[name]!)}`).join('&')}`;
}
