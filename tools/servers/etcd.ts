// etcd 3.6, one member, built from the Go module beside this file.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildOnce, runGo } from './build-once.ts';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

const VERSION = '3.6.8'; // as in etcd/go.mod

export interface EtcdOptions {
  /** Keeps its data; default: a temporary one, removed by close. */
  readonly directory?: string;
}
export interface Etcd {
  readonly endpoint: string;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; the data stays. */
  stop(): Promise<void>;
  /** Again on the same port and data. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export const ensureEtcd = (): Promise<string> =>
  buildOnce({
    name: 'etcd',
    version: VERSION,
    usually: '1 to 3 minutes',
    build: async (scratch, target) => {
      for (const file of ['go.mod', 'go.sum']) copyFileSync(join(import.meta.dirname, 'etcd', file), join(scratch, file));
      await runGo(['build', '-trimpath', '-ldflags=-s -w', '-o', target, 'go.etcd.io/etcd/server/v3'], { cwd: scratch });
    },
  });

const ATTEMPTS = 3;

export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const executable = await ensureEtcd();
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'alluxio-etcd-'));
  const start = (port: number, peerPort: number): Promise<ServerProcess> => {
    const [clients, peers] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
    const flags = {
      'data-dir': join(directory, 'data'),
      'listen-client-urls': clients,
      'advertise-client-urls': clients,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': `default=${peers}`,
      'log-level': 'error',
    };
    // Without fsync: what the tests kill is the process, not the machine.
    return startServer({ executable, port, args: ['--unsafe-no-fsync', ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)] });
  };
  for (let attempt = 1; ; attempt++) {
    const [port, peerPort] = [await freePort(), await freePort()];
    let server: ServerProcess;
    try {
      server = await start(port, peerPort);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      rmSync(join(directory, 'data'), { recursive: true, force: true });
      continue;
    }
    return {
      endpoint: `127.0.0.1:${port}`,
      get pid() {
        return server.pid;
      },
      signal: (signal) => server.signal(signal),
      stop: () => server.kill(),
      start: async () => {
        await server.kill();
        server = await start(port, peerPort);
      },
      close: async () => {
        await server.kill();
        if (options.directory === undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
      },
    };
  }
}
