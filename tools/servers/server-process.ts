// A test server as a child process: starts on a port of its own, is awaited until it answers, and dies with the process that started it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { guardProcess } from './process-guard.ts';

export interface ServerProcess {
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL and wait. Idempotent. */
  kill(): Promise<void>;
}

export interface StartServer {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The port that answers when it serves. */
  readonly port: number;
}

const READY_TIMEOUT_MS = 20_000;

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/** @throws with the server's last words when it ends or stays silent */
export async function startServer(options: StartServer): Promise<ServerProcess> {
  const child = spawn(options.executable, options.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // Ctrl-C is for the parent, which closes its servers in order
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...options.env },
  });
  const unguard = child.pid === undefined ? () => {} : guardProcess(child.pid);
  let words = '';
  const keep = (chunk: Buffer): void => void (words = (words + chunk.toString()).slice(-4000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let ended: string | undefined;
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      ended ??= error.message;
      resolve();
    });
    child.once('close', (code, signal) => {
      ended ??= `exit ${code ?? signal}`;
      unguard();
      resolve();
    });
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (ended === undefined && !(await answers(options.port))) {
    if (performance.now() > deadline) {
      await kill();
      ended = `silent for ${READY_TIMEOUT_MS} ms`;
    }
    await sleep(20);
  }
  if (ended !== undefined) throw new Error(`${options.executable} did not start (${ended}): ${words.trim()}`);
  return { pid: child.pid!, signal: (signal) => void child.kill(signal), kill };
}
