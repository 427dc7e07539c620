// Threads for calls that block in the kernel: files of a NAS, names of hosts. main.ts calls this before it loads the rest, so this file imports nothing of ours.

/** Enough for several NAS that hang at the same time, each of which may keep `LANES` of ufs/local busy. Idle threads cost a few KiB. */
const THREADS = 128;

/**
 * libuv has four threads by default: four calls to a NAS that hangs, and no name is resolved and no page is verified any more, for any mount.
 * @param env of the process; libuv reads it at the first use of the pool
 */
export function widenThreadPool(env: NodeJS.ProcessEnv): void {
  env['UV_THREADPOOL_SIZE'] ??= String(THREADS);
}
