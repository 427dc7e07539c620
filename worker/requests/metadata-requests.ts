// Status, status with bytes, listing and residency as the data plane asks for them: JSON in, JSON out.
// Not here: what the answers are made of (worker/metadata, the page store).
import type { FileStatus } from '../../common/api/index.ts';
import { Semaphore } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { fileIdHex } from '../../common/hash/index.ts';
import { printableName } from '../../common/namespace/index.ts';
import type { PageStore } from '../../cache/contracts.ts';
import type { PathResidency } from '../../client/index.ts';
import type { DataRequest } from '../../proto/frames/contracts.ts';
import { CHUNK_BYTES_MAX } from '../../proto/frames/layout.ts';
import type { MetadataService } from '../metadata/metadata-service.ts';
import type { PageReads } from './page-reads.ts';
import { listRequest, pathRequest, statusRequest } from './payload.ts';

export interface MetadataRequestsOptions {
  readonly workerId: string;
  readonly metadata: MetadataService;
  readonly store: PageStore;
  readonly reads: PageReads;
}

/** Paths of one request asked of the UFS at the same time. */
const PATHS_AT_ONCE = 64;
const NO_FILE_ID = '0'.repeat(32);
/** A version that is held here but that the path no longer has. */
const UNKNOWN = { ufsUri: '', version: '', length: 0 };

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export class MetadataRequests {
  readonly #options: MetadataRequestsOptions;

  constructor(options: MetadataRequestsOptions) {
    this.#options = options;
  }

  async status({ payload, signal }: DataRequest): Promise<Uint8Array> {
    const { paths, maxAgeMs } = statusRequest(payload);
    const lanes = new Semaphore(PATHS_AT_ONCE);
    const answers = await Promise.all(paths.map((path) => lanes.with(() => this.#options.metadata.status(path, maxAgeMs, signal), signal)));
    return json({ statuses: answers.map(({ status }) => status ?? null), agesMs: answers.map(({ ageMs }) => Math.ceil(ageMs)) });
  }

  /** Bytes come along when the whole file is at most `length`, one page and 1 MiB; else the status alone. */
  async statusAndBytes({ payload, signal, length }: DataRequest): Promise<Uint8Array> {
    const { path, maxAgeMs } = pathRequest(payload);
    const { status } = await this.#options.metadata.status(path, maxAgeMs, signal);
    const body = json(status ?? null);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(body.length);
    const bytesMax = Math.min(length, this.#options.store.pageSizeBytes, CHUNK_BYTES_MAX);
    const isSmall = status?.type === 'file' && status.length > 0 && status.length <= bytesMax;
    return Buffer.concat(isSmall ? [head, body, await this.#bytesOf(status, signal)] : [head, body]);
  }

  async list({ payload, signal }: DataRequest): Promise<Uint8Array> {
    return json(await this.#options.metadata.list(listRequest(payload), signal));
  }

  /** What this worker holds of a version; without a fileId: of the version that it knows. */
  async residency({ payload, signal, fileId }: DataRequest): Promise<Uint8Array> {
    const { path } = pathRequest(payload);
    const asked = fileIdHex(fileId);
    const { status } = await this.#options.metadata.status(path, Infinity, signal);
    if (asked === NO_FILE_ID && status?.type !== 'file') {
      throw new CacheError(status === undefined ? 'PathNotFound' : 'IsADirectory', 'There is no file of this name.', { source: 'caller', context: { path: printableName(path) } });
    }
    const isKnown = status !== undefined && (asked === NO_FILE_ID || status.fileId === asked);
    return json(this.#residencyOf({ path, fileId: asked === NO_FILE_ID ? Buffer.from(status!.fileId, 'hex') : fileId, status: isKnown ? status : undefined }));
  }

  #residencyOf({ path, fileId, status }: { readonly path: string; readonly fileId: Uint8Array; readonly status: FileStatus | undefined }): PathResidency {
    const { store, workerId } = this.#options;
    const { pageSizeBytes } = store;
    const slot = store.findFile(fileId);
    const { ufsUri, version, length: lengthBytes } = status ?? UNKNOWN;
    const held = slot === undefined ? { pagesResident: 0, pagesTotal: Math.ceil(lengthBytes / pageSizeBytes), bytesResident: 0 } : store.residency(slot);
    const { pagesResident, pagesTotal, bytesResident } = held;
    return { workerId, path, ufsUri, version, fileId: fileIdHex(fileId), lengthBytes, pageSizeBytes, pagesResident, pagesTotal, bytesResident };
  }

  #bytesOf({ path, ufsUri, version, length, fileId }: FileStatus, signal: AbortSignal): Promise<Uint8Array> {
    return this.#options.reads.head({ path, ufsUri, version, lengthBytes: length, fileId: Buffer.from(fileId, 'hex') }, signal);
  }
}
