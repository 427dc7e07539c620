// Renders docs/reference/metrics.md from the catalogues: every `metrics.ts`, read as text, so that nothing has to run.
import { basename, dirname } from 'node:path';
import { type SourceFile, sourceFiles } from '../tidy/source-tree.ts';

interface MetricRow {
  readonly name: string;
  readonly kind: string;
  readonly labels: string;
  readonly help: string;
}

const DEFINITION =
  /\b(counter|gauge|histogram|observedCounter|observedGauge)(?:<[^>]*>)?\(\{\s*name:\s*'([a-z][a-z0-9_]+)',\s*help:\s*(['"`])((?:\\.|(?!\3)[^\\])*)\3(?:,\s*labels:\s*\[([^\]]*)\])?/g;

const rowsOf = (file: SourceFile): MetricRow[] =>
  [...file.text.matchAll(DEFINITION)].map(([, kind, name, , help, labels]) => ({
    name: name!,
    kind: kind!.replace('observed', '').toLowerCase(),
    labels: (labels ?? '')
      .replace(/['\s]/g, '')
      .split(',')
      .filter(Boolean)
      .map((label) => `\`${label}\``)
      .join(', '),
    help: help!.replace(/\\(.)/g, '$1').replaceAll('|', '\\|'),
  }));

export function metricsPage(): string {
  const catalogues = sourceFiles()
    .filter((file) => basename(file.path) === 'metrics.ts' && !file.isTest && !file.path.startsWith('tools/'))
    .map((file) => ({ component: dirname(file.path), rows: rowsOf(file).toSorted((a, b) => (a.name < b.name ? -1 : 1)) }))
    .filter(({ rows }) => rows.length > 0)
    .toSorted((a, b) => (a.component < b.component ? -1 : 1));
  return [
    '# Metrics',
    '',
    'Generated from the `metrics.ts` of each component by `node tools/docs/main.ts`. Prometheus text at `/metrics/`: coordinator 19999, worker 30000, FUSE 49999. Besides these each process exports',
    'CPU time, memory, event-loop lag and file descriptors (`process_…`, `nodejs_…`). Names that the reference has keep their name and labels and are stable; the others may still change before 1.0.',
    'Hit rate: `alluxio_cached_data_read_bytes_total / (alluxio_cached_data_read_bytes_total + alluxio_missed_data_read_bytes_total)`.',
    ...catalogues.flatMap(({ component, rows }) => [
      '',
      `## ${component}`,
      '',
      '| name | type | labels | meaning |',
      '|---|---|---|---|',
      ...rows.map((row) => `| \`${row.name}\` | ${row.kind} | ${row.labels} | ${row.help} |`),
    ]),
    '',
  ].join('\n');
}
