import { expect, it } from '@jest/globals';
import { allocateInodes, InodeReader, InodeWriter } from '../inodes/index.ts';
import { allocateThreadMemory, ThreadControl, ThreadCounters, type ThreadSettings } from './thread-memory.ts';
import { ThreadReads } from './thread-reads.ts';
import type { WorkerConnections } from './worker-connections.ts';

const MIB = 2 ** 20;

it('leaves the short tail of a file that the main thread reads ahead to it, and asks for other small reads itself', () => {
  const memory = allocateThreadMemory(allocateInodes(16, 1), 1);
  const writer = new InodeWriter(memory.inodes, () => undefined);
  const size = 2 * MIB + 345;
  const record = writer.insert({ nodeId: 7, isDirectory: false, size, mtimeMs: 0, mode: 0o444, fileId: new Uint8Array(16) });
  writer.setWorker(record, 0);
  const asked: number[] = [];
  const readCached = (_fileId: Uint8Array, offset: number, _into: Buffer, _range: number, length: number): number => (asked.push(offset), length);
  const connections = { worker: () => ({ pageSizeBytes: 4 * MIB, endpoint: { unixPath: '' } }), get: () => ({ readCached }) } as unknown as WorkerConnections;
  const reads = new ThreadReads({
    inodes: new InodeReader(memory.inodes, 0),
    control: new ThreadControl(memory),
    counters: new ThreadCounters(memory, 0),
    connections,
    settings: {} as ThreadSettings,
  });
  const read = (offset: number, length: number): boolean => reads.read(record, { offset, length }, Buffer.alloc(4096), 0);
  expect(read(2 * MIB, 345)).toBe(true);
  writer.addMainHandle(record, 1);
  expect(read(2 * MIB, 345)).toBe(false);
  expect(read(4096, 4096)).toBe(true);
  expect(asked).toEqual([2 * MIB, 4096]);
});
