// A terminal for tests: what a command writes is kept, the environment is what the test says.
import { join } from 'node:path';
import type { Terminal } from '../command-context.ts';
import { reportFailure } from '../exit.ts';
import { buildProgram } from '../program.ts';

export interface CommandResult {
  readonly out: string;
  readonly err: string;
  readonly exitCode: number;
}

export const ROOT = join(import.meta.dirname, '../..');

/** Runs a command line in this process. */
export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CommandResult> {
  let [out, err, exitCode] = ['', '', 0];
  const sink = (take: (text: string) => void) => ({
    write(text: string | Uint8Array, done?: unknown): boolean {
      take(typeof text === 'string' ? text : Buffer.from(text).toString('latin1'));
      if (typeof done === 'function') (done as () => void)();
      return true;
    },
  });
  const terminal: Terminal = { out: sink((text) => (out += text)), err: sink((text) => (err += text)), env, signal, root: ROOT, node: process.execPath };
  try {
    await buildProgram(terminal, '1.2.3').parseAsync(['node', 'alluxio', ...args]);
  } catch (error) {
    exitCode = reportFailure(error, (line) => void (err += line));
  }
  return { out, err, exitCode };
}
