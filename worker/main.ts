// A worker: `node worker/main.ts --conf DIRECTORY -Dname=value …`
import { keepCompiled } from '../common/process/compile-cache.ts';
import { widenThreadPool } from '../common/process/thread-pool.ts';

keepCompiled(process.env);
widenThreadPool(process.env);
const { runProcess } = await import('../common/process/index.ts');
const { startWorker } = await import('./worker-process.ts');
await runProcess('worker', process, (context) => startWorker(context));
