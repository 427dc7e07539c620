// Drives reader/main.ts: an application process that reads a file while the test breaks things.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface ReadResult {
  readonly total: number;
  readonly errors: number;
  readonly sha256: string;
}
export interface RunningReader {
  readonly child: ChildProcess;
  /** Bytes read so far. */
  total(): number;
  /** Resolves once at least this many bytes were read. */
  reached(bytes: number): Promise<void>;
  readonly result: Promise<ReadResult>;
}

export function startReader(file: string, options: { readonly blockBytes?: number; readonly pauseMs?: number; readonly timeoutMs?: number } = {}): RunningReader {
  const args = [join(import.meta.dirname, 'reader/main.ts'), file, String(options.blockBytes ?? 1 << 20), String(options.pauseMs ?? 0)];
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env['NODE_OPTIONS'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: options.timeoutMs ?? 120_000,
    killSignal: 'SIGKILL',
    env,
  });
  let total = 0;
  const waiting: { bytes: number; resolve: () => void }[] = [];
  const result = new Promise<ReadResult>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = JSON.parse(line) as { total?: number; done?: boolean; errors: number; sha256: string };
      if (message.total !== undefined) total = message.total;
      if (message.done === true) resolve({ total, errors: message.errors, sha256: message.sha256 });
      for (const waiter of waiting.filter((w) => w.bytes <= total || message.done)) waiter.resolve();
    });
    child.once('close', (code, signal) => reject(new Error(`the reader ended with ${code ?? signal} after ${total} bytes`)));
  });
  result.catch(() => {}); // awaited by the test; a crash before that must not end jest
  return { child, total: () => total, reached: (bytes) => (bytes <= total ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ bytes, resolve }))), result };
}
