// A page-store directory whose index knows a million pages, one of which lies there: what a worker finds after weeks, made in a second.
import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { randomFillSync } from 'node:crypto';
import { openPageStore, type PageStoreOptions } from '../../cache/index.ts';
import { encodeHeader, RecordBuffer } from '../../cache/index-log/record-codec.ts';
import { fileIdOf, pageChecksum } from '../../common/hash/index.ts';

const GROUP_BYTES = 4 * 1024 * 1024;

export interface Shape {
  readonly files: number;
  readonly pagesPerFile: number;
}

/** @returns fileId of the file whose first page lies on the disk */
export async function writeIndex(options: PageStoreOptions, shape: Shape): Promise<Uint8Array> {
  const { pageSizeBytes } = options;
  const ufsUri = 's3://bucket/train/served.bin';
  const fileId = fileIdOf(ufsUri, 'v1');
  const bytes = randomFillSync(Buffer.alloc(pageSizeBytes));
  const store = await openPageStore(options);
  const reservation = store.reserve(store.admitFile({ fileId, ufsUri, version: 'v1', lengthBytes: pageSizeBytes }), 0);
  if (typeof reservation === 'string') throw new Error(`the page was refused: ${reservation}`);
  reservation.write(0, bytes);
  reservation.commit(bytes);
  await store.close();

  const folder = join(options.directories[0]!.path, 'index');
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  const fd = openSync(join(folder, 'snapshot-0000000001'), 'w');
  writeSync(fd, encodeHeader('snapshot', pageSizeBytes));
  const buffer = new RecordBuffer(2 * GROUP_BYTES, 1);
  const drain = (): void => {
    writeSync(fd, buffer.bytes, 0, buffer.length);
    buffer.reset();
  };
  const checksum = pageChecksum(bytes);
  buffer.file(fileId, pageSizeBytes, Buffer.from(ufsUri), Buffer.from('v1'));
  buffer.pages(fileId, Uint32Array.of(0, Number(checksum & 0xffffffffn), Number(checksum >> 32n)), 1);
  const entries = Uint32Array.from({ length: shape.pagesPerFile * 3 }, (_, i) => (i % 3 === 0 ? i / 3 : (i * 0x9e3779b1) >>> 0));
  for (let i = 1; i < shape.files; i++) {
    const id = randomFillSync(Buffer.alloc(16));
    buffer.file(id, shape.pagesPerFile * pageSizeBytes, Buffer.from(`s3://bucket/train/n${String(i % 1000).padStart(8, '0')}/image-${i}.jpg`), Buffer.from(id.toString('hex')));
    buffer.pages(id, entries, shape.pagesPerFile);
    if (buffer.length > GROUP_BYTES) drain();
  }
  buffer.end({ files: buffer.filesTotal, pages: buffer.pagesTotal });
  drain();
  closeSync(fd);
  return fileId;
}
