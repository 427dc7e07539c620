// The bench's data: one big file, as pages and as a whole, and many small ones.
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const PAGE_BYTES = 4 << 20;
export const PAGES = 256;
export const BIG_BYTES = PAGES * PAGE_BYTES;
export const SMALL_FILES = 10_000;
export const SMALL_BYTES = 16 * 1024;

function pageOf(index: number): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  for (let at = 0; at < PAGE_BYTES; at += 4) page.writeUInt32LE((Math.imul(at + 1, 2_654_435_761) ^ Math.imul(index + 1, 40_503)) >>> 0, at);
  return page;
}

/** Below `directory`: pages/0 … for the ceiling, source/big for the workers, small files under both names. */
export function writeData(directory: string): { readonly ceiling: string; readonly source: string } {
  const ceiling = join(directory, 'ceiling');
  const source = join(directory, 'source');
  for (const path of [join(ceiling, 'pages'), join(ceiling, 'small'), join(source, 'small')]) mkdirSync(path, { recursive: true });
  const big = openSync(join(source, 'big'), 'w');
  for (let index = 0; index < PAGES; index++) {
    const page = pageOf(index);
    writeFileSync(join(ceiling, 'pages', String(index)), page);
    writeSync(big, page);
  }
  closeSync(big);
  const small = pageOf(PAGES).subarray(0, SMALL_BYTES);
  for (let index = 0; index < SMALL_FILES; index++) {
    small.writeUInt32LE(index, 0);
    writeFileSync(join(ceiling, 'small', `s${index}`), small);
    writeFileSync(join(source, 'small', `s${index}`), small);
  }
  return { ceiling, source };
}
