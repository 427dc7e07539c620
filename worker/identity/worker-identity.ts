// Who this worker is: its uuid (same uuid, same place on the ring), kept in a file of its own, its weight on the ring, its host.
// Not here: the stamp in page-store directories, registration.
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, link } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { v5 } from 'uuid';
import { asCacheError, CacheError } from '../../common/errors/index.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const BYTES_PER_TIB = 2 ** 40;
const VNODES_PER_TIB = 2000;
const VNODES_MAX = 20_000;

export interface IdentityOptions {
  /** `alluxio.worker.identity.uuid.file.path` */
  readonly file: string;
  readonly clusterUid: string;
  /** Worker group and node, or pod name: the uuid then follows from it and the cluster. Absent: random, once. */
  readonly name?: string;
}

/**
 * The uuid in the file, else a new one, kept there before it is used. Two processes that start at once get the same.
 * @throws InvalidConfiguration: the file is broken, cannot be written, or belongs to another name or cluster
 */
export async function loadIdentity(options: IdentityOptions): Promise<string> {
  const expected = options.name === undefined ? undefined : v5(options.name, options.clusterUid);
  const known = await readIdentity(options.file);
  if (known === undefined) return await createIdentity(options.file, expected ?? randomUUID(), expected);
  return checkedIdentity(options.file, known, expected);
}

function checkedIdentity(file: string, known: string, expected: string | undefined): string {
  if (!UUID.test(known))
    throw identityError(file, 'The worker identity file does not hold a uuid.', 'Restore the file; delete it only to start with a new identity and an empty page store.');
  if (expected !== undefined && known !== expected) {
    throw identityError(file, 'The worker identity file belongs to another worker or cluster.', 'Point the worker at its own file, or delete it when its pages are of no use.');
  }
  return known;
}

async function readIdentity(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw identityError(file, 'The worker identity file cannot be read.', 'Check its permissions.', error);
  }
}

/** Written whole to a file beside it and linked into place: nobody sees half a uuid, and the first of two starters wins. */
async function createIdentity(file: string, uuid: string, expected: string | undefined): Promise<string> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(draft, 'wx', 0o644);
    try {
      await handle.writeFile(`${uuid}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await publish(draft, file);
  } catch (error) {
    throw identityError(file, 'The worker identity file cannot be written.', 'Make its directory writable, or set alluxio.worker.identity.uuid.file.path.', error);
  } finally {
    await rm(draft, { force: true });
  }
  return checkedIdentity(file, (await readIdentity(file)) ?? '', expected);
}

async function publish(draft: string, file: string): Promise<void> {
  try {
    await link(draft, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return; // another starter was first: its uuid is ours
    if (code !== 'EPERM' && code !== 'ENOTSUP') throw error;
    await rename(draft, file); // a file system without hard links
  }
  const directory = await open(dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const identityError = (file: string, message: string, remedy: string, cause?: unknown): CacheError =>
  new CacheError('InvalidConfiguration', message, {
    context: { field: 'alluxio.worker.identity.uuid.file.path', value: file, remedy },
    ...(cause !== undefined && { cause: asCacheError(cause, 'InvalidConfiguration') }),
  });

export interface WeightOptions {
  readonly provider: 'DEFAULT' | 'CAPACITY';
  /** Points with provider DEFAULT. */
  readonly vnodes: number;
  readonly capacityBytes: number;
}

/** Points on the ring. @param registered what an earlier life registered: kept, so that a restart never re-weights the others */
export function vnodesOf({ provider, vnodes, capacityBytes }: WeightOptions, registered?: number): number {
  if (registered !== undefined) return registered;
  if (provider === 'DEFAULT') return vnodes;
  return Math.min(VNODES_MAX, Math.max(1, Math.round((VNODES_PER_TIB * capacityBytes) / BYTES_PER_TIB)));
}

/** Same for all processes of a node. @param configured `alluxio.worker.host.id` */
export const hostIdOf = (configured: string | undefined): string => (configured === undefined || configured === '' ? hostname() : configured);
