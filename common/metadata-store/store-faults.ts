// The errors of the metadata store, worded once.
import { CacheError } from '../errors/index.ts';

/** @param outcome 'unknown' when a change may have been applied */
export const storeUnavailable = (why: string, cause?: unknown, outcome?: 'unknown'): CacheError =>
  new CacheError('MetadataStoreUnavailable', `The metadata store is unavailable: ${why}.`, {
    source: 'metadata-store',
    context: { remedy: 'Check that it runs and that its address is right; reads go on meanwhile.', ...(outcome === undefined ? {} : { outcome }) },
    ...(cause === undefined ? {} : { cause }),
  });

export const storeClosed = (): CacheError => storeUnavailable('it was closed by this process');

export const leaseLost = (leaseId: string, why: string): CacheError =>
  new CacheError('LeaseLost', `The lease ${leaseId} is lost: ${why}.`, { source: 'metadata-store', context: { leaseId } });

export const badCall = (message: string, field: string): CacheError => new CacheError('InvalidArgument', message, { source: 'caller', context: { field } });
