// One child process of the cluster under test: started by its main.ts, awaited until it says that it serves, killed by pid.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { guardProcess } from '../../tools/servers/index.ts';

export const ROOT = join(import.meta.dirname, '../..');

export interface ReadyLine {
  readonly ready: true;
  readonly role: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly [key: string]: unknown;
}

export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  readonly ready: ReadyLine;
  /** Everything it wrote to stderr so far. */
  stderr(): string;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it has gone. */
  exit(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** SIGKILL and wait. */
  kill(): Promise<void>;
  /** SIGTERM, SIGKILL after `timeoutMs`, and wait. */
  stop(timeoutMs?: number): Promise<void>;
}

export interface StartOptions {
  readonly name: string;
  /** Path of the main.ts from the repository's root. */
  readonly main: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly readyTimeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];

/** Runs to the end and gives what it printed: for starts that must fail and for commands. */
export async function runToEnd(main: string, args: readonly string[], timeoutMs = 30_000): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [...NODE_FLAGS, join(ROOT, main), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    env: environment({}),
  });
  const unguard = guardProcess(child.pid!);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  unguard();
  return { code, stdout, stderr };
}

function environment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...extra };
  delete env['NODE_OPTIONS']; // jest's own flags are not the cluster's
  for (const name of Object.keys(env)) if (name.startsWith('ALLUXIO_') && !(name in extra)) delete env[name];
  return env;
}

export async function startProcess(options: StartOptions): Promise<ManagedProcess> {
  const child = spawn(process.execPath, [...NODE_FLAGS, join(ROOT, options.main), ...options.args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment(options.env ?? {}) });
  const unguard = guardProcess(child.pid!);
  const gone = once(child, 'close').then(([code, signal]) => {
    unguard();
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const log = createWriteStream(options.logFile, { flags: 'a' });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-200_000);
    log.write(chunk);
  });
  const ready = await readyLine(child, options, gone, () => stderr);
  return {
    name: options.name,
    pid: child.pid!,
    ready,
    stderr: () => stderr,
    signal: (signal) => void child.kill(signal),
    exit: () => gone,
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
    stop: async (timeoutMs = 15_000) => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      await gone;
      clearTimeout(timer);
    },
  };
}

async function readyLine(child: ChildProcess, options: StartOptions, gone: Promise<{ code: number | null }>, stderr: () => string): Promise<ReadyLine> {
  const lines = createInterface({ input: child.stdout! });
  const timeoutMs = options.readyTimeoutMs ?? 20_000;
  let timer: NodeJS.Timeout | undefined;
  const found = new Promise<ReadyLine>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.startsWith('{') && line.includes('"ready"')) resolve(JSON.parse(line) as ReadyLine);
    });
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${options.name} was not ready in ${timeoutMs} ms\n${stderr().slice(-4000)}`));
    }, timeoutMs);
    void gone.then(({ code }) => reject(new Error(`${options.name} ended with ${code} before it was ready\n${stderr().slice(-4000)}`)));
  });
  try {
    return await found;
  } finally {
    clearTimeout(timer);
  }
}
