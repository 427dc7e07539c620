// Installs and builds what the suites need. Debian packages only as root; otherwise their names are said and the tests that need them report themselves as skipped.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ensureEtcd, ensureVersitygw } from '../servers/index.ts';

export type Need = 'versitygw' | 'etcd' | 'fuse';

export function checks(): readonly (readonly [string, readonly string[]])[] {
  return [
    ['format', ['node_modules/oxfmt/bin/oxfmt', '--check', '.']],
    ['lint', ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings']],
    ['types', ['node_modules/typescript/bin/tsc', '-p', '.']],
  ];
}

function ensureDebianPackage(program: string, name: string): void {
  if (spawnSync('sh', ['-c', `command -v ${program}`]).status === 0) return;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.log(`${program} is missing: install the package ${name} (as root: apt-get install ${name}); tests that need it are skipped`);
    return;
  }
  console.log(`Installing ${name} (Debian package, a few seconds) …`);
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
  const result = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (result.status !== 0) console.log(`apt-get install ${name} failed: tests that need it are skipped`);
}

export async function prepare(needs: readonly Need[]): Promise<void> {
  if (needs.includes('versitygw')) await ensureVersitygw();
  if (needs.includes('etcd')) await ensureEtcd();
  if (needs.includes('fuse')) ensureDebianPackage('fusermount3', 'fuse3');
}
