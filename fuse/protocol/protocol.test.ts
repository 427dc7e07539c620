import { describe, expect, it } from '@jest/globals';
import { agree, BODY_AT, encodeInvalidateEntry, encodePrune, KernelRequest, Opcode, opcodeName, ReplyBuffer } from './index.ts';

function request(opcode: number, body: Buffer, nodeId = 2 ** 52 - 1): KernelRequest {
  const bytes = Buffer.alloc(40 + body.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(opcode, 4);
  bytes.writeBigUInt64LE(0x0123_4567_89n, 8);
  bytes.writeBigUInt64LE(BigInt(nodeId), 16);
  bytes.writeUInt32LE(1000, 24);
  bytes.writeUInt32LE(2000, 28);
  bytes.writeUInt32LE(3000, 32);
  body.copy(bytes, 40);
  return KernelRequest.of(new Uint8Array(bytes));
}
const attributes = { nodeId: 2 ** 52 - 5, size: 5 * 2 ** 40, mtimeMs: 1_700_000_000_123.5, mode: 0o100444, uid: 7, gid: 8 };

describe('requests', () => {
  it('are read without loss: header, READ beyond 4 GiB, names as bytes', () => {
    const body = Buffer.alloc(40);
    body.writeBigUInt64LE(2n ** 50n + 1n, 0);
    body.writeBigUInt64LE(20n * 2n ** 30n + 4096n, 8);
    body.writeUInt32LE(131_072, 16);
    const read = request(Opcode.Read, body);
    expect([read.opcode, read.unique, read.nodeId, read.uid, read.gid, read.pid]).toEqual([15, 0x0123_4567_89, 2 ** 52 - 1, 1000, 2000, 3000]);
    expect([read.handle, read.offset, read.size]).toEqual([2 ** 50 + 1, 20 * 2 ** 30 + 4096, 131_072]);
    expect(request(Opcode.Lookup, Buffer.from([0x61, 0x80, 0xc3, 0xa9, 0])).name).toBe('a\udc80é');
    const xattr = Buffer.concat([Buffer.alloc(8), Buffer.from('user.alluxio.version\0')]);
    xattr.writeUInt32LE(64, 0);
    expect([request(Opcode.Getxattr, xattr).xattrName, request(Opcode.Getxattr, xattr).xattrSize]).toEqual(['user.alluxio.version', 64]);
  });
  it('give back each forget of a batch, and no more than the message holds', () => {
    const body = Buffer.alloc(8 + 2 * 16);
    body.writeUInt32LE(9, 0); // a count that lies
    for (const [i, id] of [5n, 2n ** 51n].entries()) {
      body.writeBigUInt64LE(id, 8 + i * 16);
      body.writeBigUInt64LE(BigInt(i + 1), 16 + i * 16);
    }
    const seen: number[][] = [];
    request(Opcode.BatchForget, body).eachForget((nodeId, lookups) => seen.push([nodeId, lookups]));
    expect(seen).toEqual([
      [5, 1],
      [2 ** 51, 2],
    ]);
    expect([opcodeName(42), opcodeName(63)]).toEqual(['BatchForget', 'Unknown']);
  });
});

describe('replies', () => {
  it('have their header right in front of a page-aligned body, in one piece', () => {
    const reply = new ReplyBuffer(4096);
    reply.body(5).set(Buffer.from('bytes'));
    reply.length = 5;
    const bytes = reply.finish(0xffff_fff0, 1, 0);
    expect([bytes.length, bytes.readUInt32LE(0), bytes.readInt32LE(4), bytes.readBigUInt64LE(8), bytes.toString('latin1', 16)]).toEqual([21, 21, 0, 0x1_ffff_fff0n, 'bytes']);
    expect(bytes.byteOffset + 16).toBe(BODY_AT);
    const failed = reply.finish(2, 0, 116);
    expect([failed.length, failed.readInt32LE(4)]).toEqual([16, -116]);
  });
  it('show attributes to the nanosecond and sizes beyond 32 bits', () => {
    const reply = new ReplyBuffer(4096);
    reply.attributes(attributes, 1500);
    const body = reply.body(104);
    expect([body.readBigUInt64LE(0), body.readUInt32LE(8)]).toEqual([1n, 500_000_000]);
    expect([body.readBigUInt64LE(16), body.readBigUInt64LE(24), body.readBigUInt64LE(32)]).toEqual([BigInt(2 ** 52 - 5), 5n * 2n ** 40n, (5n * 2n ** 40n) / 512n]);
    expect([body.readBigUInt64LE(48), body.readUInt32LE(68), body.readUInt32LE(76), body.readUInt32LE(80)]).toEqual([1_700_000_000n, 123_500_000, 0o100444, 1]);
    expect([body.readUInt32LE(84), body.readUInt32LE(88)]).toEqual([7, 8]);
  });
  it('tell of a missing name with a time-out, of times before 1970, and of for ever as ten years', () => {
    const reply = new ReplyBuffer(4096);
    reply.missingEntry(1000);
    expect([reply.body(128).readBigUInt64LE(0), reply.body(128).readBigUInt64LE(16)]).toEqual([0n, 1n]);
    reply.reset().attributes({ ...attributes, mtimeMs: -1 }, Infinity);
    expect(reply.body(104).readBigInt64LE(48)).toBe(-1n);
    expect(Number(reply.body(104).readBigUInt64LE(0))).toBe(10 * 365 * 86_400);
  });
  it('pack names of a directory to 8 bytes until the room is used up', () => {
    const reply = new ReplyBuffer(4096);
    const what = { nodeId: 9, isDirectory: false, nextOffset: 3 };
    expect(reply.dirent(Buffer.from('abc'), what, 100, undefined)).toBe(true);
    expect(reply.length).toBe(32);
    expect(reply.dirent(Buffer.from('d'), what, 100, { attributes, entryTimeoutMs: 1, attributeTimeoutMs: 1 })).toBe(false);
    expect(reply.dirent(Buffer.from('d'), what, 192, 'none')).toBe(true);
    const body = reply.body(192);
    expect([body.readBigUInt64LE(32), body.readBigUInt64LE(160), body.readBigUInt64LE(168), body.readUInt32LE(176), body.readUInt32LE(180)]).toEqual([0n, 9n, 3n, 1, 8]);
  });
});

describe('INIT', () => {
  const offer = { major: 7, minor: 45, maxReadAheadBytes: 131_072, flags: 0x73ff_fffb, flags2: 0x7fd };
  it('takes large requests, readdirplus and parallel look-ups, and leaves what would change meaning', () => {
    const { body, minor, flags } = agree(offer, { readAheadBytes: 1 << 20 })!;
    expect([minor, body.readUInt32LE(0), body.readUInt32LE(4), body.readUInt32LE(8), body.readUInt16LE(28)]).toEqual([45, 7, 45, 1 << 20, 256]);
    expect([flags & (1 << 22), flags & (1 << 13), flags & (1 << 14), flags & (1 << 18)].every(Boolean)).toBe(true);
    expect(flags & ((1 << 17) | (1 << 15) | (1 << 16))).toBe(0); // no-open, uninterruptible O_DIRECT, write-back
  });
  it('speaks the older one’s minor version and refuses kernels that are too old', () => {
    expect(agree({ ...offer, minor: 31 }, { readAheadBytes: 0 })!.minor).toBe(31);
    expect([agree({ ...offer, minor: 27 }, { readAheadBytes: 0 }), agree({ ...offer, major: 8 }, { readAheadBytes: 0 })]).toEqual([undefined, undefined]);
  });
});

describe('notifications', () => {
  it('carry code, ids and raw names', () => {
    const entry = encodeInvalidateEntry(2 ** 40, 'a\udcff');
    expect([entry.readUInt32LE(0), entry.readInt32LE(4), entry.readBigUInt64LE(8), entry.readBigUInt64LE(16), entry.readUInt32LE(24)]).toEqual([35, 3, 0n, 2n ** 40n, 2]);
    expect(entry.subarray(32).toString('hex')).toBe('61ff00');
    const prune = encodePrune([7, 2 ** 51]);
    expect([prune.length, prune.readInt32LE(4), prune.readUInt32LE(16), prune.readBigUInt64LE(40)]).toEqual([48, 9, 2, 2n ** 51n]);
  });
});
