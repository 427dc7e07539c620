// The worker's metrics: the whole catalogue, and the observers through which its parts count. Names that the reference has keep name and labels.
import { type Counter, type Labelled, type MetricsRegistry, BYTES_BUCKETS, SECONDS_BUCKETS } from '../common/metrics/index.ts';
import type { Semaphore } from '../common/async/index.ts';
import type { CacheError } from '../common/errors/index.ts';
import type { StoreObserver } from '../common/metadata-store/index.ts';
import type { PageStore, PageStoreEvent } from '../cache/contracts.ts';
import type { UfsObserver } from '../ufs/under-file-system.ts';
import type { DataPlaneStats } from './data-plane/index.ts';
import { type FillObserver, type FillService, UNSTORED_CAUSES } from './fills/fill-service.ts';
import type { MetadataService } from './metadata/metadata-service.ts';
import type { MembershipPolls } from './requests/membership-polls.ts';
import type { ReadObserver } from './requests/page-reads.ts';
import { META_OPS, type RequestObserver } from './requests/worker-requests.ts';

/** Children of a closed set of label values, each resolved once. */
function children<V extends string>(labelled: Labelled<string, Counter>, label: string, values: readonly V[]): Record<V, Counter> {
  return Object.fromEntries(values.map((value) => [value, labelled.with({ [label]: value })])) as Record<V, Counter>;
}
/** Children by a label whose values come from code of other modules (error codes, UFS operations): resolved at first use. */
function lazily<C>(make: (value: string) => C): (value: string) => C {
  const known = new Map<string, C>();
  return (value) => {
    let child = known.get(value);
    if (child === undefined) known.set(value, (child = make(value)));
    return child;
  };
}

export interface WorkerObservers {
  readonly fills: FillObserver;
  readonly reads: ReadObserver;
  readonly requests: RequestObserver;
  readonly ufs: UfsObserver;
  readonly storeEvent: (event: PageStoreEvent) => void;
  readonly metadataStore: StoreObserver;
  /** Reads answered from the store by the main thread; the data plane counts its own. */
  readonly mainHits: Hits;
}
interface Hits {
  readonly pages: number;
  readonly bytes: number;
}

export function workerObservers(metrics: MetricsRegistry): WorkerObservers {
  const ufsError = ufsErrors(metrics);
  const mainHits = { pages: 0, bytes: 0 };
  return {
    mainHits,
    fills: fillObserver(metrics, ufsError),
    reads: readObserver(metrics, mainHits),
    requests: requestObserver(metrics, ufsError),
    ufs: ufsObserver(metrics),
    storeEvent: storeObserver(metrics),
    metadataStore: metadataStoreObserver(metrics),
  };
}

function ufsErrors(metrics: MetricsRegistry): (error: CacheError) => void {
  const errors = metrics.counter({ name: 'alluxio_ufs_error', help: 'Errors of under file systems that reached a caller.', labels: ['error_code'] });
  const of = lazily((code) => errors.with({ error_code: code }));
  return (error) => {
    if (error.source === 'ufs') of(error.code).inc();
  };
}

function fillObserver(metrics: MetricsRegistry, ufsError: (error: CacheError) => void): FillObserver {
  const filled = metrics.counter({
    name: 'alluxio_worker_page_fills_total',
    help: 'Pages, or ranges of pages that are not stored, fetched; by where their bytes came from.',
    labels: ['source'],
  });
  const bytes = metrics.counter({ name: 'alluxio_worker_page_fill_bytes_total', help: 'Bytes fetched, by where they came from.', labels: ['source'] });
  const failures = metrics.counter({ name: 'alluxio_worker_page_fill_failures_total', help: 'Fetches that failed.', labels: ['error_code'] });
  const unstored = metrics.counter({ name: 'alluxio_worker_pages_unstored_total', help: 'Fetches that were served without being stored, by cause.', labels: ['cause'] });
  const joined = metrics.counter({ name: 'alluxio_worker_page_fills_joined_total', help: 'Reads that waited for a fill which another read had begun.' });
  const count = children(filled, 'source', ['ufs', 'peer']);
  const size = children(bytes, 'source', ['ufs', 'peer']);
  const byCause = children(unstored, 'cause', UNSTORED_CAUSES);
  const failure = lazily((code) => failures.with({ error_code: code }));
  return {
    filled: (from, lengthBytes) => {
      count[from].inc();
      size[from].inc(lengthBytes);
    },
    failed: (error) => {
      failure(error.code).inc();
      ufsError(error);
    },
    unstored: (cause) => byCause[cause].inc(),
    joined: () => joined.inc(),
  };
}

function readObserver(metrics: MetricsRegistry, mainHits: { pages: number; bytes: number }): ReadObserver {
  const missedBytes = metrics.counter({ name: 'alluxio_missed_data_read_bytes_total', help: 'Bytes read that were not in the cache.' });
  const missedPages = metrics.counter({ name: 'alluxio_worker_page_misses_total', help: 'Reads of pages that were not in the cache.' });
  const asked = metrics.counter({ name: 'alluxio_worker_peer_reads_total', help: 'Pages asked of their owner.', labels: ['result'] });
  const forwarded = metrics.counter({ name: 'alluxio_worker_forwarded_requests_total', help: 'Reads that other workers sent here.' });
  const result = children(asked, 'result', ['ok', 'failed']);
  const access = metrics.histogram({
    name: 'alluxio_data_access_bytes',
    help: 'Bytes of each read that the data threads did not answer by themselves.',
    labels: ['method'],
    buckets: BYTES_BUCKETS,
  });
  const miss = access.with({ method: 'read-miss' });
  const hit = access.with({ method: 'read-hit' });
  return {
    missed: (bytes) => {
      missedBytes.inc(bytes);
      missedPages.inc();
      miss.observe(bytes);
    },
    hit: (bytes) => {
      mainHits.pages++;
      mainHits.bytes += bytes;
      hit.observe(bytes);
    },
    askedPeer: (ok) => result[ok ? 'ok' : 'failed'].inc(),
    servesPeer: () => forwarded.inc(),
  };
}

function requestObserver(metrics: MetricsRegistry, ufsError: (error: CacheError) => void): RequestObserver {
  const operations = metrics.counter({ name: 'alluxio_meta_operation_total', help: 'Metadata operations asked of this worker.', labels: ['op'] });
  const failures = metrics.counter({ name: 'alluxio_worker_request_failures_total', help: 'Requests answered with an error.', labels: ['error_code'] });
  const byOp = children(operations, 'op', Object.values(META_OPS));
  const failure = lazily((code) => failures.with({ error_code: code }));
  return {
    metadata: (op) => byOp[op].inc(),
    failed: (error, isRead) => {
      failure(error.code).inc();
      if (!isRead) ufsError(error); // a read's were counted by its fill
    },
  };
}

function ufsObserver(metrics: MetricsRegistry): UfsObserver {
  const bytes = metrics.counter({ name: 'alluxio_ufs_data_access_bytes_total', help: 'Bytes read from and written to under file systems.', labels: ['method'] });
  const requests = metrics.counter({ name: 'alluxio_worker_ufs_requests_total', help: 'Requests to under file systems.', labels: ['op', 'outcome'] });
  const seconds = metrics.histogram({ name: 'alluxio_worker_ufs_request_seconds', help: 'Time of requests to under file systems.', labels: ['op'], buckets: SECONDS_BUCKETS });
  const bytesOf = lazily((method) => bytes.with({ method }));
  const secondsOf = lazily((op) => seconds.with({ op }));
  const requestsOf = lazily((key) => {
    const [op, outcome] = key.split(' ') as [string, string];
    return requests.with({ op, outcome });
  });
  return {
    bytes: (op, count) => bytesOf(op).inc(count),
    request: (op, outcome, durationMs) => {
      requestsOf(`${op} ${outcome}`).inc();
      secondsOf(op).observe(durationMs / 1000);
    },
  };
}

function storeObserver(metrics: MetricsRegistry): (event: PageStoreEvent) => void {
  const evicted = metrics.counter({ name: 'alluxio_cached_evicted_data_bytes_total', help: 'Bytes evicted from the cache.' });
  const evictedPages = metrics.counter({ name: 'alluxio_worker_pages_evicted_total', help: 'Pages evicted from the cache.' });
  const admitted = metrics.counter({ name: 'alluxio_worker_admitted_bytes_total', help: 'Bytes admitted to the cache.' });
  const corrupt = metrics.counter({ name: 'alluxio_worker_pages_corrupt_total', help: 'Pages whose checksum was wrong: dropped, never served.' });
  const health = metrics.counter({ name: 'alluxio_worker_directory_health_changes_total', help: 'Changes of the health of a page-store directory.', labels: ['health'] });
  const damaged = metrics.counter({
    name: 'alluxio_worker_index_files_damaged_total',
    help: 'Files of the page-store index that did not end with a whole record: pages they would have told of are fetched again.',
  });
  const changes = lazily((state) => health.with({ health: state }));
  return (event) => {
    if (event.kind === 'evicted') {
      evicted.inc(event.bytes);
      evictedPages.inc(event.pages);
    } else if (event.kind === 'admitted') admitted.inc(event.bytes);
    else if (event.kind === 'corrupt') corrupt.inc();
    else if (event.kind === 'directory-health') changes(event.health).inc();
    else if (event.kind === 'index-damaged') damaged.inc();
  };
}

function metadataStoreObserver(metrics: MetricsRegistry): Required<StoreObserver> {
  const calls = metrics.counter({ name: 'alluxio_worker_metadata_store_calls_total', help: 'Calls of the metadata store.', labels: ['operation', 'result'] });
  const restarts = metrics.counter({ name: 'alluxio_worker_metadata_store_watch_restarts_total', help: 'Watches of the metadata store that were cut and began again.' });
  const operations = ['get', 'range', 'commit', 'lease'] as const;
  const ok = children({ with: ({ operation }) => calls.with({ operation: operation!, result: 'ok' }) }, 'operation', operations);
  const failed = children({ with: ({ operation }) => calls.with({ operation: operation!, result: 'failed' }) }, 'operation', operations);
  return {
    callEnded: (operation, failure) => (failure === undefined ? ok : failed)[operation].inc(),
    watchRestarted: () => restarts.inc(),
  };
}

export interface ObservedParts {
  readonly store: Pick<PageStore, 'usage'>;
  readonly dataPlane: { stats(): DataPlaneStats };
  readonly fills: Pick<FillService, 'load'>;
  readonly metadata: Pick<MetadataService, 'counters'>;
  readonly metadataLanes: Pick<Semaphore, 'capacity' | 'available' | 'waiting' | 'rejected'>;
  readonly polls: Pick<MembershipPolls, 'parked' | 'capacity' | 'rejected' | 'fuseClients'>;
  readonly mainHits: Hits;
  readonly membership: { readonly isRegistered: boolean; readonly registrations: number; readonly workersOnline: number };
}

/** Values kept by the parts themselves, read at each scrape. */
export function observeParts(metrics: MetricsRegistry, parts: ObservedParts): void {
  observeStore(metrics, parts);
  observeDataPlane(metrics, parts);
  observeFills(metrics, parts);
  observeMetadata(metrics, parts);
  observeMembership(metrics, parts);
}

function observeStore(metrics: MetricsRegistry, { store }: ObservedParts): void {
  metrics.observedGauge({
    name: 'alluxio_cached_storage_bytes',
    help: 'Bytes of real blocks that the cache uses, index and margin included.',
    read: () => store.usage().usedBytes,
  });
  metrics.observedGauge({ name: 'alluxio_cached_capacity_bytes', help: 'Capacity of the cache.', read: () => store.usage().capacityBytes });
  metrics.observedGauge({ name: 'alluxio_worker_reserved_bytes', help: 'Bytes of pages being filled.', read: () => store.usage().reservedBytes });
  metrics.observedGauge({ name: 'alluxio_worker_evicting_bytes', help: 'Bytes evicted whose blocks are not free yet.', read: () => store.usage().evictingBytes });
  metrics.observedGauge({ name: 'alluxio_worker_pages', help: 'Pages in the cache.', read: () => store.usage().pages });
  metrics.observedGauge({ name: 'alluxio_worker_files', help: 'Files of which the cache knows.', read: () => store.usage().files });
  const unhealthy = (): number => store.usage().directories.filter(({ health }) => health !== 'healthy').length;
  metrics.observedGauge({ name: 'alluxio_worker_directories_unhealthy', help: 'Page-store directories that are not healthy.', read: unhealthy });
}

function observeDataPlane(metrics: MetricsRegistry, { dataPlane, mainHits }: ObservedParts): void {
  const stats = (): DataPlaneStats => dataPlane.stats();
  metrics.observedCounter({ name: 'alluxio_cached_data_read_bytes_total', help: 'Bytes read from the cache.', read: () => stats().hitBytes + mainHits.bytes });
  metrics.observedCounter({ name: 'alluxio_worker_page_hits_total', help: 'Reads of pages that were in the cache.', read: () => stats().hits + mainHits.pages });
  metrics.observedCounter({ name: 'alluxio_worker_data_requests_total', help: 'Requests on the data plane.', read: () => stats().requests });
  metrics.observedCounter({ name: 'alluxio_worker_data_sent_bytes_total', help: 'Bytes sent on the data plane.', read: () => stats().bytesSent });
  metrics.observedGauge({ name: 'alluxio_worker_data_connections', help: 'Connections of the data plane.', read: () => stats().connections });
  metrics.observedGauge({ name: 'alluxio_worker_data_requests_in_flight', help: 'Requests of the data plane without an answer yet.', read: () => stats().inFlight });
  metrics.observedCounter({ name: 'alluxio_worker_data_connections_cut_total', help: 'Connections cut: silent, slow or broken clients.', read: () => stats().connectionsCut });
}

function observeFills(metrics: MetricsRegistry, { fills }: ObservedParts): void {
  metrics.observedGauge({ name: 'alluxio_worker_fills_in_progress', help: 'Pages being filled.', read: () => fills.load.fills });
  metrics.observedGauge({ name: 'alluxio_worker_fill_buffers_in_use', help: 'Page buffers in use.', read: () => fills.load.buffers });
  metrics.observedGauge({ name: 'alluxio_worker_fill_waiters', help: 'Requests that wait for fills.', read: () => fills.load.waiting });
  metrics.observedGauge({ name: 'alluxio_worker_fill_waiters_max', help: 'Requests that may wait for fills.', read: () => fills.load.waitersMax });
  metrics.observedCounter({ name: 'alluxio_worker_fill_waiters_rejected_total', help: 'Requests refused because too many wait for fills.', read: () => fills.load.rejected });
}

function observeMetadata(metrics: MetricsRegistry, { metadata, metadataLanes: lanes }: ObservedParts): void {
  metrics.observedGauge({ name: 'alluxio_worker_metadata_requests', help: 'Metadata requests in progress.', read: () => lanes.capacity - lanes.available });
  metrics.observedGauge({ name: 'alluxio_worker_metadata_requests_max', help: 'Metadata requests that may be in progress.', read: () => lanes.capacity });
  metrics.observedGauge({ name: 'alluxio_worker_metadata_requests_waiting', help: 'Metadata requests that wait for their turn.', read: () => lanes.waiting });
  metrics.observedCounter({ name: 'alluxio_worker_metadata_requests_rejected_total', help: 'Metadata requests refused because too many wait.', read: () => lanes.rejected });
  metrics.observedCounter({ name: 'alluxio_worker_status_cache_hits_total', help: 'Status requests answered from memory.', read: () => metadata.counters.hits });
  metrics.observedCounter({ name: 'alluxio_worker_status_cache_misses_total', help: 'Status requests that asked the under file system.', read: () => metadata.counters.misses });
  metrics.observedGauge({ name: 'alluxio_worker_status_cache_entries', help: 'Statuses in memory.', read: () => metadata.counters.entries });
  metrics.observedGauge({ name: 'alluxio_worker_status_cache_bytes', help: 'Memory of the status cache.', read: () => metadata.counters.usedBytes });
}

function observeMembership(metrics: MetricsRegistry, { polls, membership }: ObservedParts): void {
  metrics.observedGauge({ name: 'alluxio_worker_registered', help: '1 while the worker holds its lease.', read: () => (membership.isRegistered ? 1 : 0) });
  metrics.observedCounter({
    name: 'alluxio_worker_registrations_total',
    help: 'Registrations since the start: more than one tells of lost leases.',
    read: () => membership.registrations,
  });
  metrics.observedGauge({ name: 'alluxio_worker_members_online', help: 'Workers online in this worker’s view.', read: () => membership.workersOnline });
  metrics.observedGauge({ name: 'alluxio_worker_fuse_clients', help: 'FUSE clients that follow the cluster through this worker.', read: () => polls.fuseClients });
  metrics.observedGauge({ name: 'alluxio_worker_membership_polls', help: 'Clients that wait for a newer view.', read: () => polls.parked });
  metrics.observedGauge({ name: 'alluxio_worker_membership_polls_max', help: 'Clients that may wait for a newer view.', read: () => polls.capacity });
  metrics.observedCounter({ name: 'alluxio_worker_membership_polls_rejected_total', help: 'Polls refused because too many wait.', read: () => polls.rejected });
}
