import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../common/async/index.ts';
import { type CredentialProvider, RenewedCredentials } from './credentials.ts';

const HOUR_MS = 3_600_000;

function stage(provide: (clock: FakeClock, calls: number) => ReturnType<CredentialProvider>) {
  const clock = new FakeClock();
  const state = { calls: 0, made: 0 };
  const credentials = new RenewedCredentials(() => {
    state.made++;
    return Promise.resolve(() => provide(clock, ++state.calls));
  }, clock);
  return { clock, state, source: credentials.source };
}
const expiring = (clock: FakeClock, calls: number): ReturnType<CredentialProvider> =>
  Promise.resolve({ accessKeyId: `key-${calls}`, secretAccessKey: 's', expiration: new Date(clock.wallMs() + HOUR_MS) });

describe('provided credentials', () => {
  it('are asked for once by many callers and renewed before they expire', async () => {
    const { clock, state, source } = stage(expiring);
    const all = await Promise.all([source(), source(), source()]);
    expect(new Set(all.map((each) => each?.accessKeyId))).toEqual(new Set(['key-1']));
    await clock.advance(HOUR_MS - 6 * 60_000);
    expect(await source()).toMatchObject({ accessKeyId: 'key-1' });
    await clock.advance(2 * 60_000);
    expect(await source()).toMatchObject({ accessKeyId: 'key-2' });
    expect(state).toEqual({ calls: 2, made: 1 });
  });

  it('stay in use while a renewal fails, as long as they last', async () => {
    const { clock, source } = stage((now, calls) => (calls === 1 ? expiring(now, calls) : Promise.reject(new Error('sts is down'))));
    await source();
    await clock.advance(HOUR_MS - 60_000);
    expect(await source()).toMatchObject({ accessKeyId: 'key-1' });
    await clock.advance(2 * 60_000);
    await expect(source()).rejects.toMatchObject({ code: 'UfsUnavailable' });
  });

  it('none at all is Unauthenticated with a remedy; a failure is forgotten at the next call', async () => {
    const missing = Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' });
    const { source } = stage((clock, calls) => (calls === 1 ? Promise.reject(missing) : expiring(clock, calls)));
    await expect(source()).rejects.toMatchObject({ code: 'Unauthenticated', context: { remedy: expect.stringContaining('s3a.accessKeyId') } });
    expect(await source()).toMatchObject({ accessKeyId: 'key-2' });
  });

  it('that the store refuses are renewed once for all who were refused, and not again at once', async () => {
    const { clock, state, source } = stage(expiring);
    await source();
    const signedAtMs = clock.nowMs();
    await clock.advance(100);
    expect([source.refused?.(signedAtMs), source.refused?.(signedAtMs)]).toEqual([true, true]);
    expect(await Promise.all([source(), source()])).toMatchObject([{ accessKeyId: 'key-2' }, { accessKeyId: 'key-2' }]);
    expect(source.refused?.(clock.nowMs())).toBe(false);
    await clock.advance(10_000);
    expect(source.refused?.(clock.nowMs())).toBe(true);
    expect(await source()).toMatchObject({ accessKeyId: 'key-3' });
    expect(state).toEqual({ calls: 3, made: 3 });
  });

  it('without expiry are kept', async () => {
    const { clock, state, source } = stage(() => Promise.resolve({ accessKeyId: 'a', secretAccessKey: 's' }));
    await source();
    await clock.advance(1000 * HOUR_MS);
    await source();
    expect(state.calls).toBe(1);
  });
});
