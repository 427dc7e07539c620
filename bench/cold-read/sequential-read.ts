// One file read from begin to end by dd in pieces of 1 MiB, with the CPU that the processes behind the mount spent on it.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LoadResult } from './loader-contract.ts';
import { cpuSecondsOf } from './process-cpu.ts';

const TIMEOUT_MS = 120_000;

/** @param pids of the processes that serve the mount. @throws when not every byte came */
export async function sequentialRead(path: string, bytes: number, pids: readonly number[]): Promise<LoadResult> {
  const cpuBefore = cpuSecondsOf(pids);
  const startMs = performance.now();
  const { stderr } = await promisify(execFile)('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M'], { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', env: { ...process.env, LC_ALL: 'C' } });
  const seconds = (performance.now() - startMs) / 1000;
  const read = Number(/^(\d+) bytes/m.exec(stderr)?.[1]);
  if (read !== bytes) throw new Error(`dd read ${read} of the ${bytes} bytes of ${path}`);
  return { seconds, bytes, cpuSeconds: cpuSecondsOf(pids) - cpuBefore };
}
