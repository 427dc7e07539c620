// The two loaders of the bench: the UFS client in a process of its own, which stays warm over the rounds, and the native one.
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Cleanup } from '../cleanup.ts';
import { nativeProgram } from '../native-program.ts';
import type { Bucket } from './bucket.ts';
import type { LoadRequest, LoadResult } from './loader-contract.ts';

export interface Load {
  readonly keys: readonly string[];
  readonly endpoint: string;
  readonly rangeBytes: number;
  readonly inFlight: number;
}
export interface Loader {
  load(request: Load): Promise<LoadResult>;
}

function checked(result: LoadResult, bytes: number): LoadResult {
  if (result.bytes !== bytes) throw new Error(`the loader read ${result.bytes} bytes of ${bytes}`);
  return result;
}

const objectsOf = (bucket: Bucket, keys: readonly string[]) => [...bucket.parts, ...bucket.wholes].filter(({ key }) => keys.includes(key));
const bytesOf = (bucket: Bucket, keys: readonly string[]): number => objectsOf(bucket, keys).reduce((sum, { bytes }) => sum + bytes, 0);

/** @throws when the child ends instead */
async function nextAnswer(child: ChildProcess): Promise<LoadResult | { readonly error: string }> {
  const over = new AbortController();
  const ended = once(child, 'exit', { signal: over.signal }).then(([code, signal]) => {
    throw new Error(`the UFS loader ended with ${String(code ?? signal)}`);
  });
  try {
    const [answer] = (await Promise.race([once(child, 'message', { signal: over.signal }), ended])) as [LoadResult | { readonly error: string }];
    return answer;
  } finally {
    over.abort();
    ended.catch(() => undefined);
  }
}

export function ufsLoader(cleanup: Cleanup, bucket: Bucket): Loader {
  const child = fork(fileURLToPath(new URL('./ufs-loader.ts', import.meta.url)), { execArgv: [...process.execArgv], detached: true });
  cleanup.add(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  return {
    load: async ({ keys, endpoint, rangeBytes, inFlight }) => {
      const request: LoadRequest = { ufsUri: bucket.ufsUri, options: bucket.optionsAt(endpoint), keys, rangeBytes, inFlight };
      child.send(request);
      const answer = await nextAnswer(child);
      if ('error' in answer) throw new Error(`the UFS loader failed: ${answer.error}`);
      return checked(answer, bytesOf(bucket, keys));
    },
  };
}

/** @param scratch directory for the prepared requests */
export function nativeLoader(bucket: Bucket, scratch: string): Loader {
  const executable = nativeProgram('cold-loader');
  return {
    load: async ({ keys, endpoint, rangeBytes, inFlight }) => {
      const file = join(scratch, 'requests');
      writeFileSync(file, await bucket.rangeRequests(objectsOf(bucket, keys), rangeBytes, endpoint), { mode: 0o600 });
      const { stdout } = await promisify(execFile)(executable, [new URL(endpoint).port, String(inFlight), file]);
      return checked(JSON.parse(stdout) as LoadResult, bytesOf(bucket, keys));
    },
  };
}
