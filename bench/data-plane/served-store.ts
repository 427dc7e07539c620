// Process of the data-plane bench: a page store with one file, served by the data plane. Prints one JSON line, ends with its standard input.
import { join } from 'node:path';
import { openPageStore } from '../../cache/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { openDataPlane } from '../../worker/data-plane/index.ts';

const [directory = '', threadsText = '2', pagesText = '64'] = process.argv.slice(2);
const PAGE_BYTES = 4 << 20;
const pages = Number(pagesText);
const fileId = Buffer.alloc(16, 0xab);
const threads = Number(threadsText);
const store = await openPageStore({
  directories: [{ path: join(directory, 'pages'), capacityBytes: (pages + 64) * PAGE_BYTES }],
  pageSizeBytes: PAGE_BYTES,
  evictor: 'LRU',
  clusterUid: 'bench',
  workerUuid: 'bench',
  hitRings: threads,
});
const file = store.admitFile({ fileId, ufsUri: 's3://bench/file', version: '1', lengthBytes: pages * PAGE_BYTES });
const bytes = Buffer.alloc(PAGE_BYTES, 'page');
for (let page = 0; page < pages; page++) {
  const reservation = store.reserve(file, page);
  if (typeof reservation === 'string') throw new CacheError('CacheFull', `The bench's page was refused: ${reservation}.`);
  reservation.write(0, bytes);
  reservation.commit(bytes);
}
const plane = await openDataPlane({
  host: '127.0.0.1',
  port: 0,
  unixPath: join(directory, 's'),
  pages: store,
  handler: { handle: (_request, reply) => reply.fail(new CacheError('Internal', 'The bench reads cached pages only.')) },
  keys: { clusterUid: 'bench', dataPlaneKey: Buffer.alloc(32, 1) },
  threads,
});
process.stdout.write(`${JSON.stringify({ port: plane.port, fileId: fileId.toString('hex'), fileBytes: pages * PAGE_BYTES, native: plane.native })}\n`);
const close = async (): Promise<void> => {
  await plane.close();
  await store.close();
};
process.stdin.resume().once('end', () => void close());
