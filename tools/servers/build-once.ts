// Programs built from source once per machine: ~/.cache/alluxio-ts/<name>-<version>/<name>. Two builders of one program wait for each other;
// the program appears by one rename, so whoever sees it sees all of it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Program {
  readonly name: string;
  readonly version: string;
  /** How long the build usually takes, for the line that is printed. */
  readonly usually: string;
  /** Leaves the executable at `target`; may use `scratch`, which is removed afterwards. */
  build(scratch: string, target: string): Promise<void>;
}

const POLL_MS = 200;

export const cacheDirectory = (): string => join(process.env['ALLUXIO_TEST_CACHE'] ?? join(homedir(), '.cache'), 'alluxio-ts');

/** Path of the executable. @throws when Go is missing or the build fails, with what to do. */
export async function buildOnce(program: Program, cache = cacheDirectory()): Promise<string> {
  const home = join(cache, `${program.name}-${program.version}`);
  const executable = join(home, program.name);
  if (existsSync(executable)) return executable;
  mkdirSync(cache, { recursive: true });
  const release = await acquireLock(`${home}.lock`, () => process.stderr.write(`Waiting for another build of ${program.name} ${program.version} …\n`));
  try {
    if (existsSync(executable)) return executable;
    process.stderr.write(`Building ${program.name} ${program.version} (once on this machine, usually ${program.usually}) …\n`);
    const scratch = mkdtempSync(join(cache, `.${basename(home)}-`));
    try {
      const ready = join(scratch, 'ready');
      mkdirSync(ready);
      await program.build(scratch, join(ready, program.name));
      rmSync(home, { recursive: true, force: true });
      renameSync(ready, home);
    } finally {
      removeTree(scratch);
    }
    return executable;
  } finally {
    release();
  }
}

/** Go keeps its module files read-only; only what is ours is removed here. */
function removeTree(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 2 });
}

interface Holder {
  readonly pid: number;
  readonly startedAt: string;
}

/** Field 22 of /proc/PID/stat tells a process from a later one of the same pid; '' where there is no /proc. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return startOf(holder.pid) === holder.startedAt;
}

function linkIfFree(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/** Resolves with the release. A lock whose holder is dead is taken over. */
export async function acquireLock(path: string, onWait: () => void = () => {}): Promise<() => void> {
  const mine: Holder = { pid: process.pid, startedAt: startOf(process.pid) };
  // Written apart and linked into place: nobody ever reads a half-written lock.
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(draft, JSON.stringify(mine));
  let waiting = false;
  try {
    for (;;) {
      if (linkIfFree(draft, path)) return () => rmSync(path, { force: true });
      if (takeOverDead(path, draft)) continue;
      if (!waiting) onWait();
      waiting = true;
      await sleep(POLL_MS);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { pid: 0x7fffffff, startedAt: '' }; // not ours: nobody's
  }
}

/** True when the lock is free now. Moving it away first decides which of several waiters may remove it. */
function takeOverDead(path: string, draft: string): boolean {
  const holder = readHolder(path);
  if (holder === undefined) return true;
  if (isAlive(holder)) return false;
  const away = `${draft}.dead`;
  try {
    renameSync(path, away);
  } catch {
    return true;
  }
  const moved = readHolder(away);
  // Another waiter was faster and what was moved is its live lock: put it back.
  if (moved !== undefined && isAlive(moved)) {
    // When it was taken meanwhile two builds run at worst, and the later rename wins.
    linkIfFree(away, path);
  }
  rmSync(away, { force: true });
  return true;
}

/** Runs Go at low priority without cgo. @throws with the package to install when Go is missing, and with the end of its output when it fails. */
export async function runGo(args: readonly string[], options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> }): Promise<void> {
  if (spawnSync('go', ['version'], { stdio: 'ignore', env: { ...process.env, ...options.env } }).status !== 0) {
    throw new Error('Go is missing: install Go 1.24 or newer (Debian: apt-get install golang-go; https://go.dev/dl) so that the test servers can be built.');
  }
  const child = spawn('nice', ['-n', '10', 'go', ...args], {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOWORK: 'off', ...options.env },
  });
  let output = '';
  const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-4000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`go ${args.join(' ')} failed with exit code ${code}:\n${output.trim()}`);
}
