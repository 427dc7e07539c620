// The FUSE daemon: `node fuse/main.ts --conf DIRECTORY -Dname=value …`
import { keepCompiled } from '../common/process/compile-cache.ts';
import { widenThreadPool } from '../common/process/thread-pool.ts';

keepCompiled(process.env);
widenThreadPool(process.env);
const { runProcess } = await import('../common/process/index.ts');
const { startFuse } = await import('./fuse-process.ts');
await runProcess('fuse', process, startFuse);
