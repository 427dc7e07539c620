// A mount in the kernel: opening /dev/fuse, mount(2) as root or fusermount3 without, unmounting in bounded time.
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { sleep } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { descriptorCalls } from '../../common/syscall/index.ts';
import { Fusermount } from './fusermount.ts';
import type { MountOptions } from './mount-options.ts';
import { mountedAt } from './mount-table.ts';

const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MNT_FORCE = 1;
const MNT_DETACH = 2;
const EBUSY = -16;
const EINVAL = -22;
const ENOENT = -2;
const DEVICE = '/dev/fuse';
const ROOT_MODE = '40000';
const UNMOUNT_RETRY_MS = 20;

export interface KernelMount {
  /** Of /dev/fuse. */
  readonly fd: number;
  readonly mountPoint: string;
  /** @returns 'busy' while somebody has a file open or stands in it */
  tryUnmount(): 'unmounted' | 'busy';
  /** Away from the name space at once; open files break with it where the rights allow. */
  forceUnmount(): void;
  close(): void;
}

export type MountMethod = 'auto' | 'direct' | 'fusermount';

export interface MountRequest {
  readonly mountPoint: string;
  readonly method: MountMethod;
  readonly options: MountOptions;
  readonly uid: number;
  readonly gid: number;
}

const failed = (message: string, context: Record<string, string | number>, cause?: unknown): CacheError =>
  new CacheError('InvalidConfiguration', message, { source: 'caller', context, ...(cause === undefined ? {} : { cause }) });

function openDevice(): number {
  try {
    return openSync(DEVICE, constants.O_RDWR);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy =
      code === 'ENOENT'
        ? 'Load the fuse module (modprobe fuse), or give the container the device.'
        : 'Give the container or user access to /dev/fuse, or set alluxio.fuse.mount.method=fusermount.';
    throw failed(`${DEVICE} cannot be opened (${code ?? 'unknown error'}).`, { field: DEVICE, remedy }, error);
  }
}

class DirectMount implements KernelMount {
  readonly fd: number;
  readonly mountPoint: string;
  #unmounted = false;

  constructor(fd: number, mountPoint: string) {
    this.fd = fd;
    this.mountPoint = mountPoint;
  }

  tryUnmount(): 'unmounted' | 'busy' {
    if (this.#unmounted) return 'unmounted';
    const result = descriptorCalls!.unmount(this.mountPoint, 0);
    // EINVAL, ENOENT: somebody else has unmounted it, or moved it away.
    this.#unmounted = result === 0 || result === EINVAL || result === ENOENT;
    return this.#unmounted ? 'unmounted' : 'busy';
  }

  forceUnmount(): void {
    if (this.#unmounted) return;
    // The first breaks the connection, which ends readers and serve threads; the mount itself may stay busy.
    if (descriptorCalls!.unmount(this.mountPoint, MNT_FORCE) === EBUSY) descriptorCalls!.unmount(this.mountPoint, MNT_DETACH);
    this.#unmounted = true;
  }

  close(): void {
    closeSync(this.fd);
  }
}

function mountDirect({ mountPoint, options, uid, gid }: MountRequest): KernelMount {
  if (descriptorCalls === undefined) throw failed('mount(2) is not available on this platform.', { field: 'alluxio.fuse.mount.method', remedy: 'FUSE needs Linux and koffi.' });
  const fd = openDevice();
  const data = [`fd=${fd}`, `rootmode=${ROOT_MODE}`, `user_id=${uid}`, `group_id=${gid}`];
  if (options.allowOther) data.push('allow_other');
  if (options.defaultPermissions) data.push('default_permissions');
  const flags = MS_RDONLY | MS_NOSUID | MS_NODEV | (options.noExec ? MS_NOEXEC : 0);
  const result = descriptorCalls.mount({ source: 'alluxio', target: mountPoint, type: 'fuse.alluxio', flags, data: data.join(',') });
  if (result === 0) return new DirectMount(fd, mountPoint);
  closeSync(fd);
  throw failed(`The kernel refuses to mount on ${mountPoint} (errno ${-result}).`, {
    field: 'alluxio.fuse.mount.point',
    value: mountPoint,
    errno: -result,
    remedy: 'Run as root with CAP_SYS_ADMIN (a privileged container), or set alluxio.fuse.mount.method=fusermount.',
  });
}

/** @throws InvalidConfiguration with the remedy */
export async function mountKernel(request: MountRequest): Promise<KernelMount> {
  const method = request.method === 'auto' ? (process.getuid?.() === 0 ? 'direct' : 'fusermount') : request.method;
  return method === 'direct' ? mountDirect(request) : await Fusermount.mount(request);
}

/** Lazily, for what a dead daemon left. @throws InvalidConfiguration when it may not */
export function detachMount(mountPoint: string): void {
  const result = process.getuid?.() === 0 && descriptorCalls !== undefined ? descriptorCalls.unmount(mountPoint, MNT_DETACH) : Fusermount.detach(mountPoint);
  if (result !== 0) throw failed(`The dead mount at ${mountPoint} cannot be removed (errno ${-result}).`, { value: mountPoint, remedy: `Run umount -l ${mountPoint} as root.` });
}

/** Tries until nobody uses the mount any more, at most `timeoutMs`. @returns whether it is unmounted */
export async function unmountWhenIdle(mount: KernelMount, timeoutMs: number): Promise<boolean> {
  const until = performance.now() + timeoutMs;
  while (mount.tryUnmount() === 'busy') {
    if (performance.now() >= until) return false;
    await sleep(UNMOUNT_RETRY_MS);
  }
  return true;
}

/** Lifts the kernel's read-ahead of the mount (128 KiB, whatever INIT says). @returns false when this process may not */
export function setReadAhead(mountPoint: string, bytes: number): boolean {
  const mounted = mountedAt(mountPoint);
  if (mounted === undefined) return false;
  try {
    writeFileSync(`/sys/class/bdi/${mounted.device}/read_ahead_kb`, String(Math.ceil(bytes / 1024)));
    return true;
  } catch {
    return false; // sysfs is read-only in most containers: reads are 128 KiB then, which costs speed only
  }
}
