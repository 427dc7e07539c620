// The evictors by name.
import { CacheError } from '../../common/errors/index.ts';
import type { Evictor } from '../contracts.ts';
import { createFifoEvictor } from './fifo.ts';
import { createLruEvictor } from './lru.ts';

const EVICTORS: Readonly<Record<string, (slotsMax: number) => Evictor>> = { LRU: createLruEvictor, FIFO: createFifoEvictor };

export const EVICTOR_NAMES: readonly string[] = Object.keys(EVICTORS);

/**
 * @param name in any case
 * @param slotsMax slots are 0 … slotsMax - 1
 * @throws InvalidConfiguration for a name that is not known
 */
export function createEvictor(name: string, slotsMax: number): Evictor {
  const create = EVICTORS[name.toUpperCase()];
  if (create !== undefined) return create(slotsMax);
  throw new CacheError('InvalidConfiguration', `There is no evictor '${name}': it is one of ${EVICTOR_NAMES.join(', ')}.`, {
    source: 'caller',
    context: { field: 'evictor', value: name, remedy: `choose one of ${EVICTOR_NAMES.join(', ')}` },
  });
}
