// A process that opens a page store, says so, and fills until it is killed. Each line on stdout is one JSON object. Started by crash.component.test.ts.
import { openPageStore, type PageStoreOptions } from '../index.ts';
import { contentOf, knownFile } from './known-content.ts';

const { options, files, fileBytes, seed } = JSON.parse(process.argv[2]!) as {
  readonly options: PageStoreOptions;
  readonly files: number;
  readonly fileBytes: number;
  readonly seed: number;
};
const FLUSH_EVERY = 8;
const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

let state = seed >>> 0;
const random = (below: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const store = await openPageStore(options);
say({ ready: true, pages: store.usage().pages });
let fresh: string[] = [];
for (let step = 1; ; step++) {
  const number = random(files);
  const file = knownFile(`f${number}`, fileBytes);
  const page = random(Math.ceil(fileBytes / store.pageSizeBytes));
  const reservation = store.reserve(store.admitFile(file), page);
  if (typeof reservation !== 'string') {
    const bytes = contentOf(file.fileId, page * store.pageSizeBytes, reservation.lengthBytes);
    const half = Math.floor(bytes.length / 8) * 4;
    reservation.write(0, bytes.subarray(0, half));
    await new Promise((resolve) => setImmediate(resolve)); // killed in the middle of pages too
    reservation.write(half, bytes.subarray(half));
    reservation.commit(bytes);
    fresh.push(`${number} ${page}`);
  }
  if (step % FLUSH_EVERY !== 0) continue;
  await store.flush();
  say({ flushed: fresh });
  fresh = [];
  if (step % (FLUSH_EVERY * 16) === 0) await store.free({ fileId: knownFile(`f${random(files)}`, fileBytes).fileId });
}
