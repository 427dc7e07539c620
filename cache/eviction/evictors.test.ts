import { describe, expect, it } from '@jest/globals';
import { isCacheError } from '../../common/errors/index.ts';
import { evictorContract } from './evictor.contract.ts';
import { createEvictor, EVICTOR_NAMES } from './evictors.ts';

for (const name of EVICTOR_NAMES) evictorContract(name, (slotsMax) => createEvictor(name, slotsMax));

describe('evictor order', () => {
  it('LRU lets the page go that was not read for the longest time', () => {
    const evictor = createEvictor('lru', 8);
    for (const slot of [0, 1, 2]) evictor.admitted(slot);
    evictor.hit(0);
    expect(evictor.next()).toBe(1);
  });

  it('FIFO lets the oldest page go although it was read', () => {
    const evictor = createEvictor('FIFO', 8);
    for (const slot of [0, 1, 2]) evictor.admitted(slot);
    evictor.hit(0);
    expect(evictor.next()).toBe(0);
  });

  it('an unknown name is refused with the known ones', () => {
    let error: unknown;
    try {
      createEvictor('CLOCK', 8);
    } catch (thrown) {
      error = thrown;
    }
    expect(isCacheError(error, 'InvalidConfiguration') && error.message).toContain('LRU, FIFO');
  });
});
