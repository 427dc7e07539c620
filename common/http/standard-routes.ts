// Routes that every process has: metrics for Prometheus, liveness and readiness.
import type { HttpRoute } from './routes.ts';

/** As `common/metrics` gives it. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

export function metricsRoutes(metrics: MetricsText): HttpRoute[] {
  return [{ method: 'GET', path: '/metrics', handle: async () => ({ headers: { 'content-type': metrics.contentType }, body: await metrics.text() }) }];
}

export interface HealthProbes {
  /** undefined: alive; else what is wrong. */
  live?(): string | undefined;
  /** undefined: serving; else what is missing. */
  ready(): string | undefined;
}

/** `/livez` and `/healthz` tell whether to restart the process, `/readyz` whether it serves. 503 with the reason when not. */
export function healthRoutes(probes: HealthProbes): HttpRoute[] {
  const route = (path: string, ask: () => string | undefined): HttpRoute => ({
    method: 'GET',
    path,
    handle: () => {
      const fault = ask();
      return fault === undefined ? { body: 'ok\n' } : { status: 503, body: `${fault}\n` };
    },
  });
  const live = (): string | undefined => probes.live?.();
  return [route('/livez', live), route('/healthz', live), route('/readyz', () => probes.ready())];
}
