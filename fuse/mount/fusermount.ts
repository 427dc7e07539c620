// Mounting without root: the set-uid helper fusermount3 mounts and sends the /dev/fuse descriptor over a socket (_FUSE_COMMFD).
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CacheError } from '../../common/errors/index.ts';
import { descriptorCalls, POLLIN, pollCalls, socketCalls, unixAddress } from '../../common/syscall/index.ts';
import type { KernelMount, MountRequest } from './kernel-mount.ts';

const HELPER = 'fusermount3';
const EIO = 5;
const ACCEPT_TIMEOUT_MS = 1000;

/** Two connected ends of a unix socket. */
function socketPair(): readonly [number, number] {
  const directory = mkdtempSync(join(tmpdir(), 'alluxio-fuse-'));
  const address = unixAddress(join(directory, 's'));
  try {
    const listener = socketCalls!.open(address!);
    const ours = socketCalls!.open(address!);
    const isUp = listener >= 0 && ours >= 0 && socketCalls!.listen(listener, address!, 1) >= 0 && socketCalls!.connect(ours, address!) >= 0;
    const theirs = isUp && pollCalls!.poll(listener, POLLIN, ACCEPT_TIMEOUT_MS) > 0 ? socketCalls!.accept(listener) : -1;
    if (listener >= 0) closeSync(listener);
    if (theirs >= 0) return [ours, theirs];
    if (ours >= 0) closeSync(ours);
    throw new CacheError('Internal', 'No socket for the mount helper.');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const optionsOf = ({ options }: MountRequest): string =>
  [
    'ro',
    'nosuid',
    'nodev',
    'fsname=alluxio',
    'subtype=alluxio',
    ...(options.allowOther ? ['allow_other'] : []),
    ...(options.defaultPermissions ? ['default_permissions'] : []),
    ...(options.noExec ? ['noexec'] : []),
  ].join(',');

export class Fusermount implements KernelMount {
  readonly fd: number;
  readonly mountPoint: string;
  #unmounted = false;

  private constructor(fd: number, mountPoint: string) {
    this.fd = fd;
    this.mountPoint = mountPoint;
  }

  /** @throws InvalidConfiguration with what the helper said */
  static async mount(request: MountRequest): Promise<KernelMount> {
    if (socketCalls === undefined || descriptorCalls === undefined) throw new CacheError('InvalidConfiguration', 'FUSE needs Linux and koffi.', { source: 'caller' });
    const [ours, theirs] = socketPair();
    try {
      const said = await runHelper(request, theirs);
      const received = said === undefined ? socketCalls.receiveDescriptor(ours, new Uint8Array(16)) : undefined;
      if (received !== undefined && received.descriptor >= 0) return new Fusermount(received.descriptor, request.mountPoint);
      throw new CacheError('InvalidConfiguration', `${HELPER} cannot mount on ${request.mountPoint}: ${said ?? 'it sent no descriptor'}.`, {
        source: 'caller',
        context: {
          value: request.mountPoint,
          remedy: 'Install fuse3; this user must own the mount point and may open /dev/fuse; allow_other needs user_allow_other in /etc/fuse.conf. Or run as root.',
        },
      });
    } finally {
      closeSync(ours);
      closeSync(theirs);
    }
  }

  /** @returns 0 or a negative errno */
  static detach(mountPoint: string): number {
    return spawnSync(HELPER, ['-u', '-z', '-q', '--', mountPoint], { stdio: 'ignore', cwd: '/' }).status === 0 ? 0 : -EIO;
  }

  tryUnmount(): 'unmounted' | 'busy' {
    if (this.#unmounted) return 'unmounted';
    this.#unmounted = spawnSync(HELPER, ['-u', '-q', '--', this.mountPoint], { stdio: 'ignore', cwd: '/' }).status === 0;
    return this.#unmounted ? 'unmounted' : 'busy';
  }

  forceUnmount(): void {
    if (!this.#unmounted) Fusermount.detach(this.mountPoint);
    this.#unmounted = true;
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** @returns what it complained of; undefined: it mounted */
function runHelper(request: MountRequest, socket: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    // Descriptor 3 of the child.
    const child = spawn(HELPER, ['-o', optionsOf(request), '--', request.mountPoint], {
      stdio: ['ignore', 'ignore', 'pipe', socket],
      env: { PATH: '/usr/bin:/bin', _FUSE_COMMFD: '3' },
      cwd: '/',
    });
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(0, 500)));
    child.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ENOENT' ? `there is no ${HELPER} on this machine` : error.message));
    child.on('close', (code) => resolve(code === 0 ? undefined : said.trim() || `exit code ${String(code)}`));
  });
}
