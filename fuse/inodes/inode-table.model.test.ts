import { describe, expect, it } from '@jest/globals';
import type { FileStatus } from '../../common/api/index.ts';
import { allocateInodes, InodeReader, InodeState, InodeTable, InodeWriter, nowTicks } from './index.ts';

const statusOf = (path: string, version: string): FileStatus => ({
  path,
  ufsUri: `s3://b${path}`,
  type: version === '' ? 'directory' : 'file',
  length: version.length * 1000 + path.length,
  mtimeMs: 5,
  version,
  fileId: version === '' ? '' : Buffer.from(`${path}|${version}`.padEnd(16).slice(0, 16)).toString('hex'),
});

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state % below;
  };
}

/** What the kernel believes: look-ups per node id, and which version each id stands for. */
interface ModelInode {
  lookups: number;
  opens: number;
  readonly status: FileStatus;
}

describe('the inode table against a model of the kernel', () => {
  it.each([1, 2, 3, 4])('never shows two versions under one id, keeps counts, and shared memory says the same (seed %i)', (seed) => {
    const random = randomOf(seed);
    const memory = allocateInodes(64, 1);
    const writer = new InodeWriter(memory, () => undefined);
    const reader = new InodeReader(memory, 0);
    const table = new InodeTable({ writer });
    const kernel = new Map<number, ModelInode>();
    const current = new Map<string, string>();
    for (let step = 0; step < 20_000; step++) {
      const path = `/data/${random(40)}`;
      const ids = [...kernel.keys()];
      const known = ids[random(Math.max(1, ids.length))];
      switch (random(6)) {
        case 0:
        case 1: {
          // More paths than records: some inodes live on the main thread alone.
          const version = random(8) === 0 ? '' : `v${random(4)}`;
          const status = statusOf(path, version);
          const inode = table.lookup(status, 1000);
          const seen = kernel.get(inode.nodeId) ?? { lookups: 0, opens: 0, status };
          expect([seen.status.path, seen.status.version]).toEqual([path, version]);
          seen.lookups++;
          kernel.set(inode.nodeId, seen);
          current.set(path, version);
          expect(table.current(path)).toBe(inode);
          break;
        }
        case 2: {
          if (known === undefined) break;
          const seen = kernel.get(known)!;
          if (seen.opens > 0) break; // the kernel holds what is open
          const lookups = random(3) === 0 ? seen.lookups : 1;
          const went = table.forget(known, lookups);
          seen.lookups -= lookups;
          expect(went !== undefined).toBe(seen.lookups === 0);
          if (seen.lookups === 0) kernel.delete(known);
          break;
        }
        case 3: {
          if (known === undefined) break;
          table.opened(table.get(known)!);
          kernel.get(known)!.opens++;
          break;
        }
        case 4: {
          if (known === undefined || kernel.get(known)!.opens === 0) break;
          table.released(table.get(known)!);
          kernel.get(known)!.opens--;
          break;
        }
        default: {
          if (known === undefined) break;
          const inode = table.get(known)!;
          const seen = kernel.get(known)!;
          expect([inode.status.path, inode.status.version, inode.lookups, table.opens(inode)]).toEqual([seen.status.path, seen.status.version, seen.lookups, seen.opens]);
          const record = reader.enter(known);
          expect(record).toBe(inode.record);
          if (record < 0) break;
          expect([reader.nodeId(record), reader.size(record), reader.state(record) === InodeState.Directory]).toEqual([known, seen.status.length, seen.status.version === '']);
          if (seen.status.version !== '') expect(Buffer.from(reader.fileId(record)).toString('hex')).toBe(seen.status.fileId);
          // What is not the path's newest version is never opened without asking.
          if (current.get(seen.status.path) !== seen.status.version || inode.isSuperseded) expect(reader.isFresh(record, nowTicks())).toBe(false);
          reader.leave();
        }
      }
    }
    for (const [nodeId, { opens }] of kernel) {
      for (let i = 0; i < opens; i++) table.released(table.get(nodeId)!);
    }
    for (const [nodeId, { lookups }] of kernel) expect(table.forget(nodeId, lookups)).toBeDefined();
    expect(table.size).toBe(1);
    for (const nodeId of kernel.keys()) expect(reader.enter(nodeId)).toBe(-1);
  });
});
