import { describe, expect, it } from '@jest/globals';
import { backoffDelayMs, BoundedQueue, Deadline, FakeClock, linkSignals, Semaphore, SingleFlight, sleep, TokenBucket, untilAborted } from './index.ts';

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: { code?: string }) => error.code ?? error,
  );
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('single-flight', () => {
  it('loads once for callers of one key and again after the load has ended', async () => {
    const flight = new SingleFlight<string, number>();
    let loads = 0;
    const load = async (): Promise<number> => {
      await turn();
      return ++loads;
    };
    expect(await Promise.all([flight.run('a', load), flight.run('a', load), flight.run('b', load)])).toEqual([1, 1, 2]);
    expect(flight.size).toBe(0);
    expect(await flight.run('a', load)).toBe(3);
  });

  it('gives a failure to every waiter and forgets it, also when the loader throws at once', async () => {
    const flight = new SingleFlight<string, number>();
    const failing = (): Promise<number> => {
      throw new Error('broken');
    };
    const results = await Promise.allSettled([flight.run('a', failing), flight.run('a', failing)]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
    expect(flight.size).toBe(0);
  });

  it('one waiter’s cancel stops neither the load nor the others; the last one’s aborts it, and a newcomer starts afresh', async () => {
    const flight = new SingleFlight<string, string>();
    const [first, second] = [new AbortController(), new AbortController()];
    let aborted = 0;
    const hanging = (signal: AbortSignal): Promise<string> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error(`aborted ${++aborted}`))));
    const one = code(flight.run('a', hanging, first.signal));
    const two = code(flight.run('a', hanging, second.signal));
    first.abort();
    expect(await one).toBe('Cancelled');
    await turn();
    expect([aborted, flight.size]).toEqual([0, 1]);
    second.abort();
    expect(await flight.run('a', async () => 'fresh')).toBe('fresh');
    expect([await two, aborted, flight.size]).toEqual(['Cancelled', 1, 0]);
  });
});

describe('bounded queue', () => {
  it('keeps the order, refuses what is too much and counts it', () => {
    const queue = new BoundedQueue<number>(2);
    expect([queue.tryPush(1), queue.tryPush(2), queue.tryPush(3), queue.rejected]).toEqual([true, true, false, 1]);
    expect([queue.tryTake(), queue.tryPush(4), queue.tryTake(), queue.tryTake(), queue.tryTake()]).toEqual([1, true, 2, 4, undefined]);
  });
  it('hands items to takers in the order they came, skipping those who left', async () => {
    const queue = new BoundedQueue<number>(1);
    const leaving = new AbortController();
    const takers = [queue.take(), code(queue.take(leaving.signal)), queue.take()];
    leaving.abort();
    queue.tryPush(1);
    queue.tryPush(2);
    expect(await Promise.all(takers)).toEqual([1, 'Cancelled', 2]);
  });
  it('closed: what is queued can be taken, waiting ends', async () => {
    const queue = new BoundedQueue<number>(1);
    queue.tryPush(1);
    queue.close();
    expect([await queue.take(), await code(queue.take()), queue.tryPush(2)]).toEqual([1, 'Cancelled', false]);
    const other = new BoundedQueue<number>(1);
    const waiting = code(other.take());
    other.close();
    expect(await waiting).toBe('Cancelled');
  });
});

describe('semaphore', () => {
  it('serves in the order of arrival, large requests not overtaken by small ones', async () => {
    const semaphore = new Semaphore(3);
    const order: string[] = [];
    const held = await semaphore.acquire(undefined, 2);
    const large = semaphore.acquire(undefined, 3).then((release) => {
      order.push('large');
      return release;
    });
    const small = semaphore.acquire().then((release) => {
      order.push('small');
      return release;
    });
    expect(semaphore.tryAcquire()).toBeUndefined();
    held();
    held(); // a second call changes nothing
    (await large)();
    (await small)();
    expect([order, semaphore.available]).toEqual([['large', 'small'], 3]);
  });
  it('who leaves lets the next one pass, and too many waiters are refused', async () => {
    const semaphore = new Semaphore(2, { waitersMax: 2 });
    await semaphore.acquire();
    const leaving = new AbortController();
    const large = code(semaphore.acquire(leaving.signal, 2));
    const small = code(semaphore.acquire());
    expect(await code(semaphore.acquire())).toBe('Overloaded');
    leaving.abort();
    expect([await large, await small, semaphore.rejected, semaphore.waiting]).toEqual(['Cancelled', 'resolved', 1, 0]);
  });
  it('never grants more than its capacity, whatever comes and goes (model, seed 7)', async () => {
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    const semaphore = new Semaphore(5);
    let inside = 0;
    await Promise.all(
      Array.from({ length: 300 }, async () => {
        const leave = new AbortController();
        const count = 1 + random(5);
        if (random(4) === 0) setImmediate(() => leave.abort());
        try {
          await semaphore.with(
            async () => {
              inside += count;
              if (inside > 5) throw new Error(`${inside} inside`);
              for (let i = random(3); i >= 0; i--) await turn();
              inside -= count;
            },
            leave.signal,
            count,
          );
        } catch (error) {
          if ((error as { code?: string }).code !== 'Cancelled') throw error;
        }
      }),
    );
    expect([semaphore.available, semaphore.waiting, inside]).toEqual([5, 0, 0]);
  });
});

describe('token bucket', () => {
  it('lets a burst through, then the rate, in order', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ tokensPerSecond: 10, burst: 5, clock });
    expect([bucket.tryTake(5), bucket.tryTake()]).toEqual([true, false]);
    const done: number[] = [];
    for (const n of [1, 2, 3]) void bucket.take(5).then(() => done.push(n));
    await clock.advance(499);
    expect(done).toEqual([]);
    await clock.advance(1);
    expect(done).toEqual([1]);
    await clock.advance(1000);
    expect(done).toEqual([1, 2, 3]);
  });
  it('gives tokens of a cancelled caller back, refuses too long waits, passes all when unlimited', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ tokensPerSecond: 1, burst: 1, waitMsMax: 5000, clock });
    const leaving = new AbortController();
    const waiting = code(bucket.take(4, leaving.signal));
    leaving.abort();
    expect(await waiting).toBe('Cancelled');
    expect(await code(bucket.take(100))).toBe('Overloaded');
    expect(bucket.tryTake()).toBe(true);
    bucket.setRate(Infinity);
    expect(await code(bucket.take(1e9))).toBe('resolved');
    bucket.setRate(1, 2);
    expect([bucket.tryTake(2), bucket.tryTake()]).toEqual([true, false]);
  });
});

describe('time', () => {
  it('a deadline hands down what is left and aborts its signal', async () => {
    const clock = new FakeClock();
    const deadline = Deadline.after(100, clock);
    const { signal } = deadline.signal();
    await clock.advance(60);
    expect([deadline.remainingMs(), deadline.attemptMs(30), deadline.attemptMs(300), deadline.expired, signal.aborted]).toEqual([40, 30, 40, false, false]);
    await clock.advance(40);
    expect([deadline.remainingMs(), deadline.expired, (signal.reason as { code: string }).code]).toEqual([0, true, 'DeadlineExceeded']);
    expect(() => deadline.throwIfExpired('Reading')).toThrow('Reading did not finish in time.');
  });
  it('linked signals abort with the first source and let go of all of them', async () => {
    const clock = new FakeClock();
    const [a, b] = [new AbortController(), new AbortController()];
    const linked = linkSignals([a.signal, undefined, b.signal], { timeoutMs: 50, clock });
    b.abort('because');
    expect([linked.signal.reason, clock.pendingTimers]).toEqual(['because', 0]);
    expect(linkSignals([a.signal, b.signal]).signal.aborted).toBe(true);
    linkSignals([a.signal], { timeoutMs: 50, clock }).dispose();
    expect(clock.pendingTimers).toBe(0);
  });
  it('sleep ends with its time or its signal and leaves no timer', async () => {
    const clock = new FakeClock();
    const leaving = new AbortController();
    const [ended, left] = [code(sleep(10, undefined, clock)), code(sleep(10, leaving.signal, clock))];
    leaving.abort();
    await clock.advance(10);
    expect([await ended, await left, clock.pendingTimers]).toEqual(['resolved', 'Cancelled', 0]);
    expect(await code(sleep(10, leaving.signal, clock))).toBe('Cancelled');
    expect(await code(untilAborted(new Promise(() => undefined), leaving.signal))).toBe('Cancelled');
  });
  it('back-off doubles up to its bound, at least half of it certain', () => {
    const bounds = (random: number) => [1, 2, 3, 20].map((attempt) => backoffDelayMs(attempt, { baseMs: 100, maxMs: 1000, random: () => random }));
    expect(bounds(0)).toEqual([50, 100, 200, 500]);
    expect(bounds(1)).toEqual([100, 200, 400, 1000]);
  });
});
