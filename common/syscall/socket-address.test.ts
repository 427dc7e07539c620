import { describe, expect, it } from '@jest/globals';
import { libc } from './libc.ts';
import { AF_INET, AF_INET6, inetAddress, portOf, unixAddress } from './socket-address.ts';

describe('socket address', () => {
  it('writes IPv4 addresses and ports in network order', () => {
    const address = inetAddress('192.0.2.7', 29_997)!;
    expect(address.family).toBe(AF_INET);
    expect([...address.bytes.subarray(2, 8)]).toEqual([0x75, 0x2d, 192, 0, 2, 7]);
    expect(portOf(address.bytes)).toBe(29_997);
    expect([...inetAddress('', 1)!.bytes.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
  });

  it('takes a unix path of 107 bytes and no longer or empty one', () => {
    expect(unixAddress('/'.padEnd(107, 'a'))?.bytes).toHaveLength(110);
    expect(unixAddress('/'.padEnd(108, 'a'))).toBeUndefined();
    expect(unixAddress('')).toBeUndefined();
  });

  const itWithLibc = libc === undefined ? it.skip : it; // names and IPv6 go through libc
  itWithLibc('resolves names and IPv6 addresses, and says when nobody knows one', () => {
    expect([...inetAddress('localhost', 80)!.bytes.subarray(2, 8)]).toEqual([0, 80, 127, 0, 0, 1]);
    const six = inetAddress('::1', 443)!;
    expect([six.family, six.bytes.length, six.bytes[23], portOf(six.bytes)]).toEqual([AF_INET6, 28, 1, 443]);
    expect(inetAddress('no.such.host.invalid', 1)).toBeUndefined();
  });
});
