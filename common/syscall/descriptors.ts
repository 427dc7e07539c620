// Calls on any descriptor: read at an offset, send from a file, ioctl, flags, duplicate, close; and mounting. Results as in the kernel: ≥ 0, or -errno.
import { type CFunction, libc, type Libc } from './libc.ts';

/** A buffer, or an address of memory that stays where it is. */
export type Memory = Uint8Array | number;

export interface DescriptorCalls {
  read(fd: number, into: Memory, length: number): number;
  write(fd: number, from: Memory, length: number): number;
  pread(fd: number, into: Memory, length: number, offset: number): number;
  /** From file `from` at `offset` into socket `to`. @returns bytes sent */
  sendfile(to: number, from: number, offset: number, length: number): number;
  /** `argument` points to what the request reads or writes. */
  ioctl(fd: number, request: number, argument: Memory): number;
  setNonBlocking(fd: number, isNonBlocking: boolean): number;
  /** Close-on-exec, as every descriptor of ours. */
  dup(fd: number): number;
  close(fd: number): number;
  mount(what: { readonly source: string; readonly target: string; readonly type: string; readonly flags: number; readonly data: string }): number;
  unmount(target: string, flags: number): number;
  /** Of the kernel: 4096 on most machines. */
  readonly kernelPageBytes: number;
}

const F_GETFL = 3;
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const O_NONBLOCK = 0o4000;
const TWO_32 = 0x1_0000_0000;

function declare(c: Libc): DescriptorCalls {
  const read = c.declare<(fd: number, into: Memory, n: number) => number>('long read(int fd, void *into, size_t n)');
  const write = c.declare<(fd: number, from: Memory, n: number) => number>('long write(int fd, void *from, size_t n)');
  const pread = c.declare<(fd: number, into: Memory, n: number, at: number) => number>('long pread(int fd, void *into, size_t n, int64_t at)');
  const sendfile = c.declare<(to: number, from: number, at: number, n: number) => number>('long sendfile(int to, int from, void *at, size_t n)');
  const ioctl = c.declare<(fd: number, request: number, argument: Memory) => number>('int ioctl(int fd, unsigned long request, void *argument)');
  const fcntl = c.declare<(fd: number, command: number, argument: number) => number>('int fcntl(int fd, int command, long argument)');
  const close = c.declare<(fd: number) => number>('int close(int fd)');
  const mount = c.declare<CFunction<[source: string, target: string, type: string, flags: number, data: string]>>(
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  );
  const unmount = c.declare<(target: string, flags: number) => number>('int umount2(const char *target, int flags)');
  const result = (value: number): number => (value < 0 ? -c.errno() : value);
  const offset = c.allocate(8);
  const words = new Uint32Array(offset.bytes.buffer, offset.bytes.byteOffset, 2);
  return {
    read: (fd, into, length) => result(read(fd, into, length)),
    write: (fd, from, length) => result(write(fd, from, length)),
    pread: (fd, into, length, at) => result(pread(fd, into, length, at)),
    sendfile: (to, from, at, length) => {
      words[0] = at % TWO_32;
      words[1] = Math.floor(at / TWO_32);
      return result(sendfile(to, from, offset.address, length));
    },
    ioctl: (fd, request, argument) => result(ioctl(fd, request, argument)),
    setNonBlocking: (fd, isNonBlocking) => {
      const flags = fcntl(fd, F_GETFL, 0);
      return result(flags < 0 ? flags : fcntl(fd, F_SETFL, isNonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
    },
    dup: (fd) => result(fcntl(fd, F_DUPFD_CLOEXEC, 3)),
    close: (fd) => result(close(fd)),
    mount: ({ source, target, type, flags, data }) => result(mount(source, target, type, flags, data)),
    unmount: (target, flags) => result(unmount(target, flags)),
    kernelPageBytes: c.declare<() => number>('int getpagesize()')(),
  };
}

/** undefined: this platform has no koffi, or is not Linux. */
export const descriptorCalls: DescriptorCalls | undefined = libc === undefined ? undefined : declare(libc);
