// A daemon that is killed: `node doomed-daemon.ts MOUNTPOINT` mounts, prints a line and serves until then.
import { MountedFuse } from './mounted-fuse.ts';

await MountedFuse.start((ufs) => ufs.put('a', 'a'), { daemon: { mountPoint: process.argv[2]! } });
console.log('mounted');
