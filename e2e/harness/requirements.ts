// What this machine allows: tests that need more report themselves as skipped.
import { accessSync, constants } from 'node:fs';

function canMount(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return process.platform === 'linux' && process.getuid?.() === 0;
  } catch {
    return false;
  }
}
export const FUSE_AVAILABLE = canMount();
/** Full counts, hours: `make soak`. */
export const SOAK = process.env['ALLUXIO_TEST_SOAK'] === '1';
