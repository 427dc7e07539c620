// The store's values as messages of proto/alluxio/metadata-store.proto, and back.
import type { Change as ChangeMessage, Change__Output as ReceivedChange } from '../../../proto/gen/alluxio/metadatastore/Change.ts';
import type { Compare as CompareMessage, Compare__Output as ReceivedCompare } from '../../../proto/gen/alluxio/metadatastore/Compare.ts';
import type { Event as EventMessage, Event__Output as ReceivedEvent } from '../../../proto/gen/alluxio/metadatastore/Event.ts';
import type { Change, Compare, StoreEvent } from '../metadata-store.ts';

export function compareMessage(compare: Compare): CompareMessage {
  const { key } = compare;
  if ('absent' in compare) return { key, version: 0 };
  if ('version' in compare) return { key, version: compare.version };
  return 'createRevision' in compare ? { key, createRevision: compare.createRevision } : { key, modRevision: compare.modRevision };
}

export function compareOf({ key, target, version = 0, createRevision = 0, modRevision = 0 }: ReceivedCompare): Compare {
  if (target === 'createRevision') return { key, createRevision };
  return target === 'modRevision' ? { key, modRevision } : { key, version };
}

export const changeMessage = (change: Change): ChangeMessage =>
  change.type === 'put' ? { key: change.key, put: { value: change.value, leaseId: change.leaseId ?? '' } } : { key: change.key, delete: {} };

export function changeOf({ key, put }: ReceivedChange): Change {
  if (put === undefined || put === null) return { type: 'delete', key };
  return { type: 'put', key, value: put.value, ...(put.leaseId === '' ? {} : { leaseId: put.leaseId }) };
}

export const eventMessage = (event: StoreEvent): EventMessage => (event.type === 'put' ? { put: event.entry } : { deletion: { key: event.key, modRevision: event.modRevision } });

export function eventOf({ put, deletion }: ReceivedEvent): StoreEvent[] {
  if (put !== undefined && put !== null) return [{ type: 'put', entry: put }];
  return deletion === undefined || deletion === null ? [] : [{ type: 'delete', ...deletion }];
}
