// How the show reads: through the mount point when there is one, else through the client library. Verifies every block it reads.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheClient } from '../../client/cache-client.ts';
import { pageChecksum } from '../../common/hash/index.ts';
import { encodeName } from '../../common/namespace/index.ts';
import { BLOCK_BYTES, blocksOf, type DatasetFile, shuffled } from './dataset.ts';

export interface OpenedFile {
  read(offset: number, into: Uint8Array): Promise<number>;
  close(): Promise<void>;
}
export interface Reader {
  readonly description: string;
  open(name: string): Promise<OpenedFile>;
}

/** O_DIRECT: the kernel's page cache is passed by, so a second reading measures this cache and not the kernel's. */
export const mountReader = (directory: string): Reader => ({
  description: 'through the mount point, O_DIRECT (the kernel caches nothing)',
  async open(name) {
    const file = await open(encodeName(join(directory, name)), constants.O_RDONLY | constants.O_DIRECT);
    return {
      async read(offset, into) {
        let done = 0;
        while (done < into.length) {
          const { bytesRead } = await file.read(into, done, into.length - done, offset + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return done;
      },
      close: () => file.close(),
    };
  },
});

export const clientReader = (client: CacheClient, mountPath: string): Reader => ({
  description: 'through the client library',
  async open(name) {
    const handle = await client.openFile(`${mountPath}/${name}`);
    return {
      async read(offset, into) {
        return into.length === 0 ? 0 : handle.read(offset, into);
      },
      close: () => Promise.resolve(handle.close()),
    };
  },
});

export interface EpochResult {
  readonly bytes: number;
  readonly files: number;
  readonly seconds: number;
  /** Files with a wrong length or a wrong block. */
  readonly wrong: readonly string[];
  readonly errors: readonly string[];
}

export interface ReadHooks {
  /** After each block. */
  readonly progress?: (bytesRead: number) => Promise<void> | void;
}

/** Reads one file from start to end. @returns whether every byte was right */
export async function readFile(reader: Reader, file: DatasetFile, hooks: ReadHooks = {}): Promise<boolean> {
  const opened = await reader.open(file.name);
  const known = file.checksums;
  const sums: bigint[] = [];
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  try {
    for (const { index, from, to } of blocksOf(file.length)) {
      const into = block.subarray(0, to - from);
      if ((await opened.read(from, into)) !== into.length) return false;
      sums[index] = pageChecksum(into);
      if (known !== undefined && known[index] !== sums[index]) return false;
      await hooks.progress?.(to);
    }
    const beyond = await opened.read(file.length, block.subarray(0, 1));
    file.checksums ??= sums;
    return beyond === 0;
  } finally {
    await opened.close();
  }
}

/** Every file once in shuffled order by `streams` readers, as a training job's data loader does. */
export async function epoch(
  reader: Reader,
  files: readonly DatasetFile[],
  options: { readonly seed: number; readonly streams: number; readonly signal: AbortSignal },
): Promise<EpochResult> {
  const order = shuffled(files, options.seed);
  const wrong: string[] = [];
  const errors: string[] = [];
  let bytes = 0;
  const startMs = performance.now();
  const stream = async (): Promise<void> => {
    for (let file = order.pop(); file !== undefined && !options.signal.aborted; file = order.pop()) {
      const { name, length } = file;
      try {
        if (!(await readFile(reader, file))) wrong.push(name);
        bytes += length;
      } catch (error) {
        errors.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: options.streams }, stream));
  options.signal.throwIfAborted();
  return { bytes, files: files.length, seconds: (performance.now() - startMs) / 1000, wrong, errors };
}
