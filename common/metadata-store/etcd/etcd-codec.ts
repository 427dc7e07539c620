// Our keys, compares and changes as etcd's messages, and its answers as ours.
import type { ICompare, IEvent, IKeyValue, IRequestOp, IRangeRequest } from 'etcd3';
import type { Change, Compare, StoreEntry, StoreEvent } from '../metadata-store.ts';

/** The first key after all that begin with `prefix`. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    if (end[i]! < 0xff) {
      end[i]!++;
      return end.subarray(0, i + 1);
    }
  }
  return Buffer.of(0); // to the end of the key space
}

export const rangeOf = (prefix: string): Required<Pick<IRangeRequest, 'key' | 'range_end'>> => ({ key: Buffer.from(prefix), range_end: prefixEnd(prefix) });

export function entryOf(kv: IKeyValue): StoreEntry {
  return {
    key: kv.key.toString('utf8'),
    value: kv.value.toString('utf8'),
    createRevision: Number(kv.create_revision),
    modRevision: Number(kv.mod_revision),
    version: Number(kv.version),
    leaseId: kv.lease === '0' ? '' : kv.lease,
  };
}

export const eventOf = ({ type, kv }: IEvent): StoreEvent =>
  type === 'Delete' ? { type: 'delete', key: kv.key.toString('utf8'), modRevision: Number(kv.mod_revision) } : { type: 'put', entry: entryOf(kv) };

export function compareOf(compare: Compare): ICompare {
  const key = Buffer.from(compare.key);
  if ('absent' in compare) return { key, result: 'Equal', target: 'Version', version: 0 };
  if ('version' in compare) return { key, result: 'Equal', target: 'Version', version: compare.version };
  if ('createRevision' in compare) return { key, result: 'Equal', target: 'Create', create_revision: compare.createRevision };
  return { key, result: 'Equal', target: 'Mod', mod_revision: compare.modRevision };
}

export function requestOf(change: Change): IRequestOp {
  const key = Buffer.from(change.key);
  if (change.type === 'delete') return { request_delete_range: { key } };
  return { request_put: { key, value: Buffer.from(change.value), ...(change.leaseId === undefined ? {} : { lease: change.leaseId }) } };
}
