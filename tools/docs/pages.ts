// Every generated page with its renderer.
import { configurationPage } from './configuration.ts';
import { errorsPage } from './errors.ts';
import { ringVectors } from './ring-vectors.ts';

export const GENERATED_PAGES: Readonly<Record<string, () => string>> = {
  'docs/reference/configuration.md': configurationPage,
  'docs/reference/errors.md': errorsPage,
  'proto/ring-vectors.json': ringVectors,
};
