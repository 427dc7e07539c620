// Temporary directories of a test file, removed when its process ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

export function scratchDirectory(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `alluxio-e2e-${name}-`));
  made.push(dir);
  return dir;
}

/** Called by `Cluster.stop` after its processes have gone; also for directories without a cluster. */
export function removeScratch(): void {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}
