// Stream sockets without an event loop, for threads that block or poll for themselves. Results as in the kernel: ≥ 0, or -errno. Descriptors are close-on-exec.
import type { Memory } from './descriptors.ts';
import { type CFunction, libc, type Libc } from './libc.ts';
import { AF_UNIX, portOf, type SocketAddress } from './socket-address.ts';

export const MSG_DONTWAIT = 0x40;
export const MSG_WAITALL = 0x100;
const MSG_NOSIGNAL = 0x4000;
/** More bytes follow at once: the kernel may wait for them before it makes a packet. */
export const MSG_MORE = 0x8000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const SO_ERROR = 4;
const SHUT_RDWR = 2;
const ADDRESS_BYTES_MAX = 128;

export interface SocketCalls {
  /** A stream socket of the address's family; TCP_NODELAY is set. */
  open(address: SocketAddress, options?: { readonly nonBlocking?: boolean }): number;
  connect(fd: number, address: SocketAddress): number;
  /** Binds (SO_REUSEADDR) and listens. */
  listen(fd: number, address: SocketAddress, backlog: number): number;
  port(fd: number): number;
  /** Non-blocking. */
  accept(fd: number): number;
  /** Also when the peer is a unix socket: then TCP_NODELAY is refused and nothing happens. */
  setNoDelay(fd: number): number;
  /** SO_RCVTIMEO and SO_SNDTIMEO: a blocking call then ends with -EAGAIN. 0: none. */
  setTimeout(fd: number, timeoutMs: number): number;
  setBuffers(fd: number, sizes: { readonly sendBytes?: number; readonly receiveBytes?: number }): number;
  /** Error of a connect that went on in the background: 0 or -errno. */
  error(fd: number): number;
  recv(fd: number, into: Memory, length: number, flags: number): number;
  /** Never raises SIGPIPE. */
  send(fd: number, from: Memory, length: number, flags: number): number;
  shutdown(fd: number): number;
  /** Sends bytes (≤ 256) with a descriptor riding on them (SCM_RIGHTS). Unix sockets only. */
  sendDescriptor(fd: number, from: Uint8Array, descriptor: number): number;
  /** Receives bytes (≤ 256) and the descriptor that rode on them, which the caller owns; -1: none came. */
  receiveDescriptor(fd: number, into: Uint8Array): { readonly bytes: number; readonly descriptor: number };
}

/** One block: msghdr (56 bytes) at 0, iovec (16) at 64, one cmsghdr with a descriptor (24) at 96, data (256) at 128. 64-bit Linux. */
const IOVEC_AT = 64;
const CONTROL_AT = 96;
const CONTROL_BYTES = 24;
const CONTROL_LENGTH = 20;
const DATA_AT = 128;
const DATA_BYTES_MAX = 256;
const SCM_RIGHTS = 1;

type Result = (value: number) => number;

function declareMessages(c: Libc, result: Result): Pick<SocketCalls, 'sendDescriptor' | 'receiveDescriptor'> {
  const sendmsg = c.declare<(fd: number, message: number, flags: number) => number>('long sendmsg(int fd, void *message, int flags)');
  const recvmsg = c.declare<(fd: number, message: number, flags: number) => number>('long recvmsg(int fd, void *message, int flags)');
  const { address, bytes: block } = c.allocate(DATA_AT + DATA_BYTES_MAX);
  const prepare = (dataLength: number): void => {
    block.fill(0, 0, DATA_AT);
    block.writeBigUInt64LE(BigInt(address + IOVEC_AT), 16);
    block.writeBigUInt64LE(1n, 24);
    block.writeBigUInt64LE(BigInt(address + CONTROL_AT), 32);
    block.writeBigUInt64LE(BigInt(CONTROL_BYTES), 40);
    block.writeBigUInt64LE(BigInt(address + DATA_AT), IOVEC_AT);
    block.writeBigUInt64LE(BigInt(Math.min(dataLength, DATA_BYTES_MAX)), IOVEC_AT + 8);
  };
  return {
    sendDescriptor: (fd, from, descriptor) => {
      prepare(from.length);
      block.set(from.subarray(0, DATA_BYTES_MAX), DATA_AT);
      block.writeBigUInt64LE(BigInt(CONTROL_LENGTH), CONTROL_AT);
      block.writeInt32LE(SOL_SOCKET, CONTROL_AT + 8);
      block.writeInt32LE(SCM_RIGHTS, CONTROL_AT + 12);
      block.writeInt32LE(descriptor, CONTROL_AT + 16);
      return result(sendmsg(fd, address, MSG_NOSIGNAL));
    },
    receiveDescriptor: (fd, into) => {
      prepare(into.length);
      const bytes = result(recvmsg(fd, address, MSG_CMSG_CLOEXEC));
      if (bytes > 0) into.set(block.subarray(DATA_AT, DATA_AT + bytes));
      const rode =
        bytes > 0 && block.readBigUInt64LE(40) >= CONTROL_LENGTH && block.readInt32LE(CONTROL_AT + 8) === SOL_SOCKET && block.readInt32LE(CONTROL_AT + 12) === SCM_RIGHTS;
      return { bytes, descriptor: rode ? block.readInt32LE(CONTROL_AT + 16) : -1 };
    },
  };
}

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
const timeval = (timeoutMs: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(BigInt(Math.floor(timeoutMs / 1000)), 0);
  bytes.writeBigInt64LE(BigInt(Math.round((timeoutMs % 1000) * 1000)), 8);
  return bytes;
};

function declareOptions(c: Libc, result: Result): Pick<SocketCalls, 'setNoDelay' | 'setTimeout' | 'setBuffers' | 'error' | 'port'> {
  const setsockopt = c.declare<CFunction<[fd: number, level: number, name: number, value: Buffer, n: number]>>(
    'int setsockopt(int fd, int level, int name, void *value, unsigned int n)',
  );
  const getsockopt = c.declare<CFunction<[fd: number, level: number, name: number, value: Buffer, n: Buffer]>>('int getsockopt(int fd, int level, int name, void *value, void *n)');
  const getsockname = c.declare<(fd: number, address: Buffer, n: Buffer) => number>('int getsockname(int fd, void *address, void *n)');
  const set = (fd: number, name: number, value: Buffer): number => result(setsockopt(fd, SOL_SOCKET, name, value, value.length));
  return {
    setNoDelay: (fd) => result(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, word(1), 4)),
    setTimeout: (fd, timeoutMs) => {
      const received = set(fd, SO_RCVTIMEO, timeval(timeoutMs));
      return received < 0 ? received : set(fd, SO_SNDTIMEO, timeval(timeoutMs));
    },
    setBuffers: (fd, { sendBytes, receiveBytes }) => {
      const sent = sendBytes === undefined ? 0 : set(fd, SO_SNDBUF, word(sendBytes));
      return sent < 0 || receiveBytes === undefined ? sent : set(fd, SO_RCVBUF, word(receiveBytes));
    },
    error: (fd) => {
      const value = word(0);
      const asked = result(getsockopt(fd, SOL_SOCKET, SO_ERROR, value, word(4)));
      return asked < 0 ? asked : -value.readInt32LE(0);
    },
    port: (fd) => {
      const address = Buffer.alloc(ADDRESS_BYTES_MAX);
      const asked = result(getsockname(fd, address, word(ADDRESS_BYTES_MAX)));
      return asked < 0 ? asked : portOf(address);
    },
  };
}

function declare(c: Libc): SocketCalls {
  const result = (value: number): number => (value < 0 ? -c.errno() : value);
  const socket = c.declare<(family: number, type: number, protocol: number) => number>('int socket(int family, int type, int protocol)');
  const bind = c.declare<(fd: number, address: Buffer, n: number) => number>('int bind(int fd, void *address, unsigned int n)');
  const connect = c.declare<(fd: number, address: Buffer, n: number) => number>('int connect(int fd, void *address, unsigned int n)');
  const listen = c.declare<(fd: number, backlog: number) => number>('int listen(int fd, int backlog)');
  const accept4 = c.declare<(fd: number, address: null, n: null, flags: number) => number>('int accept4(int fd, void *address, void *n, int flags)');
  const recv = c.declare<(fd: number, into: Memory, n: number, flags: number) => number>('long recv(int fd, void *into, size_t n, int flags)');
  const send = c.declare<(fd: number, from: Memory, n: number, flags: number) => number>('long send(int fd, void *from, size_t n, int flags)');
  const shutdown = c.declare<(fd: number, how: number) => number>('int shutdown(int fd, int how)');
  const reuse = c.declare<CFunction<[fd: number, level: number, name: number, value: Buffer, n: number]>>(
    'int setsockopt(int fd, int level, int name, void *value, unsigned int n)',
  );
  const options = declareOptions(c, result);
  return {
    ...options,
    ...declareMessages(c, result),
    open: (address, { nonBlocking = false } = {}) => {
      const fd = result(socket(address.family, SOCK_STREAM | SOCK_CLOEXEC | (nonBlocking ? SOCK_NONBLOCK : 0), 0));
      if (fd >= 0 && address.family !== AF_UNIX) options.setNoDelay(fd);
      return fd;
    },
    connect: (fd, address) => result(connect(fd, address.bytes, address.bytes.length)),
    listen: (fd, address, backlog) => {
      if (address.family !== AF_UNIX) reuse(fd, SOL_SOCKET, SO_REUSEADDR, word(1), 4);
      const bound = result(bind(fd, address.bytes, address.bytes.length));
      return bound < 0 ? bound : result(listen(fd, backlog));
    },
    accept: (fd) => result(accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC)),
    recv: (fd, into, length, flags) => result(recv(fd, into, length, flags)),
    send: (fd, from, length, flags) => result(send(fd, from, length, flags | MSG_NOSIGNAL)),
    shutdown: (fd) => result(shutdown(fd, SHUT_RDWR)),
  };
}

/** undefined: this platform has no koffi, or is not Linux. */
export const socketCalls: SocketCalls | undefined = libc === undefined ? undefined : declare(libc);
