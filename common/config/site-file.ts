// `alluxio-site.properties`: where it lies, and the format of Java properties files. Owns reading lines; knows nothing of which properties exist.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CacheError } from '../errors/index.ts';

export interface SiteLine {
  readonly name: string;
  readonly value: string;
  /** Where the property begins, from 1. */
  readonly line: number;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f' };
const unescape = (text: string): string =>
  text.replace(/\\(u([0-9a-fA-F]{4})|[^])/g, (_, escaped: string, hex: string | undefined) =>
    hex === undefined ? (ESCAPES[escaped] ?? escaped) : String.fromCharCode(Number.parseInt(hex, 16)),
  );

/** Lines with their continuations joined: an odd number of backslashes at the end continues. */
function* logicalLines(text: string): Generator<{ readonly text: string; readonly line: number }> {
  let pending = '';
  let start = 0;
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const trimmed = raw.trimStart();
    if (start === 0 && (trimmed === '' || /^[#!]/.test(trimmed))) continue;
    if (start === 0) start = index + 1;
    if (/(^|[^\\])(\\\\)*\\$/.test(trimmed)) {
      pending += trimmed.slice(0, -1);
      continue;
    }
    yield { text: pending + trimmed, line: start };
    pending = '';
    start = 0;
  }
  if (pending !== '') yield { text: pending, line: start };
}

/** Name up to the first unescaped `=`, `:` or white space, then the value. */
const PROPERTY = /^((?:\\[^]|[^\s=:\\])+)(?:\s*[=:]\s*|\s+|$)([^]*)$/;

/** @param text of the file. A line that is no property comes with an empty name. */
export function parseSiteFile(text: string): SiteLine[] {
  return [...logicalLines(text.replace(/^\ufeff/, ''))].map(({ text: content, line }) => {
    const match = PROPERTY.exec(content);
    return match === null ? { name: '', value: content, line } : { name: unescape(match[1]!), value: unescape(match[2]!.trimEnd()), line };
  });
}

/** @throws InvalidConfiguration when the file cannot be read */
export function readSiteFile(file: string): SiteLine[] {
  try {
    return parseSiteFile(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CacheError('InvalidConfiguration', `The site file ${file} cannot be read.`, {
      source: 'caller',
      context: { file, reason: (error as NodeJS.ErrnoException).code, remedy: 'Check the path and its permissions.' },
      cause: error,
    });
  }
}

export const SITE_FILE = 'alluxio-site.properties';

/** The site file of a configuration directory that somebody named; none without a directory. @throws InvalidConfiguration when the directory has none */
export function siteFilesOf(confDir: string | undefined): string[] {
  if (confDir === undefined) return [];
  const file = join(confDir, SITE_FILE);
  if (existsSync(file)) return [file];
  throw new CacheError('InvalidConfiguration', `There is no ${SITE_FILE} in ${confDir}.`, { source: 'caller', context: { file, remedy: 'Check --conf and ALLUXIO_CONF_DIR.' } });
}
