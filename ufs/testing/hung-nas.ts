// A process of its own for the test of a NAS that hangs: mounts a file system that never answers, asks a local UFS on it for more than there are threads, and tells what else
// still works meanwhile. One line of JSON on stdout.
import { closeSync, constants, mkdtempSync, openSync, rmdirSync, writeSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { widenThreadPool } from '../../common/process/thread-pool.ts';
import { CacheError, isCacheError } from '../../common/errors/index.ts';
import { descriptorCalls } from '../../common/syscall/index.ts';
import { openUfs } from '../index.ts';

const CALLS = 200;
const NOSUID_NODEV = 6;
const MNT_DETACH = 2;
const codeOf = (error: unknown): string => (isCacheError(error) ? error.code : String(error));

widenThreadPool(process.env);
const directory = mkdtempSync(join(tmpdir(), 'hung-nas-'));
const fd = openSync('/dev/fuse', constants.O_RDWR); // nobody reads it
const data = `fd=${fd},rootmode=40000,user_id=0,group_id=0`;
if (descriptorCalls!.mount({ source: 'hung', target: directory, type: 'fuse', flags: NOSUID_NODEV, data }) < 0)
  throw new CacheError('Internal', 'The file system could not be mounted.');
try {
  const ufs = openUfs({ ufsUri: `file://${directory}`, options: {} });
  const call = { timeoutMs: 300 };
  const statuses = Array.from({ length: CALLS }, (_, i) => ufs.status(`f${i}`, call).then(() => 'ok', codeOf));
  const listings = Array.from({ length: 10 }, () =>
    ufs
      .list('', { recursive: true, ...call })
      [Symbol.asyncIterator]()
      .next()
      .then(() => 'ok', codeOf),
  );
  const outcomes = await Promise.all([...statuses, ...listings]);
  const [{ address }, source] = await Promise.all([lookup('localhost', 4), readFile(import.meta.filename, 'utf8')]);
  writeSync(1, `${JSON.stringify({ outcomes: [...new Set(outcomes)], address, readsFiles: source.length > 0 })}\n`);
} finally {
  closeSync(fd); // ends what hangs
  descriptorCalls!.unmount(directory, MNT_DETACH);
  rmdirSync(directory);
}
