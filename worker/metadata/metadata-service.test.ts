import { describe, expect, it } from '@jest/globals';
import type { MountEntry } from '../../common/api/index.ts';
import { FakeClock } from '../../common/async/index.ts';
import { MountTable } from '../../common/namespace/index.ts';
import { MemoryUfs } from '../../ufs/testing/memory-ufs.ts';
import { MetadataService } from './metadata-service.ts';
import { StatusCache } from './status-cache.ts';

const mountOf = (mountPath: string, generation = 1): MountEntry => ({ mountPath, ufsUri: 'memory://test/', options: {}, sealedOptions: '', generation, owner: 'cli' });

function setUp(...keys: string[]) {
  const requests = { status: 0, list: 0 };
  const ufs = new MemoryUfs({
    objects: Object.fromEntries(keys.map((key) => [key, Buffer.from(key.endsWith('/') ? '' : key)])),
    observer: { request: (op) => void requests[op as 'status']++, bytes: () => undefined },
  });
  const clock = new FakeClock();
  const state = { mounts: [mountOf('/data')] };
  const mounts = {
    resolve: (path: string) => {
      const found = new MountTable(state.mounts).resolve(path);
      return found === undefined ? undefined : { mount: found.mount, key: found.key, ufs };
    },
    entries: () => state.mounts,
  };
  return { ufs, clock, requests, state, service: new MetadataService({ mounts, cacheBytes: 1 << 20, timeoutMs: 1000, clock }) };
}

describe('status', () => {
  it('fills in path and fileId, and a directory wins over an object of its name', async () => {
    const { service } = setUp('a', 'a/b', 'f', 'm/');
    expect((await service.status('/data/f', 0)).status).toMatchObject({ path: '/data/f', type: 'file', length: 1, fileId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    for (const path of ['/data/a', '/data/m', '/data', '/']) expect((await service.status(path, 0)).status).toMatchObject({ path, type: 'directory' });
    expect((await service.status('/elsewhere/x', 0)).status).toBeUndefined();
  });

  it('answers from the cache as long as the request allows, and tells the age', async () => {
    const { service, clock, requests } = setUp('f');
    await service.status('/data/f', 60_000);
    await clock.advance(5000);
    expect(await service.status('/data/f', 5000)).toMatchObject({ ageMs: 5000, status: { path: '/data/f' } });
    expect(requests.status).toBe(1);
    expect(await service.status('/data/f', 4999)).toMatchObject({ ageMs: 0 });
    expect(requests.status).toBe(2);
  });

  it('believes that nothing is there for one second at most', async () => {
    const { service, clock, ufs, requests } = setUp();
    expect((await service.status('/data/f', 60_000)).status).toBeUndefined();
    await ufs.write('f', Buffer.from('new'));
    await clock.advance(1000);
    expect((await service.status('/data/f', 60_000)).status).toBeUndefined();
    expect(requests.status).toBe(1);
    await clock.advance(1);
    expect((await service.status('/data/f', 60_000)).status).toMatchObject({ length: 3 });
  });

  it('asks once for callers that come together', async () => {
    const { service, requests } = setUp('f');
    await Promise.all(Array.from({ length: 50 }, () => service.status('/data/f', 0)));
    expect(requests.status).toBe(1);
  });

  it('a caller that must see the present is not answered by a question sent before', async () => {
    const { service, clock, ufs } = setUp('f');
    const original = ufs.status.bind(ufs);
    let proceed = (): void => undefined;
    ufs.status = async (key, options) => {
      const seen = await original(key, options);
      await new Promise<void>((resolve) => (proceed = resolve));
      return seen;
    };
    const first = service.status('/data/f', 0);
    await clock.advance(1);
    await ufs.write('f', Buffer.from('longer'));
    await clock.advance(10);
    ufs.status = original;
    const second = service.status('/data/f', 0);
    proceed();
    expect((await first).status).toMatchObject({ length: 1 });
    expect((await second).status).toMatchObject({ length: 6 });
  });

  it('a changed mount never shows what its predecessor had', async () => {
    const { service, state, requests } = setUp('f');
    await service.status('/data/f', 60_000);
    state.mounts = [mountOf('/data', 2)];
    await service.status('/data/f', 60_000);
    expect(requests.status).toBe(2);
  });

  it('serves a weak version that changed just now without keeping it', async () => {
    const { service, ufs, clock, requests } = setUp();
    Object.assign(ufs, { capabilities: { ...ufs.capabilities, versionStrength: 'weak', realDirectories: true } });
    const changedNs = BigInt(clock.wallMs()) * 1_000_000n;
    const young = { path: '', ufsUri: 'memory://test/f', type: 'file', length: 1, mtimeMs: 0, version: `file:1-1-${changedNs}-${changedNs}`, fileId: '' } as const;
    ufs.status = async () => {
      requests.status++;
      return young;
    };
    await service.status('/data/f', 60_000);
    await service.status('/data/f', 60_000);
    expect(requests.status).toBe(2);
    await clock.advance(2000);
    await service.status('/data/f', 60_000);
    expect((await service.status('/data/f', 60_000)).status).toMatchObject({ length: 1, path: '/data/f' });
    expect(requests.status).toBe(3);
  });
});

describe('list', () => {
  it('pages through a directory, counts what is hidden, and answers later statuses', async () => {
    const { service, requests } = setUp('d/a', 'd//x', 'd/b', 'd/c/e', 'd/c');
    const names: string[] = [];
    let hidden = 0;
    for (let startAfter: string | undefined, more = true; more; ) {
      const page = await service.list({ path: '/data/d', limit: 1, ...(startAfter !== undefined && { startAfter }) });
      names.push(...page.entries.map(({ path }) => path));
      hidden += page.hidden;
      startAfter = page.next;
      more = page.truncated;
    }
    expect({ names: names.toSorted(), hidden }).toEqual({ names: ['/data/d/a', '/data/d/b', '/data/d/c'], hidden: 2 });
    const before = { ...requests };
    expect((await service.status('/data/d/b', 60_000)).status).toMatchObject({ type: 'file', length: 3 });
    expect(requests).toEqual(before);
  });

  it('shows the mounts at the root in byte order, a page at a time', async () => {
    const { service, state } = setUp();
    state.mounts = [mountOf('/b'), mountOf('/a')];
    const page = await service.list({ path: '/', limit: 1 });
    expect(page).toMatchObject({ entries: [{ path: '/a' }], truncated: true, next: 'a' });
    expect(await service.list({ path: '/', startAfter: page.next! })).toMatchObject({ entries: [{ path: '/b' }], truncated: false });
  });

  it('tells a missing directory from a file', async () => {
    const { service } = setUp('f');
    await expect(service.list({ path: '/data/none' })).rejects.toMatchObject({ code: 'PathNotFound' });
    await expect(service.list({ path: '/data/f' })).rejects.toMatchObject({ code: 'NotADirectory' });
    await expect(service.list({ path: '/none' })).rejects.toMatchObject({ code: 'PathNotFound' });
  });
});

describe('the status cache', () => {
  it('keeps to its bytes and drops what was used longest ago', () => {
    const cache = new StatusCache(1200);
    for (const key of ['a', 'b', 'c']) cache.set(key, { status: undefined, validatedAtMs: 1 });
    cache.get('a', 'a');
    for (let i = 0; i < 8; i++) cache.set(`x${i}`, { status: undefined, validatedAtMs: 1 });
    expect(cache.usedBytes).toBeLessThanOrEqual(1200);
    expect([cache.get('a', 'a') !== undefined, cache.get('b', 'b') !== undefined]).toEqual([true, false]);
    expect(cache.evictions).toBeGreaterThan(0);
  });

  it('gives back names that are not UTF-8, and counts to zero when emptied', () => {
    const cache = new StatusCache(10_000);
    const status = { path: '/d/\udcff', ufsUri: 'file:///\udcff', type: 'file', length: 1, mtimeMs: 2, version: 'v', fileId: 'i' } as const;
    cache.set('k', { status, validatedAtMs: 1.5 });
    expect(cache.get('k', status.path)).toEqual({ status, validatedAtMs: 1.5 });
    cache.set('k', { status: undefined, validatedAtMs: 1 });
    expect(cache.get('k', '')?.status).toBeDefined();
    cache.delete('k');
    expect(cache.usedBytes).toBe(0);
  });
});
