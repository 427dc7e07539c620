// Whether this machine lets us mount, what to do when not, and unmounting what a dead daemon left.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** undefined: FUSE can be used; else why not, with the remedy. */
export function fuseObstacle(env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (process.platform !== 'linux') return 'FUSE needs Linux';
  if (!existsSync('/dev/fuse')) return '/dev/fuse does not exist (load the kernel module: modprobe fuse; in a container, pass --device /dev/fuse)';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/fuse may not be opened by this user';
  }
  if (process.getuid?.() === 0) return canMount() ? undefined : 'this container lacks the capability SYS_ADMIN, which mounting needs';
  const fusermount = (env['PATH'] ?? '').split(delimiter).some((directory) => directory !== '' && existsSync(join(directory, 'fusermount3')));
  return fusermount ? undefined : 'fusermount3 is missing (install the package fuse3: apt-get install fuse3)';
}

/** CAP_SYS_ADMIN is bit 21 of the effective set. */
function canMount(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> 21n) & 1n) === 1n;
}

const unescapeMount = (text: string): string => text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export function isMounted(directory: string): boolean {
  if (process.platform !== 'linux') return false;
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => unescapeMount(line.split(' ')[4] ?? '') === directory);
}

/** Detaches a mount whose daemon is gone. @returns whether nothing is mounted there any more */
export function unmountLeftover(directory: string): boolean {
  if (!isMounted(directory)) return true;
  const [command, ...args] = process.getuid?.() === 0 ? ['umount', '-l', directory] : ['fusermount3', '-u', '-z', directory];
  spawnSync(command!, args, { stdio: 'ignore', timeout: 2000 });
  return !isMounted(directory);
}
