// Where a path belongs under the current view: owner by the ring, the next distinct workers, in the order in which they are asked. No requests.
import type { ByteName, MembershipMember } from '../../common/api/index.ts';
import type { Hash64 } from '../../common/hash/index.ts';
import { pathHash } from '../../common/hash/ring.ts';
import type { PathRoute, RouteTarget } from '../cache-client.ts';
import type { ClientSettings } from '../client-settings.ts';
import type { ViewSnapshot } from '../membership/view-snapshot.ts';
import { endpointOf } from '../membership/worker-endpoint.ts';
import type { WorkerHealth } from './worker-health.ts';

export interface RouterOptions {
  readonly snapshot: () => ViewSnapshot;
  readonly health: WorkerHealth;
  readonly settings: ClientSettings;
  readonly localHostId: string;
}

/** A path with its hash and last route: what a handle keeps, so that a read does not hash again. */
export class RoutedPath {
  readonly path: ByteName;
  readonly hash: Hash64;
  cached: { readonly snapshot: ViewSnapshot; readonly epoch: number; readonly route: PathRoute } | undefined;

  constructor(path: ByteName) {
    this.path = path;
    this.hash = pathHash(path);
  }
}

export class Router {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  route(routed: RoutedPath): PathRoute {
    const snapshot = this.#options.snapshot();
    const { epoch } = this.#options.health;
    const { cached } = routed;
    if (cached !== undefined && cached.snapshot === snapshot && cached.epoch === epoch) return cached.route;
    const route = this.#compute(routed, snapshot);
    routed.cached = { snapshot, epoch, route };
    return route;
  }

  target(workerId: string, kind: RouteTarget['kind'] = 'pass-through'): RouteTarget | undefined {
    const member = this.#options.snapshot().members.get(workerId);
    return member === undefined ? undefined : this.#targetOf(member, kind);
  }

  #compute(routed: RoutedPath, snapshot: ViewSnapshot): PathRoute {
    const { settings, localHostId } = this.#options;
    const { high, low } = routed.hash;
    const ids = snapshot.ring.replicas(high, low, settings.targetsMax + settings.replicas);
    const known = ids.map((id, at) => this.#targetOf(snapshot.members.get(id)!, at === 0 ? 'owner' : at < settings.replicas ? 'replica' : 'pass-through'));
    const online = known.filter((target) => target.online);
    const targets = [...online.filter((target) => !target.suspect), ...online.filter((target) => target.suspect)].slice(0, settings.targetsMax);
    const local = localHostId === '' ? undefined : snapshot.online.find((member) => member.record.hostId === localHostId);
    const resolved = snapshot.mounts.resolve(routed.path);
    return {
      mount: resolved?.mount,
      key: resolved?.key ?? '',
      ufsUri: resolved?.ufsUri ?? '',
      owner: known[0],
      targets,
      coLocated: local === undefined ? undefined : this.#targetOf(local, local.record.uuid === ids[0] ? 'owner' : 'pass-through'),
      viewRevision: snapshot.view.revision,
    };
  }

  #targetOf({ record, online }: MembershipMember, kind: RouteTarget['kind']): RouteTarget {
    const { localHostId, health } = this.#options;
    return {
      workerId: record.uuid,
      instanceId: record.instanceId,
      hostId: record.hostId,
      endpoint: endpointOf(record, localHostId),
      kind,
      coLocated: localHostId !== '' && record.hostId === localHostId,
      online,
      suspect: health.isSuspect(record.uuid),
    };
  }
}
