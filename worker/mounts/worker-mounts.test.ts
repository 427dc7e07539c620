import { describe, expect, it } from '@jest/globals';
import type { MountEntry } from '../../common/api/index.ts';
import { FakeClock } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { MemoryUfs } from '../../ufs/testing/memory-ufs.ts';
import { WorkerMounts } from './worker-mounts.ts';

const mountOf = (change: Partial<MountEntry> = {}): MountEntry => ({
  mountPath: '/data',
  ufsUri: 'memory://test/',
  options: { own: '1' },
  sealedOptions: '',
  generation: 1,
  owner: 'cli',
  ...change,
});

function setUp() {
  const opened: { options: Record<string, string>; ufs: MemoryUfs; isClosed: boolean }[] = [];
  const failures: string[] = [];
  const state = { fault: undefined as CacheError | undefined };
  const clock = new FakeClock();
  const mounts = new WorkerMounts({
    open: ({ options }) => {
      if (state.fault !== undefined) throw state.fault;
      const ufs = new MemoryUfs();
      const row = { options, ufs, isClosed: false };
      ufs.close = async () => void (row.isClosed = true);
      opened.push(row);
      return ufs;
    },
    unseal: (sealed) => ({ secret: `open ${sealed}` }),
    options: { own: '0', process: '1' },
    observer: { request: () => undefined, bytes: () => undefined },
    onFailure: (mountPath, error) => void failures.push(`${mountPath} ${error.code}`),
    clock,
  });
  return { mounts, opened, failures, state, clock };
}

describe('mounts of a worker', () => {
  it('are opened with the process’s options, their own, and their secrets', () => {
    const { mounts, opened } = setUp();
    mounts.update([mountOf({ sealedOptions: 'x' })]);
    expect(opened[0]!.options).toEqual({ own: '1', process: '1', secret: 'open x' });
    expect(mounts.resolve('/data/a//b')).toMatchObject({ key: 'a//b', mount: { mountPath: '/data' } });
    expect(mounts.resolve('/other/a')).toBeUndefined();
  });

  it('stay open while only their generation changes; changed options replace them, and the old one closes when reads have ended', async () => {
    const { mounts, opened, clock } = setUp();
    mounts.update([mountOf()]);
    mounts.update([mountOf({ generation: 2 })]);
    expect(opened).toHaveLength(1);
    mounts.update([mountOf({ generation: 3, options: { own: '2' } })]);
    expect(opened).toHaveLength(2);
    expect(mounts.resolve('/data/f')!.ufs).toBe(opened[1]!.ufs);
    await clock.advance(30_000);
    expect(opened[0]!.isClosed).toBe(false);
    await clock.advance(40_000);
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    mounts.update([]);
    expect(mounts.resolve('/data/f')).toBeUndefined();
    await mounts.close();
    expect(opened.every(({ isClosed }) => isClosed)).toBe(true);
  });

  it('a mount that cannot be opened tells why, is tried again, and does not harm the others', async () => {
    const { mounts, failures, state, clock } = setUp();
    mounts.update([mountOf({ mountPath: '/good' })]);
    state.fault = new CacheError('Unauthenticated', 'Sealed secrets cannot be opened.');
    mounts.update([mountOf({ mountPath: '/good' }), mountOf({ mountPath: '/bad', ufsUri: 'memory://bad/' })]);
    expect(() => mounts.resolve('/bad/f')).toThrow(expect.objectContaining({ code: 'Unauthenticated', source: 'ufs' }));
    expect(mounts.resolve('/good/f')).toBeDefined();
    expect(failures).toEqual(['/bad Unauthenticated']);
    state.fault = undefined;
    await clock.advance(1000);
    expect(mounts.resolve('/bad/f')).toBeDefined();
  });
});
