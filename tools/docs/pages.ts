// Every generated page with its renderer.
import { errorsPage } from './errors.ts';

export const GENERATED_PAGES: Readonly<Record<string, () => string>> = {
  'docs/reference/errors.md': errorsPage,
};
