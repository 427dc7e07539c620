// A worker: `node worker/main.ts --conf DIRECTORY -Dname=value …`
// Sources are compiled once and kept (NODE_COMPILE_CACHE, or below the user's cache directory): a worker that was killed serves again twice as fast.
import { enableCompileCache, flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const FLUSH_DELAY_MS = 5000;
const folder = process.env['NODE_COMPILE_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'alluxio-ts', 'compiled');
enableCompileCache(folder);
process.env['NODE_COMPILE_CACHE'] = folder; // for the data threads
setTimeout(flushCompileCache, FLUSH_DELAY_MS).unref(); // a killed process writes nothing at its end

const { runProcess } = await import('../common/process/index.ts');
const { startWorker } = await import('./worker-process.ts');
await runProcess('worker', process, (context) => startWorker(context));
