// Writes the generated reference pages. `--check` only says which ones are stale (exit 1).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../tidy/source-tree.ts';
import { GENERATED_PAGES } from './pages.ts';

const check = process.argv.includes('--check');
let stale = 0;
for (const [path, render] of Object.entries(GENERATED_PAGES)) {
  const file = join(ROOT, path);
  const text = render();
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  stale++;
  if (check) console.error(`${path} is stale: run node tools/docs/main.ts`);
  else {
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}
process.exit(check && stale > 0 ? 1 : 0);
