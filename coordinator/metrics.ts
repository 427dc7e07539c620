// The coordinator's metrics: the whole catalogue. Label children are resolved once.
import type { StoreObserver } from '../common/metadata-store/index.ts';
import type { MetricsRegistry } from '../common/metrics/index.ts';
import { API_OPERATIONS, type ApiObserver, type ApiOperation, type ClusterView } from './coordinator-api.ts';

export function coordinatorMetrics(metrics: MetricsRegistry, cluster: () => ClusterView): ApiObserver {
  const operations = metrics.counter({ name: 'alluxio_coordinator_operations_total', help: 'Requests at all doors by operation and result.', labels: ['op', 'result'] });
  const children = new Map<ApiOperation, { readonly ok: { inc(): void }; readonly error: { inc(): void } }>();
  for (const op of API_OPERATIONS) children.set(op, { ok: operations.with({ op, result: 'ok' }), error: operations.with({ op, result: 'error' }) });
  const members = (online: boolean): number => cluster().view?.members.filter((member) => member.online === online).length ?? 0;
  metrics.observedGauge({ name: 'alluxio_coordinator_workers_online', help: 'Workers with a live lease.', read: () => members(true) });
  metrics.observedGauge({ name: 'alluxio_coordinator_workers_offline', help: 'Registered workers without a lease.', read: () => members(false) });
  metrics.observedGauge({ name: 'alluxio_coordinator_mounts', help: 'Entries of the mount table.', read: () => cluster().view?.mounts.length ?? 0 });
  metrics.observedGauge({
    name: 'alluxio_coordinator_metadata_store_connected',
    help: '1 while changes of the metadata store arrive.',
    read: () => (cluster().isConnected ? 1 : 0),
  });
  metrics.observedGauge({
    name: 'alluxio_coordinator_view_age_seconds',
    help: 'Since the metadata store was last heard of; 0 while it is there.',
    read: () => cluster().ageMs / 1000,
  });
  return { operation: (name, outcome) => children.get(name)?.[outcome].inc() };
}

const STORE_OPERATIONS = ['get', 'range', 'commit', 'lease'] as const;

/** Counts what the metadata store goes through. */
export function storeMetrics(metrics: MetricsRegistry): StoreObserver {
  const calls = metrics.counter({ name: 'alluxio_coordinator_metadata_store_calls_total', help: 'Calls of the metadata store by operation and result.', labels: ['op', 'result'] });
  const restarts = metrics.counter({ name: 'alluxio_coordinator_metadata_store_watch_restarts_total', help: 'Watches of the metadata store that were cut and began again.' });
  const children = Object.fromEntries(STORE_OPERATIONS.map((op) => [op, { ok: calls.with({ op, result: 'ok' }), failed: calls.with({ op, result: 'failed' }) }]));
  return {
    callEnded: (operation, failure) => children[operation]?.[failure === undefined ? 'ok' : 'failed'].inc(),
    watchRestarted: () => restarts.inc(),
  };
}
