// Under file systems that this client opens by itself when workers cannot answer: one per mount, with the mount's budget for direct requests,
// divided by the live clients of the cluster. Needs the sealing key where a mount has secrets.
import type { MountEntry } from '../../common/api/index.ts';
import { type Clock, type Timer, TokenBucket } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { printableName } from '../../common/namespace/index.ts';
import type { UfsObserver, UnderFileSystem } from '../../ufs/under-file-system.ts';
import type { ClientSettings } from '../client-settings.ts';

export type OpenMountUfs = (request: {
  readonly ufsUri: string;
  readonly options: Record<string, string>;
  readonly observer?: UfsObserver;
}) => UnderFileSystem | Promise<UnderFileSystem>;

export interface MountedUfs {
  readonly mount: MountEntry;
  readonly ufs: UnderFileSystem;
  readonly bytes: TokenBucket;
  readonly requests: TokenBucket;
}

export interface UfsMountsOptions {
  readonly open: OpenMountUfs;
  /** Sealed options → plain ones; undefined: this client may not open mounts with secrets. */
  readonly unseal: ((sealed: string) => Record<string, string>) | undefined;
  /** Options of this process that apply to every mount; a mount's own beat them. */
  readonly options: Readonly<Record<string, string>>;
  readonly observer: UfsObserver;
  readonly settings: ClientSettings;
  readonly clock: Clock;
}

/** A replaced UFS stays open for readers that still use it. */
const RETIRE_MS = 60_000;

export class UfsMounts {
  readonly #options: UfsMountsOptions;
  readonly #opened = new Map<string, { readonly key: string; readonly mounted: Promise<MountedUfs> }>();
  readonly #retired = new Map<UnderFileSystem, Timer>();
  #clients = 1;
  #closed = false;

  constructor(options: UfsMountsOptions) {
    this.#options = options;
  }

  /** Whether `get` has what it needs. */
  mayOpen(mount: MountEntry): boolean {
    return this.#options.settings.ufsFallbackEnabled && (mount.sealedOptions === '' || this.#options.unseal !== undefined);
  }

  /** @throws WorkerUnavailable naming the remedy when this client has no rights; what opening the UFS throws */
  get(mount: MountEntry): Promise<MountedUfs> {
    if (!this.mayOpen(mount) || this.#closed) return Promise.reject(this.#refusal(mount));
    const key = JSON.stringify([mount.ufsUri, mount.options, mount.sealedOptions]);
    const known = this.#opened.get(mount.mountPath);
    if (known?.key === key) return known.mounted;
    if (known !== undefined) this.#retire(known.mounted);
    const mounted = this.#open(mount);
    this.#opened.set(mount.mountPath, { key, mounted });
    mounted.catch(() => {
      if (this.#opened.get(mount.mountPath)?.mounted === mounted) this.#opened.delete(mount.mountPath);
    });
    return mounted;
  }

  /** @param fuseClients live clients that share each mount's budget; 0 (unknown) counts as this one alone */
  divideBudget(fuseClients: number): void {
    const clients = Math.max(1, fuseClients);
    if (clients === this.#clients) return;
    this.#clients = clients;
    for (const { mounted } of this.#opened.values()) {
      void mounted.then(
        ({ bytes, requests }) => {
          bytes.setRate(this.#share('directBytesPerSecond'));
          requests.setRate(this.#share('directRequestsPerSecond'));
        },
        () => undefined,
      );
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#opened.values()].map(({ mounted }) => mounted.then(({ ufs }) => ufs.close()).catch(() => undefined));
    const retired = [...this.#retired].map(([ufs, timer]) => {
      timer.cancel();
      return ufs.close();
    });
    this.#opened.clear();
    this.#retired.clear();
    await Promise.allSettled([...open, ...retired]);
  }

  async #open(mount: MountEntry): Promise<MountedUfs> {
    const { open, unseal, options, observer, clock } = this.#options;
    const secrets = mount.sealedOptions === '' ? {} : unseal!(mount.sealedOptions);
    const ufs = await open({ ufsUri: mount.ufsUri, options: { ...options, ...mount.options, ...secrets }, observer });
    return {
      mount,
      ufs,
      bytes: new TokenBucket({ tokensPerSecond: this.#share('directBytesPerSecond'), clock }),
      requests: new TokenBucket({ tokensPerSecond: this.#share('directRequestsPerSecond'), clock }),
    };
  }

  #share(setting: 'directBytesPerSecond' | 'directRequestsPerSecond'): number {
    return this.#options.settings[setting] / this.#clients;
  }

  #retire(mounted: Promise<MountedUfs>): void {
    void mounted.then(
      ({ ufs }) => {
        const timer = this.#options.clock.schedule(
          RETIRE_MS,
          () => {
            this.#retired.delete(ufs);
            void ufs.close().catch(() => undefined);
          },
          true,
        );
        this.#retired.set(ufs, timer);
      },
      () => undefined,
    );
  }

  #refusal(mount: MountEntry): CacheError {
    const remedy = this.#options.settings.ufsFallbackEnabled
      ? 'Give this client the sealing key (alluxio.security.sealing.key.file).'
      : 'Set alluxio.dora.client.ufs.fallback.enabled=true.';
    return new CacheError('WorkerUnavailable', 'This client may not read the UFS itself.', {
      source: 'worker',
      context: { mountPath: printableName(mount.mountPath), remedy },
    });
  }
}
