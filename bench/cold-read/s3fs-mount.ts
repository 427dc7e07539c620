// The bucket mounted by s3fs-fuse with its defaults: what the whole path is compared with. Installed here when we may; else the bench says what is missing.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMounted, unmountLeftover } from '../../cli/local/fuse-support.ts';
import type { Cleanup } from '../cleanup.ts';
import type { Bucket } from './bucket.ts';

export interface S3fsMount {
  readonly path: string;
  readonly pid: number;
  readonly version: string;
}

const READY_TIMEOUT_MS = 15_000;

/** `s3fs --version`, first line; undefined: not installed. */
function installedVersion(): string | undefined {
  const { status, stdout } = spawnSync('s3fs', ['--version'], { encoding: 'utf8' });
  return status === 0 ? /V[\d.]+/.exec(stdout)?.[0] : undefined;
}

/** @returns the version, or what is missing */
export function ensureS3fs(): { readonly version: string } | { readonly missing: string } {
  const before = installedVersion();
  if (before !== undefined) return { version: before };
  const isRoot = process.getuid?.() === 0;
  if (isRoot) spawnSync('apt-get', ['install', '-y', '-qq', 's3fs'], { stdio: 'ignore', timeout: 300_000, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  const version = installedVersion();
  return version === undefined ? { missing: `s3fs is missing (Debian package s3fs: apt-get install s3fs${isRoot ? ' failed' : ', as root'})` } : { version };
}

export async function mountS3fs(cleanup: Cleanup, bucket: Bucket, place: { readonly scratch: string; readonly version: string }): Promise<S3fsMount> {
  const { server, name } = bucket;
  const path = join(place.scratch, 's3fs');
  const passwords = join(place.scratch, 's3fs-passwd');
  mkdirSync(path);
  writeFileSync(passwords, `${server.accessKey}:${server.secretKey}\n`, { mode: 0o600 });
  const options = `passwd_file=${passwords},url=${server.endpoint},use_path_request_style,endpoint=us-east-1`;
  const child = spawn('s3fs', [name, path, '-f', '-o', options], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-2000)));
  const gone = once(child, 'close');
  cleanup.add(async () => {
    unmountLeftover(path);
    child.kill('SIGKILL');
    await gone;
  });
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!isMounted(path)) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`s3fs did not mount: ${words.trim()}`);
    await sleep(20);
  }
  return { path, pid: child.pid!, version: place.version };
}
