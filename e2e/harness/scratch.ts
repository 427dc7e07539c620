// Temporary directories of a test file, removed after its last test. Hooks run in the order of their registration, and this one is registered first: a file that
// starts a cluster stops it in a hook inside its `describe`, or the directories would be removed below a live mount.
import { afterAll } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made = new Set<string>();
afterAll(() => {
  for (const dir of made) removeScratch(dir);
});

export function scratchDirectory(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `alluxio-e2e-${name}-`));
  made.add(dir);
  return dir;
}

/** Once nobody uses it any more. */
export function removeScratch(dir: string): void {
  made.delete(dir);
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}
