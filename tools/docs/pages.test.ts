import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../tidy/source-tree.ts';
import { GENERATED_PAGES } from './pages.ts';

it.each(Object.entries(GENERATED_PAGES))('%s is what the code says', (path, render) => {
  expect(readFileSync(join(ROOT, path), 'utf8')).toBe(render());
});
