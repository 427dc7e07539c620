// Where the show's data comes from: a generated dataset in a real S3 server behind a slow link, or the UFS that the user names.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ufsUriArgument } from '../../cli/commands/local.ts';
import { isPosixName } from '../../common/namespace/index.ts';
import { openUfs } from '../../ufs/index.ts';
import type { UfsEntry, UnderFileSystem } from '../../ufs/under-file-system.ts';
import { ensureVersitygw, startFaultyProxy, startVersitygw } from '../servers/index.ts';
import { contentsOf, type DatasetFile, datasetFiles } from './dataset.ts';
import { mib, type Screen } from './screen.ts';

export interface ShowSource {
  readonly ufsUri: string;
  /** Options of the mount. */
  readonly options: Readonly<Record<string, string>>;
  readonly description: string;
  readonly files: readonly DatasetFile[];
  /** GET requests for objects that reached the server; absent for stores that nobody stands before. */
  readonly dataRequests?: () => number;
  close(): Promise<void>;
}

const BUCKET = 'dataset';
const UPLOADS_AT_ONCE = 8;

async function upload(ufs: UnderFileSystem, files: readonly DatasetFile[], signal: AbortSignal): Promise<void> {
  const pending = [...files];
  const stream = async (): Promise<void> => {
    for (let file = pending.pop(); file !== undefined; file = pending.pop()) await ufs.write(file.name, contentsOf(file), { signal });
  };
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, stream));
}

/** versitygw with the generated dataset, seen through a proxy that delays the first byte of each answer. */
export async function generatedSource(screen: Screen, latencyMs: number, signal: AbortSignal): Promise<ShowSource> {
  await ensureVersitygw();
  const directory = mkdtempSync(join(tmpdir(), 'alluxio-show-s3-'));
  const closers: (() => Promise<void> | void)[] = [() => rmSync(directory, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    const server = await startVersitygw({ directory, buckets: [BUCKET] });
    closers.push(() => server.close());
    const credentials = {
      's3a.accessKeyId': server.accessKey,
      's3a.secretKey': server.secretKey,
      'alluxio.underfs.s3.endpoint.region': 'us-east-1',
      'alluxio.underfs.s3.disable.dns.buckets': 'true',
    };
    const ufsUri = `s3://${BUCKET}/`;
    const ufs = openUfs({ ufsUri, options: { ...credentials, 'alluxio.underfs.s3.endpoint': server.endpoint } });
    const files = datasetFiles();
    const bytes = files.reduce((sum, file) => sum + file.length, 0);
    screen.line(`Writing ${files.length} objects, ${mib(bytes)} MiB, to versitygw at ${server.endpoint} …`);
    try {
      await upload(ufs, files, signal);
    } finally {
      await ufs.close();
    }
    const proxy = await startFaultyProxy({ upstream: server.endpoint, latencyMs });
    closers.push(() => proxy.close());
    const delay = latencyMs === 0 ? 'no delay added (LATENCY=0)' : `${latencyMs} ms to the first byte (LATENCY=0 turns it off)`;
    return {
      ufsUri,
      options: { ...credentials, 'alluxio.underfs.s3.endpoint': proxy.endpoint },
      description: `generated dataset in a real S3 server (versitygw), reached through a proxy with ${delay}`,
      files,
      dataRequests: () => proxy.dataRequests(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const FILES_MAX = 2000;
const BYTES_MAX = 2 * 2 ** 30;

/** Objects that POSIX can show. */
async function* readableFiles(ufs: UnderFileSystem, signal: AbortSignal): AsyncGenerator<UfsEntry> {
  for await (const batch of ufs.list('', { recursive: true, signal })) {
    yield* batch.filter(({ key, status }) => status.type === 'file' && key.split('/').every(isPosixName));
  }
}

/** The user's data: the first files of a listing, within bounds. Checksums come from the first epoch. */
export async function namedSource(screen: Screen, text: string, signal: AbortSignal): Promise<ShowSource> {
  const ufsUri = ufsUriArgument(text);
  const ufs = openUfs({ ufsUri, options: {} });
  const files: DatasetFile[] = [];
  let bytes = 0;
  try {
    for await (const { key, status } of readableFiles(ufs, signal)) {
      if (files.length >= FILES_MAX || bytes + status.length > BYTES_MAX) break;
      files.push({ name: key, length: status.length, checksums: undefined });
      bytes += status.length;
    }
  } finally {
    await ufs.close();
  }
  screen.line(`Reading ${files.length} files, ${mib(bytes)} MiB, of ${ufsUri} (at most ${FILES_MAX} files and ${mib(BYTES_MAX)} MiB).`);
  return { ufsUri, options: {}, description: ufsUri, files, close: () => Promise.resolve() };
}
