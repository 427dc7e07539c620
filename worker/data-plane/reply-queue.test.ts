import { describe, expect, it } from '@jest/globals';
import { mayLendPages } from './reply-queue.ts';

describe('reply queue', () => {
  it('lends pages to the socket only where no folio reaches beyond a page', () => {
    const [kib, mib] = [1024, 1024 * 1024];
    expect([64 * kib, mib, 2 * mib, 4 * mib].map((bytes) => mayLendPages(bytes, 4 * kib))).toEqual([false, false, true, true]);
    expect([4 * mib, 64 * mib].map((bytes) => mayLendPages(bytes, 16 * kib))).toEqual([false, true]);
    expect(mayLendPages(64 * mib, 64 * kib)).toBe(false);
  });
});
