// What every UFS checks of a ranged read before it sends anything.
import { CacheError } from '../common/errors/index.ts';

/** @throws RangeInvalid */
export function checkOffset(offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0) return;
  throw new CacheError('RangeInvalid', 'The offset is not a byte position.', { source: 'caller', context: { field: 'offset', value: offset } });
}
