// Every generated page with its renderer.
import { commandLinePage } from './command-line.ts';
import { configurationPage } from './configuration.ts';
import { errorsPage } from './errors.ts';
import { metricsPage } from './metrics.ts';
import { ringVectors } from './ring-vectors.ts';

export const GENERATED_PAGES: Readonly<Record<string, () => string>> = {
  'docs/reference/cli.md': commandLinePage,
  'docs/reference/configuration.md': configurationPage,
  'docs/reference/errors.md': errorsPage,
  'docs/reference/metrics.md': metricsPage,
  'proto/ring-vectors.json': ringVectors,
};
