import { describe, expect, it } from '@jest/globals';
import type { MembershipView } from '../../common/api/index.ts';
import { FakeClock } from '../../common/async/index.ts';
import { MembershipPolls } from './membership-polls.ts';

const viewOf = (revision: number, change: Partial<MembershipView> = { staticRing: revision % 2 === 0 }): MembershipView => ({
  clusterName: 'test',
  clusterUid: 'c',
  generation: 1,
  revision,
  staticRing: false,
  members: [],
  mounts: [],
  fuseClients: 0,
  ...change,
});
const never = new AbortController().signal;

function setUp(pollsMax = 10) {
  const clock = new FakeClock();
  const polls = new MembershipPolls({ pollsMax, clock });
  const ask = (revision: number, options: { waitMs?: number; identity?: string; signal?: AbortSignal; generation?: number } = {}): Promise<number | undefined> => {
    const { waitMs = 10_000, identity = 'fuse/a', signal = never, generation = 1 } = options;
    return polls
      .answer(Buffer.from(JSON.stringify({ revision, generation, waitMs })), { role: 'fuse', identity }, signal)
      .then((bytes) => (bytes.length === 0 ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as MembershipView).revision));
  };
  return { clock, polls, ask };
}

describe('membership polls', () => {
  it('answer at once who has another view, and hold who has this one until it changes', async () => {
    const { clock, polls, ask } = setUp();
    polls.publish(viewOf(5));
    expect(await ask(0)).toBe(5);
    expect(await ask(7)).toBe(5);
    expect(await ask(5, { generation: 2 })).toBe(5);
    const held = ask(5);
    await clock.advance(5000);
    expect(polls.parked).toBe(1);
    polls.publish(viewOf(6));
    await clock.advance(200);
    expect(await held).toBe(6);
    expect(polls.parked).toBe(0);
  });

  it('tell views that follow each other quickly as one', async () => {
    const { clock, polls, ask } = setUp();
    polls.publish(viewOf(1));
    const held = ask(1);
    for (const revision of [2, 3, 4]) polls.publish(viewOf(revision));
    await clock.advance(199);
    expect(polls.parked).toBe(1);
    await clock.advance(1);
    expect(await held).toBe(4);
  });

  it('tell a changed number of clients later than what routing depends on, or together with it', async () => {
    const { clock, polls, ask } = setUp();
    polls.publish(viewOf(1, {}));
    const first = ask(1);
    polls.publish(viewOf(2, { fuseClients: 5 }));
    await clock.advance(1999);
    expect(polls.parked).toBe(1);
    await clock.advance(1);
    expect(await first).toBe(2);
    const second = ask(2);
    polls.publish(viewOf(3, { fuseClients: 6 }));
    polls.publish(viewOf(4, { fuseClients: 6, staticRing: true }));
    await clock.advance(200);
    expect(await second).toBe(4);
    expect(clock.pendingTimers).toBe(0);
  });

  it('answer nothing when the time is up, when there is no view yet, and when the worker leaves', async () => {
    const { clock, polls, ask } = setUp();
    expect(await ask(0, { waitMs: 0 })).toBeUndefined();
    const first = ask(0, { waitMs: 1000 });
    await clock.advance(1000);
    expect(await first).toBeUndefined();
    polls.publish(viewOf(1));
    const held = ask(1);
    await clock.advance(0);
    polls.close();
    expect(await held).toBeUndefined();
    expect(await ask(1)).toBeUndefined();
  });

  it('refuse more than they may hold, and forget who went away', async () => {
    const { clock, polls, ask } = setUp(1);
    polls.publish(viewOf(1));
    const leave = new AbortController();
    const held = ask(1, { signal: leave.signal });
    await clock.advance(0);
    await expect(ask(1)).rejects.toMatchObject({ code: 'Overloaded' });
    expect(polls.rejected).toBe(1);
    leave.abort();
    await expect(held).rejects.toMatchObject({ code: 'Cancelled' });
    expect([polls.parked, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('count each FUSE client once, as long as it polls', async () => {
    const { clock, polls, ask } = setUp();
    polls.publish(viewOf(1));
    const held = [ask(1), ask(1, { identity: 'fuse/a' }), ask(1, { identity: 'fuse/b' })];
    await clock.advance(0);
    expect(polls.fuseClients).toBe(2);
    await clock.advance(10_000);
    await Promise.all(held);
    expect(polls.fuseClients).toBe(2);
    await clock.advance(10_001);
    expect(polls.fuseClients).toBe(0);
  });
});
