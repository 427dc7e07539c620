// A worker: `node worker/main.ts --conf DIRECTORY -Dname=value …`
import { runProcess } from '../common/process/index.ts';
import { startWorker } from './worker-process.ts';

await runProcess('worker', process, (context) => startWorker(context));
