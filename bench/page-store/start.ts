// A process of its own for the figure "start and serve": opens the store given as JSON in argv, verifies and reads one page through the table, and tells how long it took and
// how much memory the process has.
import { readFileSync } from 'node:fs';
import { attachPageTable, openPageStore, type PageStoreOptions } from '../../cache/index.ts';

const residentMib = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;
const { options, fileIdHex } = JSON.parse(process.argv[2]!) as { readonly options: PageStoreOptions; readonly fileIdHex: string };
const fileId = Buffer.from(fileIdHex, 'hex');

const before = residentMib();
const cpuBefore = process.cpuUsage();
const startMs = performance.now();
const store = await openPageStore(options);
const openedMs = performance.now() - startMs;
const file = store.findFile(fileId)!;
const isServed = (await store.verify(file, 0)) && attachPageTable(store.shared, 0).acquire(fileId, 0, 0, 4096) >= 0;
const servedMs = performance.now() - startMs;
const { user, system } = process.cpuUsage(cpuBefore);
console.log(JSON.stringify({ openedMs, servedMs, cpuMs: (user + system) / 1000, isServed, pages: store.usage().pages, residentMib: residentMib(), beforeMib: before }));
process.kill(process.pid, 'SIGKILL'); // not closed: the index stays as it was for the next round
