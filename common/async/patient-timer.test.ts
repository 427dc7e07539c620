import { describe, expect, it } from '@jest/globals';
import { FakeClock, patientTimer } from './index.ts';

function stage(delayMs: number): { clock: FakeClock; firedAtMs: number[]; cancel: () => void } {
  const clock = new FakeClock();
  const firedAtMs: number[] = [];
  const timer = patientTimer(delayMs, () => firedAtMs.push(clock.nowMs()), { clock });
  return { clock, firedAtMs, cancel: () => timer.cancel() };
}

describe('a patient timer', () => {
  it('fires on time while the loop is free', async () => {
    const { clock, firedAtMs } = stage(200);
    await clock.advance(1000);
    expect(firedAtMs).toEqual([200]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not count a pause of the loop, wherever in the wait it falls', async () => {
    for (const beforeMs of [0, 60, 140, 190]) {
      const { clock, firedAtMs } = stage(200);
      await clock.advance(beforeMs);
      clock.stall(5000);
      await clock.advance(1000);
      expect(firedAtMs).toHaveLength(1);
      expect(firedAtMs[0]! - 5000).toBeGreaterThanOrEqual(200);
      expect(firedAtMs[0]! - 5000).toBeLessThanOrEqual(250);
    }
  });

  it('lets pending I/O cancel it when it is due', async () => {
    const { clock, firedAtMs, cancel } = stage(200);
    await clock.advance(199);
    setImmediate(cancel); // stands for the answer that the loop finds before the immediate of the timer
    await clock.advance(1000);
    expect(firedAtMs).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives up in bounded time in a process that is always busy', async () => {
    const { clock, firedAtMs } = stage(200);
    for (let i = 0; i < 100 && firedAtMs.length === 0; i++) {
      clock.stall(100);
      await clock.advance(0);
    }
    expect(firedAtMs[0]).toBeLessThanOrEqual(1200);
  });
});
