// Child processes that use a mount: the test's own process serves it, so it must not block on it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('./mount-user.ts', import.meta.url));
const ENVIRONMENT = { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' };

/** Runs a command of mount-user.ts. */
export async function useMount<T>(command: string, ...args: readonly string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, command, ...args], { env: ENVIRONMENT, maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as T;
}

/** A process that has the file open; resolves once it has. */
export async function holdOpen(path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SCRIPT, 'hold', path], { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the holder ended with ${String(code)}`)));
  });
  return child;
}

export const ended = (child: ChildProcess): Promise<NodeJS.Signals | number | null> => new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));

export async function run(command: string, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(command, args, { maxBuffer: 1 << 28 })).stdout;
}

/** Asks again until it holds; the test's time-out ends it otherwise. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
