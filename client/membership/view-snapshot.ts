// One membership view with what is derived from it: ring, mount table, members by id. Immutable; routing holds one for the length of a call.
import type { MembershipMember, MembershipView } from '../../common/api/index.ts';
import { buildRing, type HashRing, type RingWorker } from '../../common/hash/ring.ts';
import { MountTable } from '../../common/namespace/index.ts';
import { PAGE_SIZE_BYTES_DEFAULT } from '../client-settings.ts';

/** More changes than this at once: building anew is no slower than merging. */
const MERGES_MAX = 4;

/** Order of views: generation first (a rebuilt metadata store starts its revisions again). Positive: `a` is newer. */
export const compareViews = (a: MembershipView, b: MembershipView): number => a.generation - b.generation || a.revision - b.revision;

export class ViewSnapshot {
  readonly view: MembershipView;
  readonly ring: HashRing;
  readonly mounts: MountTable;
  readonly members: ReadonlyMap<string, MembershipMember>;
  readonly online: readonly MembershipMember[];
  /** Smallest page of the cluster's workers (mostly all have the same): pieces that keep its borders keep everybody's. */
  readonly pageSizeBytes: number;

  /** @param previous lends its ring when few workers changed */
  constructor(view: MembershipView, previous?: ViewSnapshot) {
    this.view = view;
    this.mounts = new MountTable(view.mounts);
    this.members = new Map(view.members.map((member) => [member.record.uuid, member]));
    this.online = view.members.filter((member) => member.online);
    this.ring = ringOf(view, previous?.ring);
    const pageSizes = view.members.map(({ record }) => record.pageSizeBytes);
    this.pageSizeBytes = pageSizes.length > 0 ? Math.min(...pageSizes) : (previous?.pageSizeBytes ?? PAGE_SIZE_BYTES_DEFAULT);
  }
}

/** Dynamic: online workers. Static: all registered ones; those offline keep their place so that their keys do not move. */
function ringOf(view: MembershipView, previous: HashRing | undefined): HashRing {
  const wanted = new Map<string, RingWorker>();
  for (const { record, online } of view.members) if (online || view.staticRing) wanted.set(record.uuid, { uuid: record.uuid, vnodes: record.vnodes });
  if (previous === undefined) return buildRing([...wanted.values()], view.revision);
  const present = new Map(previous.workers.map((worker) => [worker.uuid, worker.vnodes]));
  const gone = previous.workers.filter((worker) => !wanted.has(worker.uuid));
  const changed = [...wanted.values()].filter((worker) => present.get(worker.uuid) !== worker.vnodes);
  if (gone.length + changed.length > MERGES_MAX) return buildRing([...wanted.values()], view.revision);
  let ring = previous;
  for (const worker of gone) ring = ring.withoutWorker(worker.uuid, view.revision);
  for (const worker of changed) ring = ring.withWorker(worker, view.revision);
  return ring;
}
