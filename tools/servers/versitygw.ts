// versitygw: a real S3 server whose objects are the files of a directory. Fast; keys that are no file names cannot exist on it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildOnce, runGo } from './build-once.ts';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

const VERSION = '1.8.0';

export interface VersitygwOptions {
  /** Must allow extended attributes (ext4, xfs, overlay; tmpfs from Linux 6.6). */
  readonly directory: string;
  readonly buckets: readonly string[];
  /** Default: any free one. */
  readonly port?: number;
}
export interface Versitygw {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  close(): Promise<void>;
}

export const ensureVersitygw = (): Promise<string> =>
  buildOnce({
    name: 'versitygw',
    version: VERSION,
    usually: '1 to 4 minutes',
    build: (scratch, target) => runGo(['install', `github.com/versity/versitygw/cmd/versitygw@v${VERSION}`], { cwd: scratch, env: { GOBIN: join(target, '..') } }),
  });

const ATTEMPTS = 3;

export async function startVersitygw(options: VersitygwOptions): Promise<Versitygw> {
  const executable = await ensureVersitygw();
  for (const bucket of options.buckets) mkdirSync(join(options.directory, bucket), { recursive: true });
  const [accessKey, secretKey] = ['test-access', 'test-secret'];
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const args = ['--port', `127.0.0.1:${port}`, '--access', accessKey, '--secret', secretKey, '--keep-alive', '--quiet', 'posix', options.directory];
    let server: ServerProcess;
    try {
      server = await startServer({ executable, args, port });
    } catch (error) {
      // Someone else may have taken the port between finding and using it.
      if (attempt === ATTEMPTS || options.port !== undefined) throw error;
      continue;
    }
    return { endpoint: `http://127.0.0.1:${port}`, accessKey, secretKey, pid: server.pid, signal: (signal) => server.signal(signal), close: () => server.kill() };
  }
}
