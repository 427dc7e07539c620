// What the data plane's server is given and what it tells.
import type { PageStore } from '../../cache/contracts.ts';
import type { RequestHandler, SessionKeys } from '../../proto/frames/contracts.ts';

/** The part of the page store that the portable server copies hits from. */
export type PageReading = Pick<PageStore, 'pageSizeBytes' | 'findFile' | 'read'>;
/** The part of the page store that the data plane needs in either form. */
export type SharedPageReading = PageReading & Pick<PageStore, 'shared'>;

export interface DataPlaneLimits {
  readonly helloTimeoutMs: number;
  /** For requests that name no time of their own. */
  readonly requestTimeoutMs: number;
  /** A client that takes none of its reply for so long is cut off. */
  readonly sendTimeoutMs: number;
  readonly requestsPerConnection: number;
  readonly unsentBytesPerConnection: number;
  /** Further ones are closed as they arrive. */
  readonly connectionsMax: number;
}
export const DEFAULT_LIMITS: DataPlaneLimits = {
  helloTimeoutMs: 5000,
  requestTimeoutMs: 60_000,
  sendTimeoutMs: 30_000,
  requestsPerConnection: 256,
  unsentBytesPerConnection: 8 << 20,
  connectionsMax: 20_000,
};

export interface PortableDataPlaneOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** '' for none. */
  readonly unixPath: string;
  readonly pages: PageReading;
  readonly handler: RequestHandler;
  readonly keys: SessionKeys;
  readonly limits?: Partial<DataPlaneLimits>;
}

export interface DataPlaneOptions extends PortableDataPlaneOptions {
  /** The page store itself. Data thread i reports its hits in ring i: the store is opened with `hitRings` ≥ `threads`. */
  readonly pages: SharedPageReading;
  /** Data threads (`alluxio.worker.data.plane.threads`); the portable form has none. */
  readonly threads: number;
  /** Forces the form on node:net in the main thread (`alluxio.worker.data.plane.portable`). Default: only where koffi or epoll are missing. */
  readonly portable?: boolean;
  /** The file of a resident page did not give its bytes: the reader's connection was cut. Native form only. */
  readonly onUnreadable?: (fileId: Uint8Array, pageIndex: number) => void;
  /** A bug met while serving one connection, which was cut; everything else goes on. Native form only. */
  readonly onFault?: (error: Error) => void;
  /** A data thread ended by itself: its connections are gone and the process should end. */
  readonly onFailure?: (error: Error) => void;
}

export interface DataPlaneCounters {
  requests: number;
  /** Reads answered from the page table, those after `serveFromCache(FromCache)` (a page that had to be verified first) included; not those after a fill. */
  hits: number;
  /** Bytes of the hits, headers not included: `alluxio_cached_data_read_bytes_total`. */
  hitBytes: number;
  misses: number;
  bytesSent: number;
  connectionsCut: number;
}
export interface DataPlaneStats extends Readonly<DataPlaneCounters> {
  readonly connections: number;
  readonly inFlight: number;
}

export interface DataPlane {
  /** False: the portable form serves. */
  readonly native: boolean;
  /** TCP port that it listens on. */
  readonly port: number;
  stats(): DataPlaneStats;
  /** Accepts nobody any more and waits until no request is in flight, at most so long; then closes. */
  drain(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}
