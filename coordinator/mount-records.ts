// The mount table's records in the metadata store: who may add, change and remove them, and what is checked before. One guard key orders all changes of a
// cluster, since two mounts under different keys may still overlap. Not here: wire formats, membership views.
import type { ByteName, MountEntry } from '../common/api/index.ts';
import { looksSecret } from '../common/config/index.ts';
import { CacheError } from '../common/errors/index.ts';
import { type CallOptions, ClusterKeys, decodeMountEntry, type MetadataStore } from '../common/metadata-store/index.ts';
import { checkNewMount, printableName, ufsRootUri } from '../common/namespace/index.ts';
import type { SealingKey } from '../common/secrets/index.ts';

/** Mounts made by people; the others belong to the resource of this uid. */
export const CLI_OWNER = 'cli';

export interface MountRequest {
  readonly mountPath: ByteName;
  readonly ufsUri: ByteName;
  /** Secrets among them are sealed before they are stored. */
  readonly options: Readonly<Record<string, string>>;
  /** Default `cli`. */
  readonly owner?: string;
}

/** A mount as it is shown: without its secrets. */
export interface MountShown {
  readonly mountPath: ByteName;
  readonly ufsUri: ByteName;
  readonly options: Readonly<Record<string, string>>;
  readonly hasSecrets: boolean;
  readonly generation: number;
  readonly owner: string;
}

/** Whether the UFS is there and lets us in. @throws with a remedy when not */
export type ProbeUfs = (request: { readonly ufsUri: string; readonly options: Record<string, string>; readonly signal?: AbortSignal }) => Promise<void>;

export interface MountRecordsOptions {
  readonly store: MetadataStore;
  readonly clusterName: string;
  readonly sealingKey: SealingKey;
  readonly probe: ProbeUfs;
}

interface Table {
  readonly entries: readonly MountEntry[];
  /** Of the guard key; 0 when nothing was mounted yet. */
  readonly guardRevision: number;
  readonly generation: number;
}

const OPTIONS_MAX = 200;
const VALUE_BYTES_MAX = 16_384;
/** Of concurrent changes; each loser looks again. */
const TRIES_MAX = 8;

export class MountRecords {
  readonly #options: MountRecordsOptions;
  readonly #keys: ClusterKeys;

  constructor(options: MountRecordsOptions) {
    this.#options = options;
    this.#keys = new ClusterKeys(options.clusterName);
  }

  async list(call: CallOptions = {}): Promise<MountShown[]> {
    return (await this.#read(call)).entries.map(shownMount);
  }

  /** @throws InvalidArgument, InvalidConfiguration, AlreadyExists (path taken, overlap), what the probe throws, MetadataStoreUnavailable; nothing is stored then */
  async add(request: MountRequest, call: CallOptions = {}): Promise<MountShown> {
    checkRequest(request);
    refuseClash((await this.#read(call)).entries, request);
    await this.#probe(request, request.options, call);
    return await this.#change(call, ({ entries, generation }) => {
      refuseClash(entries, request);
      return { put: this.#entryOf(request, generation) };
    });
  }

  /** Replaces UFS URI and options of a mount. @throws as `add`; MountNotFound, PreconditionFailed (another owner) */
  async update(request: MountRequest, call: CallOptions = {}): Promise<MountShown> {
    checkRequest(request);
    const owner = request.owner ?? CLI_OWNER;
    const others = (entries: readonly MountEntry[]): readonly MountEntry[] => {
      const known = existing(entries, request.mountPath);
      refuseForeign(known, owner);
      return entries.filter((entry) => entry !== known);
    };
    refuseClash(others((await this.#read(call)).entries), request);
    await this.#probe(request, request.options, call);
    return await this.#change(call, ({ entries, generation }) => {
      refuseClash(others(entries), request);
      return { put: this.#entryOf(request, generation) };
    });
  }

  /** @throws MountNotFound, PreconditionFailed (another owner), MetadataStoreUnavailable */
  async remove(mountPath: ByteName, owner = CLI_OWNER, call: CallOptions = {}): Promise<MountShown> {
    return await this.#change(call, ({ entries }) => {
      const known = existing(entries, mountPath);
      refuseForeign(known, owner);
      return { remove: known };
    });
  }

  #entryOf(request: MountRequest, generation: number): MountEntry {
    const { mountPath, ufsUri, options, owner = CLI_OWNER } = request;
    const isSecret = ([name]: readonly [string, string]): boolean => looksSecret(name);
    const all = Object.entries(options);
    const plain = Object.fromEntries(all.filter((option) => !isSecret(option)));
    const sealedOptions = this.#options.sealingKey.seal(Object.fromEntries(all.filter(isSecret)));
    return { mountPath, ufsUri, options: plain, sealedOptions, generation, owner };
  }

  #probe({ ufsUri }: MountRequest, options: Readonly<Record<string, string>>, { signal }: CallOptions): Promise<void> {
    return this.#options.probe({ ufsUri, options: { ...options }, ...(signal !== undefined && { signal }) });
  }

  async #change(call: CallOptions, decide: (table: Table) => { readonly put: MountEntry } | { readonly remove: MountEntry }): Promise<MountShown> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const table = await this.#read(call);
      const decided = decide(table);
      const entry = 'put' in decided ? decided.put : decided.remove;
      const key = this.#keys.mount(entry.mountPath);
      const guard = this.#keys.mountGuard;
      const { committed } = await this.#options.store.commit(
        {
          compares: [table.guardRevision === 0 ? { key: guard, absent: true } : { key: guard, modRevision: table.guardRevision }],
          changes: [
            { type: 'put', key: guard, value: JSON.stringify({ generation: table.generation }) },
            'put' in decided ? { type: 'put', key, value: JSON.stringify(entry) } : { type: 'delete', key },
          ],
        },
        call,
      );
      if (committed) return shownMount(entry);
    }
    throw new CacheError('OperationPending', 'The mount table is being changed by others; nothing was changed.', { context: { remedy: 'Try again.' } });
  }

  async #read(call: CallOptions): Promise<Table> {
    const { store } = this.#options;
    // The guard first: a change in between makes the commit fail, never pass.
    const guard = (await store.get(this.#keys.mountGuard, call)).entry;
    const { entries } = await store.range(this.#keys.mounts, call);
    const known = guard === undefined ? 0 : (JSON.parse(guard.value) as { generation: number }).generation;
    return { entries: entries.flatMap(({ key, value }) => decodeMountEntry(key, value) ?? []), guardRevision: guard?.modRevision ?? 0, generation: known + 1 };
  }
}

export const shownMount = ({ mountPath, ufsUri, options, sealedOptions, generation, owner }: MountEntry): MountShown => ({
  mountPath,
  ufsUri,
  options,
  hasSecrets: sealedOptions !== '',
  generation,
  owner,
});

function checkRequest({ options, ufsUri }: MountRequest): void {
  if (/^[a-z0-9]+:\/\/[^/]*@/i.test(ufsUri)) {
    throw new CacheError('InvalidArgument', 'A UFS URI may not hold credentials: everybody can see it.', {
      source: 'caller',
      context: { field: 'ufsUri', remedy: 'Give them by --option s3a.accessKeyId=… and --option s3a.secretKey=…; they are sealed.' },
    });
  }
  ufsRootUri(ufsUri);
  const entries = Object.entries(options);
  const tooLong = entries.find(([name, value]) => name.length > 256 || Buffer.byteLength(value) > VALUE_BYTES_MAX);
  if (entries.length <= OPTIONS_MAX && tooLong === undefined) return;
  throw new CacheError('InvalidArgument', tooLong === undefined ? `A mount has at most ${OPTIONS_MAX} options.` : `The option ${tooLong[0].slice(0, 64)} is too long.`, {
    source: 'caller',
    context: { field: 'options', value: tooLong?.[0].slice(0, 64) ?? entries.length, remedy: `Values have at most ${VALUE_BYTES_MAX} bytes.` },
  });
}

function refuseClash(entries: readonly MountEntry[], request: MountRequest): void {
  const clash = checkNewMount(entries, request);
  if (clash !== undefined) throw clash;
}

function existing(entries: readonly MountEntry[], mountPath: ByteName): MountEntry {
  const known = entries.find((entry) => entry.mountPath === mountPath);
  if (known !== undefined) return known;
  throw new CacheError('MountNotFound', `There is no mount at ${printableName(mountPath)}.`, {
    source: 'caller',
    context: { field: 'mountPath', mountPath: printableName(mountPath), remedy: 'See alluxio mount list.' },
  });
}

function refuseForeign(entry: MountEntry, owner: string): void {
  if (entry.owner === owner) return;
  const holder = entry.owner === CLI_OWNER ? 'the command line' : `the resource ${entry.owner}`;
  throw new CacheError('AlreadyExists', `The mount ${printableName(entry.mountPath)} belongs to ${holder}.`, {
    source: 'caller',
    context: { field: 'owner', mountPath: printableName(entry.mountPath), owner: entry.owner, remedy: 'Change it there.' },
  });
}
