// Socket addresses as the kernel wants them: sockaddr_in, sockaddr_in6, sockaddr_un. Names are resolved by libc, which may block for as long as its resolver does.
import { isIP } from 'node:net';
import { libc, type Libc } from './libc.ts';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
const SOCK_STREAM = 1;
const UNIX_PATH_BYTES_MAX = 107;
const INET_BYTES = 16;
const INET6_BYTES = 28;
const ADDRINFO_BYTES = 48;
const CHAIN_MAX = 64;

export interface SocketAddress {
  readonly family: number;
  readonly bytes: Buffer;
}

/** @returns undefined when the path does not fit a unix address */
export function unixAddress(path: string): SocketAddress | undefined {
  const name = Buffer.from(path);
  if (name.length === 0 || name.length > UNIX_PATH_BYTES_MAX) return undefined;
  const bytes = Buffer.alloc(2 + name.length + 1);
  bytes.writeUInt16LE(AF_UNIX, 0);
  name.copy(bytes, 2);
  return { family: AF_UNIX, bytes };
}

function inet4(host: string, port: number): SocketAddress {
  const bytes = Buffer.alloc(INET_BYTES);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(host.split('.').map(Number), 4);
  return { family: AF_INET, bytes };
}

/** Addresses of a resolver's answer: struct addrinfo {flags, family, socktype, protocol: int; addrlen: u32; addr, canonname, next: pointer} on 64-bit Linux. */
function* answers(c: Libc, first: number): Generator<Buffer> {
  for (let at = first, steps = 0; at !== 0 && steps < CHAIN_MAX; steps++) {
    const entry = c.view(at, ADDRINFO_BYTES);
    const length = entry.readUInt32LE(16);
    const address = Number(entry.readBigUInt64LE(24));
    if (address !== 0 && length >= INET_BYTES && length <= INET6_BYTES) yield Buffer.from(c.view(address, length));
    at = Number(entry.readBigUInt64LE(40));
  }
}

type Resolve = (host: string, port: number) => SocketAddress | undefined;

function declareResolver(c: Libc): Resolve {
  const getaddrinfo = c.declare<(host: string, service: null, hints: Buffer, out: number) => number>(
    'int getaddrinfo(const char *host, const char *service, void *hints, void *out)',
  );
  const freeaddrinfo = c.declare<(first: number) => void>('void freeaddrinfo(void *first)');
  const out = c.allocate(8);
  const hints = Buffer.alloc(ADDRINFO_BYTES);
  hints.writeInt32LE(SOCK_STREAM, 8);
  return (host, port) => {
    if (getaddrinfo(host, null, hints, out.address) !== 0) return undefined;
    const first = Number(out.bytes.readBigUInt64LE(0));
    const found = [...answers(c, first)];
    freeaddrinfo(first);
    const bytes = found.find((address) => address.readUInt16LE(0) === AF_INET) ?? found.find((address) => address.readUInt16LE(0) === AF_INET6);
    bytes?.writeUInt16BE(port, 2);
    return bytes === undefined ? undefined : { family: bytes.readUInt16LE(0), bytes };
  };
}

const resolve: Resolve = libc === undefined ? () => undefined : declareResolver(libc);

/** @param host an address or a name; '' for any. @returns undefined: nobody knows the name */
export function inetAddress(host: string, port: number): SocketAddress | undefined {
  if (host === '') return inet4('0.0.0.0', port);
  return isIP(host) === 4 ? inet4(host, port) : resolve(host, port);
}

/** Port of a sockaddr_in or sockaddr_in6. */
export const portOf = (address: Buffer): number => address.readUInt16BE(2);
