// What the client counts: one mutable record, shared by its parts, handed out as ReadCounters.
import { asCacheError } from '../common/errors/index.ts';
import type { ReadCounters, RouteTarget } from './cache-client.ts';

type Counts = { -readonly [K in Exclude<keyof ReadCounters, 'fallbacksByCause'>]: number };

export class ClientCounters implements Counts {
  ownerReads = 0;
  replicaReads = 0;
  passThroughReads = 0;
  ufsReads = 0;
  ufsBytes = 0;
  fallbacks = 0;
  retries = 0;
  readAheadBytes = 0;
  readAheadWastedBytes = 0;
  readAheadHits = 0;
  bufferedBytes = 0;
  readonly fallbacksByCause: Record<string, number> = {};

  answeredBy(kind: RouteTarget['kind']): void {
    if (kind === 'owner') this.ownerReads++;
    else if (kind === 'replica') this.replicaReads++;
    else this.passThroughReads++;
  }

  fellBack(error: unknown): void {
    const cause = asCacheError(error).code;
    this.fallbacks++;
    this.fallbacksByCause[cause] = (this.fallbacksByCause[cause] ?? 0) + 1;
  }
}
