// Names as strings that stand for bytes (see ByteName): conversion, byte order, and a form that is safe to print. Owns no paths.
import { isUtf8 } from 'node:buffer';
import type { ByteName } from '../api/index.ts';
import { CacheError } from '../errors/index.ts';

const ESCAPE_BASE = 0xdc00;
const isSurrogate = (unit: number): boolean => (unit & 0xf800) === 0xd800;
const isEscapedByte = (codePoint: number): boolean => codePoint >= 0xdc80 && codePoint <= 0xdcff;

/** Bytes that a name stands for. @throws InvalidArgument for a lone surrogate outside U+DC80 … U+DCFF, which stands for nothing. */
export function encodeName(name: ByteName): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, 'utf8');
  const parts: Buffer[] = [];
  let wellFormed = '';
  for (const character of name) {
    const codePoint = character.codePointAt(0)!;
    if (!isSurrogate(codePoint) || codePoint > 0xffff) {
      wellFormed += character;
      continue;
    }
    if (!isEscapedByte(codePoint)) {
      throw new CacheError('InvalidArgument', 'A name holds a lone surrogate that stands for no byte.', {
        source: 'caller',
        context: { field: 'name', codePoint: codePoint.toString(16) },
      });
    }
    parts.push(Buffer.from(wellFormed, 'utf8'), Buffer.of(codePoint - ESCAPE_BASE));
    wellFormed = '';
  }
  parts.push(Buffer.from(wellFormed, 'utf8'));
  return Buffer.concat(parts);
}

/** Smallest and largest second byte that a lead byte allows: rules out overlong forms, surrogates and what lies beyond U+10FFFF. */
function secondByteRange(lead: number): readonly [number, number] {
  if (lead === 0xe0) return [0xa0, 0xbf];
  if (lead === 0xed) return [0x80, 0x9f];
  if (lead === 0xf0) return [0x90, 0xbf];
  if (lead === 0xf4) return [0x80, 0x8f];
  return [0x80, 0xbf];
}

function lengthOfLead(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/** Length of the valid UTF-8 sequence at `at`; 0 when the byte there starts none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  const length = lengthOfLead(lead);
  if (length <= 1) return length;
  if (at + length > bytes.length) return 0;
  const [low, high] = secondByteRange(lead);
  const second = bytes[at + 1]!;
  if (second < low || second > high) return 0;
  for (let i = at + 2; i < at + length; i++) if ((bytes[i]! & 0xc0) !== 0x80) return 0;
  return length;
}

/** The name of these bytes; `encodeName` gives the same bytes back. */
export function decodeName(bytes: Uint8Array): ByteName {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  let name = '';
  let validFrom = 0;
  for (let at = 0; at < buffer.length; ) {
    const length = sequenceLength(buffer, at);
    if (length === 0) {
      name += buffer.toString('utf8', validFrom, at) + String.fromCharCode(ESCAPE_BASE + buffer[at]!);
      validFrom = at + 1;
    }
    at += Math.max(1, length);
  }
  return name + buffer.toString('utf8', validFrom);
}

/** Whether a string from outside (JSON, a command line) is the one canonical name of its bytes. */
export function isByteName(name: string): boolean {
  if (name.isWellFormed()) return true;
  for (const character of name) {
    const codePoint = character.codePointAt(0)!;
    if (codePoint <= 0xffff && isSurrogate(codePoint) && !isEscapedByte(codePoint)) return false;
  }
  return decodeName(encodeName(name)) === name;
}

/** Order of the bytes (memcmp), as object stores list keys. JavaScript's own order differs beyond U+FFFF and for escaped bytes. */
export function compareNames(a: ByteName, b: ByteName): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  let at = 0;
  while (at < shorter && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === shorter) return a.length < b.length ? -1 : 1;
  const unitA = a.charCodeAt(at);
  const unitB = b.charCodeAt(at);
  if (!isSurrogate(unitA) && !isSurrogate(unitB)) return unitA < unitB ? -1 : 1;
  // The first difference may be the second half of a pair: step back to its start, then let the bytes decide.
  const from = at > 0 && (a.charCodeAt(at - 1) & 0xfc00) === 0xd800 ? at - 1 : at;
  return Buffer.compare(encodeName(a.slice(from)), encodeName(b.slice(from)));
}

const hexEscapes = (text: string): string => [...encodeName(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
// Control characters, line separators and bidirectional overrides would let a name forge terminal output; escaped bytes are not text at all.
// eslint-disable-next-line no-control-regex -- they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\udc80-\udcff]/gu;

/** The name for people: invalid bytes and control characters as \xNN, a backslash doubled. One line, reversible. */
export function printableName(name: ByteName): string {
  return name.replaceAll('\\', '\\\\').replace(UNPRINTABLE, hexEscapes);
}

/** Bytes of a name without building them when it is plain. */
export const nameLengthBytes = (name: ByteName): number => (name.isWellFormed() ? Buffer.byteLength(name, 'utf8') : encodeName(name).length);

/** The name that a person typed: `\xNN` and `\\` as `printableName` writes them; any other backslash stands for itself. */
export function parsePrintableName(text: string): ByteName {
  if (!text.includes('\\')) return text;
  const parts: Buffer[] = [];
  for (const [part, hex] of text.matchAll(/\\x([0-9a-fA-F]{2})|\\\\|[^\\]+|\\/g)) {
    if (hex !== undefined) parts.push(Buffer.from(hex, 'hex'));
    else parts.push(encodeName(part === '\\\\' ? '\\' : part));
  }
  return decodeName(Buffer.concat(parts));
}
