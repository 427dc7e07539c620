// What the FUSE bench measures on: the ceiling's mount, a worker, our mount on the worker's host and one as on another host (TCP). All of it ends with `close`.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from '../cleanup.ts';
import { nativeProgram } from '../native-program.ts';
import { PAGES, SMALL_BYTES, SMALL_FILES, writeData } from './data.ts';

export interface Subject {
  readonly name: 'ceiling' | 'local' | 'remote';
  /** Has `big` and `small/s0` … below it. */
  readonly directory: string;
  /** Of the daemon. */
  readonly pid: number;
}

const READ_AHEAD_KIB = 1024;
const FUSE_MAIN = new URL('../../fuse/main.ts', import.meta.url).pathname;
const WORKER = new URL('./worker.ts', import.meta.url).pathname;

function has(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Installs what is missing when root; else says what to install. */
export function requirePackages(): void {
  const isComplete = (): boolean => has('fio', ['--version']) && has('pkg-config', ['--exists', 'fuse3']) && has('taskset', ['--version']);
  if (isComplete()) return;
  const packages = ['fio', 'libfuse3-dev', 'pkg-config', 'util-linux', 'gcc', 'libc6-dev'];
  if (process.getuid?.() === 0) execFileSync('apt-get', ['install', '-y', '-q', ...packages], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (!isComplete()) throw new Error(`The FUSE bench needs ${packages.join(', ')}: apt-get install ${packages.join(' ')}`);
}

async function firstLine(child: ChildProcess, what: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    child.stdout!.once('data', (text: Buffer) => resolve(text.toString().split('\n')[0]!));
    child.once('exit', (code) => reject(new Error(`${what} ended with ${String(code)}`)));
  });
}

export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'alluxio-bench-fuse-'));
  readonly #cleanup: Cleanup;

  constructor(cleanup: Cleanup) {
    this.#cleanup = cleanup;
    cleanup.add(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  async build(): Promise<readonly Subject[]> {
    const { ceiling, source } = writeData(this.directory);
    const keyFile = join(this.directory, 'key');
    writeFileSync(keyFile, Buffer.alloc(32, 1), { mode: 0o600 });
    const worker = this.#spawn(process.execPath, ['--disable-warning=ExperimentalWarning', WORKER, this.directory, source, keyFile]);
    const { port } = JSON.parse(await firstLine(worker, 'the worker')) as { port: number };
    const subjects = [await this.#ceiling(ceiling), await this.#ours('local', 'bench', { port, keyFile }), await this.#ours('remote', 'elsewhere', { port, keyFile })];
    // Everything is in the page store, and the worker has told that the files are complete, before anything is measured.
    for (const { directory } of subjects) execFileSync('sh', ['-c', `cat ${directory}/big ${directory}/small/* | cksum`], { stdio: 'ignore' });
    return subjects;
  }

  async #ceiling(data: string): Promise<Subject> {
    const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' }).trim().split(/\s+/);
    const directory = this.#mountPoint('ceiling');
    const child = this.#spawn(nativeProgram('fuse-ll', flags), [directory, data, String(PAGES), String(SMALL_FILES), String(SMALL_BYTES)]);
    await firstLine(child, 'fuse-ll');
    const device = readFileSync('/proc/self/mountinfo', 'latin1')
      .split('\n')
      .findLast((line) => line.split(' ')[4] === directory)!
      .split(' ')[2]!;
    writeFileSync(`/sys/class/bdi/${device}/read_ahead_kb`, String(READ_AHEAD_KIB));
    return { name: 'ceiling', directory, pid: child.pid! };
  }

  async #ours(name: 'local' | 'remote', hostId: string, { port, keyFile }: { readonly port: number; readonly keyFile: string }): Promise<Subject> {
    const mountPoint = this.#mountPoint(name);
    const conf = join(this.directory, `${name}-conf`);
    mkdirSync(conf);
    const lines = [
      `alluxio.fuse.mount.point=${mountPoint}`,
      'alluxio.fuse.mount.options=allow_other',
      'alluxio.fuse.web.port=0',
      'alluxio.fuse.bind.host=127.0.0.1',
      `alluxio.fuse.read.ahead.size=${READ_AHEAD_KIB}KB`,
      `alluxio.worker.host.id=${hostId}`,
      `alluxio.user.worker.endpoints=127.0.0.1:${port}`,
      'alluxio.user.metadata.max.age=1h',
      `alluxio.security.data.plane.key.file=${keyFile}`,
      'alluxio.log.level=error',
    ];
    writeFileSync(join(conf, 'alluxio-site.properties'), `${lines.join('\n')}\n`);
    const child = this.#spawn(process.execPath, ['--disable-warning=ExperimentalWarning', FUSE_MAIN, '--conf', conf]);
    await firstLine(child, 'the FUSE daemon');
    return { name, directory: join(mountPoint, 'data'), pid: child.pid! };
  }

  #mountPoint(name: string): string {
    const directory = join(this.directory, `mnt-${name}`);
    mkdirSync(directory);
    return directory;
  }

  #spawn(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    this.#cleanup.add(async () => {
      child.kill('SIGTERM');
      await ended;
    });
    return child;
  }
}
