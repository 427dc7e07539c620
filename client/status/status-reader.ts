// What exists at a path and in a directory: from the cache while fresh, from the path's owner, from the UFS when no worker answers.
import type { ByteName, FileStatus, MountEntry } from '../../common/api/index.ts';
import { type Clock, SingleFlight } from '../../common/async/index.ts';
import { parseDurationMs } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { baseName, compareNames, joinPath, printableName } from '../../common/namespace/index.ts';
import { Op } from '../../proto/frames/layout.ts';
import { projectList, projectStatus } from '../../ufs/projection.ts';
import type { ClientCallOptions, ListPage, ListPathOptions, PathRoute, StatusLookup, StatusOptions } from '../cache-client.ts';
import type { ClientCounters } from '../client-counters.ts';
import type { ClientSettings } from '../client-settings.ts';
import type { UfsMounts } from '../direct/ufs-mounts.ts';
import type { ViewSnapshot } from '../membership/view-snapshot.ts';
import type { Dispatcher, Turn } from '../routing/dispatcher.ts';
import { RoutedPath, type Router } from '../routing/router.ts';
import { StatusBatches } from './status-batches.ts';
import { type CachedStatus, StatusCache } from './status-cache.ts';

const LIMIT_DEFAULT = 1000;
const LIMIT_MAX = 10_000;
const MAX_AGE_OPTION = 'alluxio.user.metadata.max.age';

export interface StatusReaderOptions {
  readonly dispatcher: Dispatcher;
  readonly router: Router;
  readonly mounts: UfsMounts;
  readonly snapshot: () => ViewSnapshot;
  readonly counters: ClientCounters;
  readonly settings: ClientSettings;
  readonly clock: Clock;
}

export class StatusReader {
  readonly #options: StatusReaderOptions;
  readonly #cache: StatusCache;
  readonly #batches: StatusBatches;
  readonly #flights = new SingleFlight<ByteName, CachedStatus>();

  constructor(options: StatusReaderOptions) {
    this.#options = options;
    this.#cache = new StatusCache(options.settings.statusCacheBytesMax);
    this.#batches = new StatusBatches(options.clock);
  }

  invalidate(path: ByteName): void {
    this.#cache.delete(path);
  }

  async lookup(path: ByteName, options: StatusOptions = {}): Promise<StatusLookup> {
    const { settings, clock, router } = this.#options;
    if (path === '/') return { status: directoryAt('/', ''), ageMs: 0, maxAgeMs: settings.metadataMaxAgeMs };
    const routed = new RoutedPath(path);
    const { mount } = router.route(routed);
    // An unknown mount is known for certain under this view; the next one may have it.
    if (mount === undefined) return { status: undefined, ageMs: 0, maxAgeMs: settings.negativeMaxAgeMs };
    const ageMsMax = maxAgeOf(mount, settings);
    const cached = this.#fresh(path, options.maxAgeMs ?? ageMsMax);
    const found = cached ?? (await this.#fetch(routed, options.maxAgeMs ?? ageMsMax, options));
    const maxAgeMs = found.status === undefined ? Math.min(ageMsMax, settings.negativeMaxAgeMs) : ageMsMax;
    return { status: found.status, ageMs: Math.max(0, clock.nowMs() - found.validatedAtMs), maxAgeMs };
  }

  async list(path: ByteName, options: ListPathOptions = {}): Promise<ListPage> {
    if (path === '/') return this.#mountPage(options);
    const { dispatcher, router, mounts, clock } = this.#options;
    const routed = new RoutedPath(path);
    const { mount } = router.route(routed);
    if (mount === undefined) throw new CacheError('PathNotFound', 'No mount covers the path.', { source: 'caller', context: { path: printableName(path) } });
    const limit = Math.max(1, Math.min(options.limit ?? LIMIT_DEFAULT, LIMIT_MAX));
    const sentAtMs = clock.nowMs();
    const page = await dispatcher.ask<ListPage>({
      routed,
      isRead: false,
      signal: options.signal,
      timeoutMs: options.timeoutMs,
      ask: (turn) => this.#askList(turn, { path, limit, ...(options.startAfter !== undefined && { startAfter: options.startAfter }) }),
      direct: mounts.mayOpen(mount) ? (route, timeoutMs) => this.#listUfs(path, route, { ...options, limit, timeoutMs }) : undefined,
    });
    for (const status of page.entries) this.#cache.put(status.path, { status, validatedAtMs: sentAtMs - (page.ageMs ?? 0) });
    const last = page.entries.at(-1);
    return page.truncated && page.next === undefined && last !== undefined ? { ...page, next: baseName(last.path) } : page;
  }

  #fresh(path: ByteName, maxAgeMs: number): CachedStatus | undefined {
    const cached = this.#cache.get(path);
    if (cached === undefined) return undefined;
    const { settings, clock } = this.#options;
    const ageMsMax = cached.status === undefined ? Math.min(maxAgeMs, settings.negativeMaxAgeMs) : maxAgeMs;
    return clock.nowMs() - cached.validatedAtMs < ageMsMax ? cached : undefined;
  }

  /** Look-ups that ask for the present must not join one that was sent before them. */
  #fetch(routed: RoutedPath, maxAgeMs: number, options: StatusOptions): Promise<CachedStatus> {
    if (maxAgeMs === 0) return this.#ask(routed, maxAgeMs, options.signal, options.timeoutMs);
    return this.#flights.run(routed.path, (signal) => this.#ask(routed, maxAgeMs, signal, options.timeoutMs), options.signal);
  }

  async #ask(routed: RoutedPath, maxAgeMs: number, signal: AbortSignal | undefined, timeoutMs: number | undefined): Promise<CachedStatus> {
    const { dispatcher, router, mounts } = this.#options;
    const { mount } = router.route(routed);
    const found = await dispatcher.ask<CachedStatus>({
      routed,
      isRead: false,
      signal,
      timeoutMs,
      ask: (turn) => this.#batches.ask(turn, routed.path, maxAgeMs),
      direct: mount !== undefined && mounts.mayOpen(mount) ? (route, leftMs) => this.#statusUfs(routed.path, route, { signal, timeoutMs: leftMs }) : undefined,
    });
    this.#cache.put(routed.path, found);
    return found;
  }

  async #statusUfs(path: ByteName, route: PathRoute, options: { readonly signal: AbortSignal | undefined; readonly timeoutMs: number }): Promise<CachedStatus> {
    const { ufs, requests } = await this.#options.mounts.get(route.mount!);
    await requests.take(1, options.signal);
    const validatedAtMs = this.#options.clock.nowMs();
    const status = await projectStatus(ufs, route.key, callOf(options));
    this.#options.counters.ufsReads++;
    return { status: status === undefined ? undefined : { ...status, path }, validatedAtMs };
  }

  async #askList(turn: Turn, request: { readonly path: ByteName; readonly startAfter?: ByteName; readonly limit: number }): Promise<ListPage> {
    const { timeoutMs, signal, ringRevision, connection } = turn;
    const { bytes } = await connection.call(Op.List, Buffer.from(JSON.stringify(request)), { timeoutMs, ringRevision, ...(signal !== undefined && { signal }) });
    return JSON.parse(bytes.toString()) as ListPage;
  }

  async #listUfs(path: ByteName, route: PathRoute, options: ListPathOptions & { readonly limit: number }): Promise<ListPage> {
    const { ufs, requests } = await this.#options.mounts.get(route.mount!);
    await requests.take(1, options.signal);
    const { startAfter, limit } = options;
    const page = await projectList(ufs, route.key, { ...callOf(options), limit, ...(startAfter !== undefined && { startAfter }) });
    this.#options.counters.ufsReads++;
    return { ...page, entries: page.entries.map(({ name, status }) => ({ ...status, path: joinPath(path, name) })) };
  }

  #mountPage(options: ListPathOptions): ListPage {
    const { entries } = this.#options.snapshot().mounts;
    const limit = options.limit ?? LIMIT_DEFAULT;
    const after = options.startAfter ?? '';
    const sorted = entries.filter((mount) => compareNames(mount.mountPath.slice(1), after) > 0).toSorted((a, b) => compareNames(a.mountPath, b.mountPath));
    const page = sorted.slice(0, limit);
    const truncated = page.length < sorted.length;
    return { entries: page.map((mount) => directoryAt(mount.mountPath, mount.ufsUri)), truncated, hidden: 0, ...(truncated && { next: page.at(-1)!.mountPath.slice(1) }) };
  }
}

const directoryAt = (path: ByteName, ufsUri: string): FileStatus => ({ path, ufsUri, type: 'directory', length: 0, mtimeMs: 0, version: '', fileId: '' });

const callOf = ({ signal, timeoutMs }: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined }): ClientCallOptions => ({
  ...(signal !== undefined && { signal }),
  ...(timeoutMs !== undefined && { timeoutMs }),
});

/** A mount may have its own; what does not parse (an older writer) falls back to the client's. */
function maxAgeOf(mount: MountEntry, settings: ClientSettings): number {
  const text = mount.options[MAX_AGE_OPTION];
  if (text === undefined) return settings.metadataMaxAgeMs;
  return text === 'never' ? Infinity : (parseDurationMs(text) ?? settings.metadataMaxAgeMs);
}
