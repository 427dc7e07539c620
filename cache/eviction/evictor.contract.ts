// What every evictor keeps, whatever its order.
import { describe, expect, it } from '@jest/globals';
import type { Evictor } from '../contracts.ts';

const SLOTS = 256;

export function evictorContract(name: string, create: (slotsMax: number) => Evictor): void {
  describe(`${name} keeps the evictor contract`, () => {
    it('offers nothing when it is empty', () => {
      const evictor = create(SLOTS);
      expect(evictor.next()).toBeUndefined();
      evictor.admitted(3);
      evictor.removed(3);
      expect(evictor.next()).toBeUndefined();
    });

    it('offers every admitted page exactly once when none is hit', () => {
      const evictor = create(SLOTS);
      for (let slot = 0; slot < SLOTS; slot++) evictor.admitted(slot);
      const offered = new Set<number>();
      for (let slot = evictor.next(); slot !== undefined; slot = evictor.next()) {
        offered.add(slot);
        evictor.removed(slot);
      }
      expect(offered.size).toBe(SLOTS);
    });

    it('offers the same page again until it is told what became of it', () => {
      const evictor = create(SLOTS);
      evictor.admitted(1);
      evictor.admitted(2);
      expect(evictor.next()).toBe(evictor.next());
    });

    it('offers another page when the first could not go, and never runs dry', () => {
      const evictor = create(SLOTS);
      evictor.admitted(1);
      evictor.admitted(2);
      const first = evictor.next()!;
      evictor.hit(first);
      expect(evictor.next()).not.toBe(first);
      evictor.hit(evictor.next()!);
      expect(evictor.next()).toBeDefined();
    });

    it('ignores hits and removals of pages it does not hold', () => {
      const evictor = create(SLOTS);
      evictor.hit(9);
      evictor.removed(9);
      expect(evictor.next()).toBeUndefined();
    });

    it('holds exactly the admitted pages under random operations', () => {
      const evictor = create(SLOTS);
      const held = new Set<number>();
      let state = 0x2545f491;
      const random = (below: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state % below;
      };
      for (let step = 0; step < 20_000; step++) {
        const slot = random(SLOTS);
        const action = random(4);
        if (action === 0 && !held.has(slot)) {
          evictor.admitted(slot);
          held.add(slot);
        } else if (action === 1) evictor.hit(slot);
        else if (action === 2) {
          evictor.removed(slot);
          held.delete(slot);
        } else {
          const next = evictor.next();
          expect(next === undefined ? held.size === 0 : held.has(next)).toBe(true);
        }
      }
    });
  });
}
