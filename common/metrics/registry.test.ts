import { describe, expect, it } from '@jest/globals';
import { createMetrics } from './index.ts';

describe('the registry', () => {
  it('shows counters, gauges and histograms, with labels resolved once', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const hits = metrics.counter({ name: 'hits_total', help: 'Hits.', labels: ['op'] }).with({ op: 'read' });
    hits.inc();
    hits.inc(2);
    metrics.gauge({ name: 'depth', help: 'Depth.' }).set(4);
    const times = metrics.histogram({ name: 'seconds', help: 'Time.', buckets: [1, 2] });
    times.observe(1.5);
    const text = await metrics.text();
    for (const line of ['hits_total{op="read"} 3', 'depth 4', 'seconds_bucket{le="1"} 0', 'seconds_bucket{le="2"} 1', 'seconds_sum 1.5']) expect(text).toContain(line);
  });

  it('reads values kept elsewhere at each scrape', async () => {
    let value = 1;
    const metrics = createMetrics({ processMetrics: false });
    metrics.observedCounter({ name: 'sent_total', help: 'Sent.', read: () => value });
    metrics.observedGauge({ name: 'open', help: 'Open.', read: () => value });
    await metrics.text();
    value = 3;
    expect(await metrics.text()).toMatch(/sent_total 3\n[^]*open 3\n/);
  });

  it('refuses a name that is registered twice', () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.counter({ name: 'a_total', help: 'A.' });
    expect(() => metrics.gauge({ name: 'a_total', help: 'A.' })).toThrow('a_total is registered twice');
  });

  it('two registries do not meet', () => {
    for (let i = 0; i < 2; i++) createMetrics().counter({ name: 'a_total', help: 'A.' });
  });
});
