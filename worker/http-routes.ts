// The worker's HTTP door (30000): metrics, health, and who it is. Readiness means serving and never depends on the metadata store.
import { healthRoutes, type HttpRoute, metricsRoutes } from '../common/http/index.ts';
import type { MetricsRegistry } from '../common/metrics/index.ts';

export interface WorkerInfo {
  readonly [field: string]: unknown;
}

export interface HttpRoutesOptions {
  readonly metrics: MetricsRegistry;
  /** undefined: serving; else why not. */
  readonly obstacle: () => string | undefined;
  readonly info: () => WorkerInfo;
}

export function workerRoutes({ metrics, obstacle, info }: HttpRoutesOptions): HttpRoute[] {
  return [
    ...metricsRoutes({ contentType: metrics.contentType, text: () => metrics.text() }),
    ...healthRoutes({ ready: obstacle }),
    { method: 'GET', path: '/api/v1/info', handle: () => ({ body: info() }) },
  ];
}
