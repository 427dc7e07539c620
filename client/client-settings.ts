// Bounds and times of a client, with their defaults. Property names are in common/config/properties/client.ts; `openClient` maps them.

export interface ClientSettings {
  /** A worker that does not accept within this time is passed over. */
  readonly connectTimeoutMs: number;
  /** Whole call, all sources and retries included. */
  readonly callTimeoutMs: number;
  /** One worker's answer, a fill from a slow UFS included; a worker that does not even answer a ping is left much earlier. */
  readonly attemptTimeoutMs: number;
  /** Silence of a worker with requests in flight before it is pinged, and time for its answer. */
  readonly silenceMs: number;
  readonly suspectMsMin: number;
  readonly suspectMsMax: number;
  readonly connectionsPerWorkerMax: number;
  readonly idleConnectionMs: number;
  /** Copies of a path on the ring that count as its own. */
  readonly replicas: number;
  /** Workers asked for one read at most. */
  readonly targetsMax: number;
  /** Pieces of one read in flight. */
  readonly pagesInFlightMax: number;
  readonly readAheadEnabled: boolean;
  /** Ahead of one handle. */
  readonly readAheadWindowBytesMax: number;
  /** Read-ahead buffers of all handles. */
  readonly readAheadMemoryBytesMax: number;
  readonly ufsFallbackEnabled: boolean;
  /** Direct UFS reads per mount of the whole cluster's clients together: divided by the live ones. Infinity: no limit. */
  readonly directBytesPerSecond: number;
  readonly directRequestsPerSecond: number;
  readonly directCacheBytesMax: number;
  readonly metadataMaxAgeMs: number;
  readonly negativeMaxAgeMs: number;
  readonly statusCacheBytesMax: number;
  /** How long a worker may hold a membership poll. */
  readonly membershipWaitMs: number;
  /** Time for the first view. */
  readonly startTimeoutMs: number;
}

const MIB = 2 ** 20;

export const DEFAULT_SETTINGS: ClientSettings = {
  connectTimeoutMs: 200,
  callTimeoutMs: 60_000,
  attemptTimeoutMs: 20_000,
  silenceMs: 1000,
  suspectMsMin: 200,
  suspectMsMax: 10_000,
  connectionsPerWorkerMax: 4,
  idleConnectionMs: 60_000,
  replicas: 1,
  targetsMax: 4,
  pagesInFlightMax: 8,
  readAheadEnabled: true,
  readAheadWindowBytesMax: 32 * MIB,
  readAheadMemoryBytesMax: 256 * MIB,
  ufsFallbackEnabled: true,
  directBytesPerSecond: 1024 * MIB,
  directRequestsPerSecond: 2000,
  directCacheBytesMax: 64 * MIB,
  metadataMaxAgeMs: 60_000,
  negativeMaxAgeMs: 1000,
  statusCacheBytesMax: 64 * MIB,
  membershipWaitMs: 10_000,
  startTimeoutMs: 10_000,
};

/** Page size when no worker tells one. */
export const PAGE_SIZE_BYTES_DEFAULT = 4 * MIB;
/** Unit of read-ahead and of direct reads: a page, or this much of a larger one. */
export const BLOCK_BYTES_MAX = 4 * MIB;
