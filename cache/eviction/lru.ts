// Least recently used leaves first.
import type { Evictor, PageSlot } from '../contracts.ts';
import { SlotOrder } from '../slot-order.ts';

export function createLruEvictor(slotsMax: number): Evictor {
  const order = new SlotOrder(slotsMax);
  return {
    admitted: (slot: PageSlot) => order.append(slot),
    hit: (slot: PageSlot) => {
      if (order.has(slot)) order.append(slot);
    },
    removed: (slot: PageSlot) => order.remove(slot),
    next: () => order.first,
  };
}
