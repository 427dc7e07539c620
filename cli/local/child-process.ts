// Processes of local mode: start one and wait until it serves, tell whether it lives, stop it within a bound. They outlive the CLI that starts them.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { sleep, throwIfAborted } from '../../common/async/index.ts';
import { CacheError, ERROR_TABLE, type ErrorCode } from '../../common/errors/index.ts';
import type { LocalProcess, LocalRole } from './state-directory.ts';

export interface StartOptions {
  readonly name: string;
  readonly role: LocalRole;
  readonly node: string;
  /** The program and its arguments. */
  readonly args: readonly string[];
  /** Takes standard error; standard output goes to `<logFile>.ready`. */
  readonly logFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface StartedProcess {
  readonly process: LocalProcess;
  /** Resolves when the process has ended, however it did. */
  readonly ended: Promise<string>;
}

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 15;

interface ReadyLine {
  readonly ready: true;
  readonly ports: Readonly<Record<string, number>>;
}

/** Field 22 of /proc/PID/stat; '' where there is no /proc, undefined when the process is gone (a zombie counts as gone). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name may hold spaces and parentheses: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return process.platform === 'linux' ? undefined : signalled(pid, 0) ? '' : undefined;
  }
}

function signalled(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

export const startTimeOf = (pid: number): string => startOf(pid) ?? '';
export const isAlive = (of: { readonly pid: number; readonly startedAt: string }): boolean => startOf(of.pid) === of.startedAt;

/** @throws the process's own complaint when it ends before it serves; DeadlineExceeded; Cancelled */
export async function startProcess(options: StartOptions): Promise<StartedProcess> {
  const readyFile = `${options.logFile}.ready`;
  const [out, err] = [openSync(readyFile, 'w', 0o600), openSync(options.logFile, 'a', 0o600)];
  let child: ChildProcess;
  try {
    // A group of its own: Ctrl-C reaches the CLI alone, which stops the processes in order.
    child = spawn(options.node, options.args, { detached: true, stdio: ['ignore', out, err], env: options.env as NodeJS.ProcessEnv });
  } finally {
    closeSync(out);
    closeSync(err);
  }
  child.unref();
  let ending: string | undefined;
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve((ending = error.message)));
    child.once('exit', (code, signal) => resolve((ending = signal ?? `exit code ${code}`)));
  });
  const { pid } = child;
  if (pid === undefined) throw new CacheError('Internal', `${options.name} could not be started: ${await ended}.`);
  const started = { pid, startedAt: startTimeOf(pid) };
  try {
    const ports = await readyPorts(options, readyFile, () => (ending === undefined ? undefined : failure(options, child.exitCode, ending)));
    return { process: { name: options.name, role: options.role, ...started, ports }, ended };
  } catch (error) {
    await stopProcess(started, 500);
    throw error;
  }
}

async function readyPorts(options: StartOptions, readyFile: string, failed: () => CacheError | undefined): Promise<Readonly<Record<string, number>>> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    throwIfAborted(options.signal);
    const line = readFileSync(readyFile, 'utf8')
      .split('\n')
      .slice(0, -1)
      .find((text) => text.startsWith('{'));
    if (line !== undefined) return (JSON.parse(line) as ReadyLine).ports;
    const error = failed();
    if (error !== undefined) throw error;
    if (performance.now() > deadline)
      throw new CacheError('DeadlineExceeded', `${options.name} did not serve within ${READY_TIMEOUT_MS / 1000} s.`, { context: { remedy: `See ${options.logFile}.` } });
    await sleep(POLL_MS, options.signal);
  }
}

/** The process's own line on stderr, `alluxio worker: …`, else its last words. */
function failure(options: StartOptions, exitCode: number | null, ending: string): CacheError {
  const lines = readFileSync(options.logFile, 'utf8').trimEnd().split('\n');
  const own = lines.findLast((line) => line.startsWith('alluxio')) ?? lines.findLast((line) => /Error/.test(line) && !line.startsWith('{')) ?? lines.at(-1) ?? '';
  const code = (Object.entries(ERROR_TABLE).find(([, row]) => row.exit === exitCode)?.[0] ?? 'Internal') as ErrorCode;
  const said = own === '' ? `it ended with ${ending}` : own.replace(/^alluxio [a-z]+: /, '');
  return new CacheError(code, `${options.name} did not start: ${said}`, { context: { process: options.name, remedy: `Log: ${options.logFile}` } });
}

/** SIGTERM, then SIGKILL after `graceMs`. Resolves when the process is gone. Safe when it already is, or when its pid belongs to another process now. */
export async function stopProcess(of: { readonly pid: number; readonly startedAt: string }, graceMs: number): Promise<void> {
  if (!isAlive(of)) return;
  signalled(of.pid, 'SIGTERM');
  const deadline = performance.now() + graceMs;
  while (isAlive(of) && performance.now() < deadline) await sleep(POLL_MS);
  if (!isAlive(of)) return;
  signalled(of.pid, 'SIGKILL');
  // A process in an uninterruptible call ends when the call does; nobody can hurry it.
  const killDeadline = performance.now() + 2000;
  while (isAlive(of) && performance.now() < killDeadline) await sleep(POLL_MS);
}
