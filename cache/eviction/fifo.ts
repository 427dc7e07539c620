// First in, first out: a read does not keep a page. One that could not go when its turn came gets another turn at the end.
import type { Evictor, PageSlot } from '../contracts.ts';
import { SlotOrder } from '../slot-order.ts';

export function createFifoEvictor(slotsMax: number): Evictor {
  const order = new SlotOrder(slotsMax);
  let offered: PageSlot | undefined;
  return {
    admitted: (slot: PageSlot) => order.append(slot),
    hit: (slot: PageSlot) => {
      if (slot === offered && order.has(slot)) order.append(slot);
      offered = undefined;
    },
    removed: (slot: PageSlot) => {
      if (slot === offered) offered = undefined;
      order.remove(slot);
    },
    next: () => (offered = order.first),
  };
}
