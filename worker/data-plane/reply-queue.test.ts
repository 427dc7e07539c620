import { describe, expect, it } from '@jest/globals';
import type { DescriptorCalls, SocketCalls } from '../../common/syscall/index.ts';
import { mayLendPages, Reply, ReplyQueue, type ReplyTools, SCRATCH_BYTES } from './reply-queue.ts';

describe('reply queue', () => {
  it('lends pages to the socket only where no folio reaches beyond a page', () => {
    const [kib, mib] = [1024, 1024 * 1024];
    expect([64 * kib, mib, 2 * mib, 4 * mib].map((bytes) => mayLendPages(bytes, 4 * kib))).toEqual([false, false, true, true]);
    expect([4 * mib, 64 * mib].map((bytes) => mayLendPages(bytes, 16 * kib))).toEqual([false, true]);
    expect(mayLendPages(64 * mib, 64 * kib)).toBe(false);
  });

  /** Sends a page whose bytes leave with these results of sendfile. */
  function send(results: number[]): { readonly outcome: string; readonly unreadable: number } {
    let unreadable = 0;
    const tools: ReplyTools = {
      reader: { acquire: () => 0, descriptor: () => 9, lengthBytes: () => 0, release: () => undefined, handOut: () => -1 },
      sockets: { send: (_fd: number, _from: unknown, length: number) => length } as unknown as SocketCalls,
      descriptors: { sendfile: () => results.shift()! } as unknown as DescriptorCalls,
      counters: new Float64Array(16),
      pageSizeBytes: 4 << 20,
      sendTimeoutMs: 1000,
      isZeroCopy: true,
      scratch: { address: 0, bytes: Buffer.alloc(SCRATCH_BYTES) },
      spare: [],
    };
    const queue = new ReplyQueue(3, tools, { missed: () => undefined, finished: () => undefined, unreadable: () => unreadable++ });
    const reply = new Reply();
    reply.length = 1 << 20;
    queue.addPinned(reply, 0);
    return { outcome: queue.pump(0), unreadable };
  }

  it('suspects a page’s file that ends early or fails, and not that of a client that has gone', () => {
    expect(send([1000, 0])).toEqual({ outcome: 'broken', unreadable: 1 });
    expect(send([1000, -5])).toEqual({ outcome: 'broken', unreadable: 1 });
    for (const gone of [-32, -104, -110]) expect(send([1000, gone])).toEqual({ outcome: 'broken', unreadable: 0 });
  });

  it('goes on when a signal cut a call short', () => {
    expect(send([-4, 1000, (1 << 20) - 1000])).toEqual({ outcome: 'idle', unreadable: 0 });
  });
});
