import { describe, expect, it } from '@jest/globals';
import type { MountEntry } from '../../common/api/index.ts';
import { FakeClock } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { DEFAULT_SETTINGS } from '../client-settings.ts';
import { ScriptedUfs } from '../testing/scripted-ufs.ts';
import { UfsMounts, type UfsMountsOptions } from './ufs-mounts.ts';

const mount: MountEntry = { mountPath: '/data', ufsUri: 's3://bucket/', options: { 's3.region': 'r1' }, sealedOptions: 'sealed', generation: 1, owner: 'cli' };

interface Stage {
  readonly mounts: UfsMounts;
  readonly clock: FakeClock;
  readonly opened: Record<string, string>[];
  readonly closed: ScriptedUfs[];
}

function stage(change: Partial<UfsMountsOptions> = {}): Stage {
  const clock = new FakeClock();
  const opened: Record<string, string>[] = [];
  const closed: ScriptedUfs[] = [];
  const open: UfsMountsOptions['open'] = ({ options }) => {
    opened.push(options);
    const ufs = new ScriptedUfs();
    ufs.close = () => {
      closed.push(ufs);
      return Promise.resolve();
    };
    return ufs;
  };
  const observer = { request: () => undefined, bytes: () => undefined };
  const rest = { unseal: () => ({ 's3a.secretKey': 'secret' }), options: { 's3.region': 'r0', 's3.endpoint': 'e' }, observer, settings: DEFAULT_SETTINGS, clock };
  return { mounts: new UfsMounts({ open, ...rest, ...change }), clock, opened, closed };
}

describe('direct access to mounts', () => {
  it('opens each mount once, its own options before those of the process, secrets unsealed', async () => {
    const { mounts, opened } = stage();
    const [first, second] = await Promise.all([mounts.get(mount), mounts.get({ ...mount })]);
    expect(first).toBe(second);
    expect(opened).toEqual([{ 's3.region': 'r1', 's3.endpoint': 'e', 's3a.secretKey': 'secret' }]);
  });

  it('opens anew when the mount changes and closes the old one later, when its readers are through', async () => {
    const { mounts, opened, closed, clock } = stage();
    const old = await mounts.get(mount);
    const next = await mounts.get({ ...mount, options: { 's3.region': 'r2' }, generation: 2 });
    expect(next.ufs).not.toBe(old.ufs);
    expect(opened).toHaveLength(2);
    await clock.advance(1000);
    expect(closed).toEqual([]);
    await clock.advance(120_000);
    expect(closed).toEqual([old.ufs]);
  });

  it('a mount with secrets needs the key; one without does not', async () => {
    const { mounts } = stage({ unseal: undefined });
    expect(mounts.mayOpen(mount)).toBe(false);
    await expect(mounts.get(mount)).rejects.toMatchObject({ code: 'WorkerUnavailable', context: { remedy: expect.stringContaining('sealing key') } });
    expect(mounts.mayOpen({ ...mount, sealedOptions: '' })).toBe(true);
  });

  it('the fallback can be switched off', async () => {
    const { mounts } = stage({ settings: { ...DEFAULT_SETTINGS, ufsFallbackEnabled: false } });
    await expect(mounts.get(mount)).rejects.toMatchObject({ context: { remedy: expect.stringContaining('ufs.fallback.enabled') } });
  });

  it('an opening that failed is tried again', async () => {
    let failures = 1;
    const { mounts } = stage({
      open: () => {
        if (failures-- > 0) throw new CacheError('UfsUnavailable', 'scripted');
        return new ScriptedUfs();
      },
    });
    await expect(mounts.get(mount)).rejects.toMatchObject({ code: 'UfsUnavailable' });
    expect((await mounts.get(mount)).ufs).toBeDefined();
  });

  it('closes everything, also what was replaced', async () => {
    const { mounts, closed } = stage();
    await mounts.get(mount);
    await mounts.get({ ...mount, ufsUri: 's3://other/' });
    await mounts.close();
    expect(closed).toHaveLength(2);
    await expect(mounts.get(mount)).rejects.toMatchObject({ code: 'WorkerUnavailable' });
  });
});
