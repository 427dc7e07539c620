// Sources are compiled once and kept, in NODE_COMPILE_CACHE or below the user's cache directory: a process that was killed serves again twice as fast.
// main.ts calls this before it loads the rest, so this file imports nothing of ours.
import { enableCompileCache, flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const FLUSH_DELAY_MS = 5000;

/** @param env of the process; the folder is written into it for the process's threads */
export function keepCompiled(env: NodeJS.ProcessEnv): void {
  const folder = env['NODE_COMPILE_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'alluxio-ts', 'compiled');
  enableCompileCache(folder);
  env['NODE_COMPILE_CACHE'] = folder;
  setTimeout(flushCompileCache, FLUSH_DELAY_MS).unref(); // a killed process writes nothing at its end
}
