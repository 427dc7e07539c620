// The bench's link of limited speed: bench/ceiling/cold-link.c before the server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Cleanup } from '../cleanup.ts';
import { nativeProgram } from '../native-program.ts';

export interface LinkSpeed {
  readonly bytesPerSecond: number;
  /** Of every request, before it reaches the server. */
  readonly latencyMs: number;
}

/** @returns the endpoint behind the link */
export async function startSlowLink(cleanup: Cleanup, endpoint: string, { bytesPerSecond, latencyMs }: LinkSpeed): Promise<string> {
  const child = spawn(nativeProgram('cold-link'), [new URL(endpoint).port, String(bytesPerSecond), String(latencyMs * 1000)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const gone = once(child, 'close');
  cleanup.add(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  const [port] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), gone])) as [string | number | null];
  if (typeof port !== 'string') throw new Error(`cold-link ended with ${port}`);
  return `http://127.0.0.1:${port}`;
}
