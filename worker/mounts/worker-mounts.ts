// The mount table as under file systems: opened when a view brings them, kept while their options stay the same, replaced and later closed when they change.
// Not here: where the table comes from, what is cached of it.
import type { ByteName, MountEntry } from '../../common/api/index.ts';
import { type Clock, systemClock, type Timer } from '../../common/async/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import { MountTable, printableName } from '../../common/namespace/index.ts';
import type { UfsObserver, UnderFileSystem } from '../../ufs/under-file-system.ts';
import type { MountedPath, MountedPaths } from '../metadata/metadata-service.ts';

/** Sends no request. */
export type OpenUfs = (request: { readonly ufsUri: string; readonly options: Record<string, string>; readonly observer: UfsObserver }) => UnderFileSystem;

export interface WorkerMountsOptions {
  readonly open: OpenUfs;
  /** Sealed options → plain ones. */
  readonly unseal: (sealed: string) => Record<string, string>;
  /** Options of this process that apply to every mount; a mount's own beat them. */
  readonly options: Readonly<Record<string, string>>;
  readonly observer: UfsObserver;
  /** A mount cannot be opened; told once for each attempt. */
  readonly onFailure: (mountPath: ByteName, error: CacheError) => void;
  readonly clock?: Clock;
}

interface OpenedMount {
  /** Everything that it was opened with. */
  readonly key: string;
  readonly ufs: UnderFileSystem | undefined;
  readonly error: CacheError | undefined;
  readonly openedAtMs: number;
}

/** Fills that began before a change may still read from what was replaced. */
const RETIRE_MS = 60_000;
/** A mount that could not be opened is tried again when it is asked for, at most so often: its key file may have been corrected. */
const RETRY_MS = 1000;

export class WorkerMounts implements MountedPaths {
  readonly #options: WorkerMountsOptions;
  readonly #clock: Clock;
  readonly #opened = new Map<ByteName, OpenedMount>();
  readonly #retired = new Map<UnderFileSystem, Timer>();
  #table = new MountTable([]);

  constructor(options: WorkerMountsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  entries(): readonly MountEntry[] {
    return this.#table.entries;
  }

  /** Takes a new table and opens what is new or has changed. */
  update(entries: readonly MountEntry[]): void {
    this.#table = new MountTable(entries);
    const wanted = new Map(entries.map((entry) => [entry.mountPath, keyOf(entry)]));
    for (const [mountPath, opened] of this.#opened) {
      if (wanted.get(mountPath) === opened.key) continue;
      this.#opened.delete(mountPath);
      this.#retire(opened);
    }
    for (const entry of entries) this.#openedMount(entry);
  }

  resolve(path: ByteName): MountedPath | undefined {
    const place = this.#table.resolve(path);
    if (place === undefined) return undefined;
    const { ufs, error } = this.#openedMount(place.mount);
    if (ufs === undefined) throw error!;
    return { mount: place.mount, ufs, key: place.key };
  }

  async close(): Promise<void> {
    const all = [...[...this.#opened.values()].flatMap(({ ufs }) => ufs ?? []), ...this.#retired.keys()];
    for (const timer of this.#retired.values()) timer.cancel();
    this.#table = new MountTable([]);
    this.#opened.clear();
    this.#retired.clear();
    await Promise.allSettled(all.map((ufs) => ufs.close()));
  }

  #openedMount(entry: MountEntry): OpenedMount {
    const known = this.#opened.get(entry.mountPath);
    if (known !== undefined && (known.ufs !== undefined || this.#clock.nowMs() - known.openedAtMs < RETRY_MS)) return known;
    const opened = { key: keyOf(entry), openedAtMs: this.#clock.nowMs(), ...this.#open(entry) };
    this.#opened.set(entry.mountPath, opened);
    return opened;
  }

  #open(entry: MountEntry): Pick<OpenedMount, 'ufs' | 'error'> {
    const { open, unseal, options, observer, onFailure } = this.#options;
    try {
      const secrets = entry.sealedOptions === '' ? {} : unseal(entry.sealedOptions);
      return { ufs: open({ ufsUri: entry.ufsUri, options: { ...options, ...entry.options, ...secrets }, observer }), error: undefined };
    } catch (thrown) {
      const { code, message, context } = asCacheError(thrown, 'UfsUnavailable');
      // To clients this is a matter between worker and UFS, whatever it was inside.
      const error = new CacheError(code, message, { source: 'ufs', context: { ...context, mountPath: printableName(entry.mountPath) }, cause: thrown });
      onFailure(entry.mountPath, error);
      return { ufs: undefined, error };
    }
  }

  #retire({ ufs }: OpenedMount): void {
    if (ufs === undefined) return;
    const close = (): void => {
      this.#retired.delete(ufs);
      void ufs.close().catch(() => undefined);
    };
    this.#retired.set(ufs, this.#clock.schedule(RETIRE_MS, close, true));
  }
}

const keyOf = (entry: MountEntry): string => JSON.stringify([entry.ufsUri, entry.options, entry.sealedOptions]);
