// The FUSE daemon: `node fuse/main.ts --conf DIRECTORY -Dname=value …`
import { runProcess } from '../common/process/index.ts';
import { startFuse } from './fuse-process.ts';

await runProcess('fuse', process, startFuse);
