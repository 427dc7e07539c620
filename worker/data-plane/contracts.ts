// What the data plane's server is given and what it tells.
import type { PageStore } from '../../cache/contracts.ts';
import type { RequestHandler, SessionKeys } from '../../proto/frames/contracts.ts';

/** The part of the page store that the portable server copies hits from. */
export type PageReading = Pick<PageStore, 'pageSizeBytes' | 'findFile' | 'read'>;

export interface DataPlaneLimits {
  readonly helloTimeoutMs: number;
  /** For requests that name no time of their own. */
  readonly requestTimeoutMs: number;
  /** A client that takes none of its reply for so long is cut off. */
  readonly sendTimeoutMs: number;
  readonly requestsPerConnection: number;
  readonly unsentBytesPerConnection: number;
}
export const DEFAULT_LIMITS: DataPlaneLimits = {
  helloTimeoutMs: 5000,
  requestTimeoutMs: 60_000,
  sendTimeoutMs: 30_000,
  requestsPerConnection: 256,
  unsentBytesPerConnection: 8 << 20,
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

export interface DataPlaneCounters {
  requests: number;
  hits: number;
  misses: number;
  bytesSent: number;
  connectionsCut: number;
}
export interface DataPlaneStats extends Readonly<DataPlaneCounters> {
  readonly connections: number;
  readonly inFlight: number;
}

export interface DataPlane {
  readonly port: number;
  stats(): DataPlaneStats;
  /** Accepts nobody any more and waits until no request is in flight, at most so long; then closes. */
  drain(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}
