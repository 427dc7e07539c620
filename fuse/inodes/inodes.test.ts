import { describe, expect, it } from '@jest/globals';
import type { FileStatus } from '../../common/api/index.ts';
import { DescriptorSweep } from './descriptor-sweep.ts';
import { allocateInodes, InodePruner, InodeReader, InodeTable, InodeWriter, nodeIdOf, nowTicks } from './index.ts';

const file = (path: string, version = 'v1'): FileStatus => ({ path, ufsUri: 's3://b/x', type: 'file', length: 10, mtimeMs: 0, version, fileId: 'ab'.repeat(16) });

function build(recordsMax = 100, threads = 2) {
  const closed: number[] = [];
  const memory = allocateInodes(recordsMax, threads);
  const writer = new InodeWriter(memory, (fd) => closed.push(fd));
  return { closed, writer, table: new InodeTable({ writer }), readers: Array.from({ length: threads }, (_, thread) => new InodeReader(memory, thread)) };
}

describe('node ids', () => {
  it('differ by path, version and type, and are whole numbers that JavaScript holds', () => {
    const ids = [file('/d/a'), file('/d/a', 'v2'), file('/d/b'), { ...file('/d/a'), type: 'directory' as const }, file('/d/\udc80'), file('/d/\udc81')].map(nodeIdOf);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => Number.isSafeInteger(id) && id > 1)).toBe(true);
    expect(nodeIdOf({ path: '/', version: '', type: 'directory' })).toBe(1);
  });
  it('that collide are told apart', () => {
    const { table } = build();
    const a = table.lookup(file('/d/a'), 1000);
    const key = file('/d/b');
    // As if /d/b hashed to the id of /d/a: the table is asked for the next free one.
    const other = new InodeTable({ writer: build().writer });
    expect(other.idOf(key)).toBe(nodeIdOf(key));
    expect(table.idOf(file('/d/a'))).toBe(a.nodeId);
  });
});

describe('versions of a path', () => {
  it('a newer version supersedes the older one, which must not be opened any more; an older one that returns is current again', () => {
    const { table, readers } = build();
    const first = table.lookup(file('/d/a', 'v1'), 10_000);
    const second = table.lookup(file('/d/a', 'v2'), 10_000);
    expect([first.isSuperseded, second.isSuperseded]).toEqual([true, false]);
    const record = readers[0]!.enter(first.nodeId);
    expect(readers[0]!.isFresh(record, nowTicks())).toBe(false);
    readers[0]!.leave();
    expect(table.lookup(file('/d/a', 'v1'), 10_000)).toBe(first);
    expect([first.isSuperseded, second.isSuperseded]).toEqual([false, true]);
  });
  it('freshness runs out; immutable stays', () => {
    const { table, readers } = build();
    const [reader] = readers;
    const brief = table.lookup(file('/d/a'), 500);
    const forGood = table.lookup(file('/d/b'), Infinity);
    expect(reader!.isFresh(brief.record, nowTicks())).toBe(true);
    expect(reader!.isFresh(brief.record, nowTicks() + 6)).toBe(false);
    expect(reader!.isFresh(forGood.record, nowTicks() + 1e9)).toBe(true);
  });
});

describe('descriptors in records', () => {
  it('are closed only when no thread uses the record', () => {
    const { table, writer, readers, closed } = build();
    const inode = table.lookup(file('/d/a'), 1000);
    const record = readers[0]!.enter(inode.nodeId);
    expect(readers[0]!.offerDescriptor(record, 77)).toBe(true);
    expect(readers[1]!.offerDescriptor(record, 78)).toBe(false);
    expect(writer.dropDescriptor(record)).toBe(true);
    writer.reap();
    expect(closed).toEqual([]);
    readers[0]!.leave();
    writer.reap();
    expect(closed).toEqual([77]);
  });
  it('a forgotten inode’s record is not given to another while a thread uses it', () => {
    const { table, writer, readers, closed } = build(3);
    const inode = table.lookup(file('/d/a'), 1000);
    const record = readers[1]!.enter(inode.nodeId);
    readers[1]!.offerDescriptor(record, 5);
    table.forget(inode.nodeId, 1);
    const others = [table.lookup(file('/d/b'), 1), table.lookup(file('/d/c'), 1)];
    expect(others.map((other) => other.record)).not.toContain(record);
    expect([others[1]!.record, closed]).toEqual([-1, []]);
    readers[1]!.leave();
    expect(table.lookup(file('/d/e'), 1).record).toBe(record);
    expect(closed).toEqual([5]);
    writer.removeAll();
  });
  it('beyond their limit they are taken from inodes that nobody has open', () => {
    const { table, writer, readers, closed } = build();
    const inodes = Array.from({ length: 10 }, (_, i) => table.lookup(file(`/d/${i}`), 1000));
    for (const [i, inode] of inodes.entries()) readers[0]!.offerDescriptor(inode.record, 100 + i);
    table.opened(inodes[0]!);
    new DescriptorSweep({ table, writer, held: () => 10 - closed.length, heldMax: 5 }).run();
    expect(closed).toEqual([101, 102, 103, 104, 105, 106]);
  });
  it('one thread only is told to ask for a descriptor, and again after a while', () => {
    const { table, readers } = build();
    const { record } = table.lookup(file('/d/a'), 1000);
    expect([readers[0]!.claimLocalTry(record, 100, 110), readers[1]!.claimLocalTry(record, 100, 110), readers[1]!.claimLocalTry(record, 110, 120)]).toEqual([true, false, true]);
  });
});

describe('the limit of inodes', () => {
  it.each([
    [45, 1],
    [44, 11],
  ])('is kept by asking the kernel to forget the oldest that nobody has open (minor %i: %i notifications)', (minor, expected) => {
    const { table } = build();
    const sent: Buffer[] = [];
    const pruner = new InodePruner({ table, inodesMax: 100, minor, send: (notifications) => sent.push(...notifications) });
    const inodes = Array.from({ length: 101 }, (_, i) => table.lookup(file(`/${i}`), 1000));
    table.opened(inodes[0]!);
    pruner.relieve();
    pruner.relieve();
    expect(sent).toHaveLength(minor >= 45 ? expected : pruner.pruned);
    expect(pruner.pruned).toBe(12);
    expect(sent[0]!.readInt32LE(4)).toBe(minor >= 45 ? 9 : 3);
    if (minor >= 45) expect(sent[0]!.readUInt32LE(16)).toBe(12);
  });
});
