// Copies a file or a tree out of the cache: several files at a time, each into a temporary name first, in bounded memory however many there are.
import { mkdirSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { CacheClient, FileHandle } from '../../client/cache-client.ts';
import type { FileStatus } from '../../common/api/index.ts';
import { abortReason, onAbort } from '../../common/async/index.ts';
import { baseName, encodeName } from '../../common/namespace/index.ts';
import type { CommandContext } from '../command-context.ts';
import { ProgressLine } from '../progress-line.ts';
import { entriesOf } from './fs-show.ts';

export const BLOCK_BYTES = 4 * 2 ** 20;
const FILES_AT_ONCE = 8;

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Hands the bytes of the range on, block by block. The block is reused. */
export async function pump(handle: FileHandle, range: Range, signal: AbortSignal, take: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, Math.max(0, range.to - range.from)));
  for (let at = range.from; at < range.to; ) {
    const read = await handle.read(at, block.subarray(0, Math.min(BLOCK_BYTES, range.to - at)), { signal });
    if (read === 0) return;
    await take(block.subarray(0, read));
    at += read;
  }
}

export const below = (directory: Buffer, name: string): Buffer => Buffer.concat([directory, Buffer.from('/'), encodeName(name)]);

export interface Copied {
  readonly files: number;
  readonly bytes: number;
}

interface Job {
  readonly status: FileStatus;
  readonly target: Buffer;
}

/** Directories first, each listed while its files are copied. */
async function* jobsOf(context: CommandContext, client: CacheClient, root: Job): AsyncGenerator<Job> {
  const pending = [root];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.status.type === 'file') {
      yield next;
      continue;
    }
    mkdirSync(next.target, { recursive: true });
    for await (const entry of entriesOf(client, next.status.path, context)) {
      const job = { status: entry, target: below(next.target, baseName(entry.path)) };
      if (entry.type === 'directory') pending.push(job);
      else yield job;
    }
  }
}

export async function copyTree(context: CommandContext, client: CacheClient, from: FileStatus, to: Buffer): Promise<Copied> {
  const line = new ProgressLine(context.terminal);
  const stop = new AbortController();
  const release = onAbort(context.terminal.signal, () => stop.abort(abortReason(context.terminal.signal)));
  const bytesTotal = from.type === 'file' ? from.length : undefined;
  let [files, bytes] = [0, 0];
  const jobs = jobsOf(context, client, { status: from, target: to });
  const lane = async (): Promise<void> => {
    try {
      // A generator answers concurrent calls of `next` one after the other.
      for (let next = await jobs.next(); next.done !== true && !stop.signal.aborted; next = await jobs.next()) {
        await copyFile(client, next.value, stop.signal, (count) => {
          bytes += count;
          line.update({ bytes, bytesTotal, files });
        });
        files++;
      }
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  try {
    const ended = await Promise.allSettled(Array.from({ length: from.type === 'file' ? 1 : FILES_AT_ONCE }, lane));
    for (const result of ended) if (result.status === 'rejected') throw stop.signal.reason;
  } finally {
    release();
    line.end();
  }
  return { files, bytes };
}

/** Into a temporary name beside the target, then renamed: nobody sees half a file. */
async function copyFile(client: CacheClient, { status, target }: Job, signal: AbortSignal, onBytes: (count: number) => void): Promise<void> {
  const handle = client.openVersion(status);
  const temporary = Buffer.concat([target, Buffer.from(`.alluxio-${process.pid}`)]);
  try {
    const file = await open(temporary, 'w');
    try {
      await pump(handle, { from: 0, to: status.length }, signal, async (bytes) => {
        await file.writev([bytes]);
        onBytes(bytes.length);
      });
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    handle.close();
  }
}
