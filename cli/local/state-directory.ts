// The state directory of local mode: where everything of one local cluster lies, and the record of what runs. Owns files, no processes.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { SITE_FILE } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';

export type LocalRole = 'coordinator' | 'worker' | 'fuse';

export interface LocalProcess {
  readonly name: string;
  readonly role: LocalRole;
  readonly pid: number;
  /** Tells this process from a later one of the same pid; '' where the system does not tell. */
  readonly startedAt: string;
  readonly ports: Readonly<Record<string, number>>;
}

/** cluster.json: what runs, for `local status`, `local stop` and other commands. */
export interface LocalRecord {
  readonly version: 1;
  readonly coordinator: string;
  readonly confDir: string;
  /** Foreground CLI that will stop the cluster, or the one that is starting it. */
  readonly launcher: { readonly pid: number; readonly startedAt: string } | undefined;
  readonly processes: readonly LocalProcess[];
  readonly fuseMount: string | undefined;
  /** The mount directory was made by local mode and goes with it. */
  readonly ownsFuseMount: boolean;
  /** The whole directory goes when the cluster stops. */
  readonly ephemeral: boolean;
}

/** Path of a unix socket at most, less what the worker adds: `/<cluster>/<uuid>.sock`. */
const SOCKET_DIR_BYTES_MAX = 107 - 60;

export class StateDirectory {
  readonly path: string;

  constructor(path: string = join(homedir(), '.alluxio-ts', 'local')) {
    this.path = resolve(path);
  }

  get confDir(): string {
    return join(this.path, 'conf');
  }
  get siteFile(): string {
    return join(this.confDir, SITE_FILE);
  }
  get logsDir(): string {
    return join(this.path, 'logs');
  }
  get metastoreDir(): string {
    return join(this.path, 'metastore');
  }
  get recordFile(): string {
    return join(this.path, 'cluster.json');
  }
  get mountDir(): string {
    return join(this.path, 'mnt');
  }
  /** Unix sockets: beside the rest unless that path is too long for one. */
  get runDir(): string {
    const inside = join(this.path, 'run');
    return Buffer.byteLength(inside) <= SOCKET_DIR_BYTES_MAX ? inside : join(tmpdir(), `alluxio-ts-${createHash('sha256').update(this.path).digest('hex').slice(0, 12)}`);
  }
  key(name: 'data-plane' | 'sealing'): string {
    return join(this.path, 'keys', `${name}.key`);
  }
  log(process: string): string {
    return join(this.logsDir, `${process}.log`);
  }
  workerDir(index: number): string {
    return join(this.path, `worker-${index}`);
  }

  /** Makes the directories, readable by nobody else. @throws InvalidConfiguration when it cannot be made or belongs to somebody else */
  create(): void {
    try {
      mkdirSync(dirname(this.path), { recursive: true });
      for (const directory of [this.path, this.runDir, this.confDir, this.logsDir, this.metastoreDir, join(this.path, 'keys')]) {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        refuseOpen(directory);
      }
    } catch (error) {
      if (error instanceof CacheError) throw error;
      throw refusal(this.path, 'cannot be made', 'Choose another with --state-dir.', error);
    }
  }

  /** undefined: nothing was started here. */
  readRecord(): LocalRecord | undefined {
    let text: string;
    try {
      text = readFileSync(this.recordFile, 'utf8');
    } catch {
      return undefined;
    }
    try {
      const record = JSON.parse(text) as LocalRecord;
      if (record.version === 1 && Array.isArray(record.processes)) return record;
    } catch {
      // told below
    }
    throw refusal(this.recordFile, 'is damaged', 'Stop leftover processes by hand, then delete the file.');
  }

  /** Whole or not at all. */
  writeRecord(record: LocalRecord): void {
    const temporary = `${this.recordFile}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify(record, null, 1)}\n`, { mode: 0o600 });
    renameSync(temporary, this.recordFile);
  }

  /** After a stop: the record and the sockets go; everything, when the cluster was ephemeral. Caches and the mount table stay otherwise. */
  clear(ephemeral: boolean): void {
    rmSync(this.runDir, { recursive: true, force: true });
    rmSync(ephemeral ? this.path : this.recordFile, { recursive: ephemeral, force: true });
  }
}

function refuseOpen(path: string): void {
  const { uid, mode } = statSync(path);
  if (process.getuid?.() === uid && (mode & 0o077) === 0) return;
  throw refusal(path, 'is open to others or belongs to another user', `Run chmod 700 ${path}, or choose another with --state-dir.`);
}

function refusal(path: string, what: string, remedy: string, cause?: unknown): CacheError {
  return new CacheError('InvalidConfiguration', `The state directory ${path} ${what}.`, { source: 'caller', context: { path, remedy }, ...(cause === undefined ? {} : { cause }) });
}
