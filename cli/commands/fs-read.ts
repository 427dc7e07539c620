// alluxio fs cat | cp | head | tail: bytes through the cache.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import type { CacheClient } from '../../client/cache-client.ts';
import { parseBytes } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { baseName, encodeName, printableName } from '../../common/namespace/index.ts';
import type { CommandContext } from '../command-context.ts';
import { print, sizeText } from '../output.ts';
import { examples, type Runner } from '../runner.ts';
import { below, copyTree, pump, type Range } from './copy-tree.ts';
import { existingStatus, withPath } from './fs-show.ts';

/** Waits for what was written to leave: the block is reused afterwards. */
const writeOut = (context: CommandContext) => (bytes: Uint8Array) =>
  new Promise<void>((resolve, reject) => {
    const stream = context.terminal.out as unknown as NodeJS.WritableStream;
    stream.write(bytes, (error?: Error | null) => (error === undefined || error === null ? resolve() : reject(pipeError(error))));
  });
// `alluxio fs cat … | head` closes the pipe: that is no failure.
const pipeError = (error: Error): Error =>
  (error as NodeJS.ErrnoException).code === 'EPIPE' ? new CacheError('Cancelled', 'The reader of the output has left.', { cause: error }) : error;

async function writeRange(context: CommandContext, client: CacheClient, path: string, rangeOf: (length: number) => Range): Promise<void> {
  const handle = await client.openFile(path, { signal: context.terminal.signal });
  try {
    await pump(handle, rangeOf(handle.status.length), context.terminal.signal, writeOut(context));
  } finally {
    handle.close();
  }
}

const isDirectory = (path: Buffer): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

async function copy(context: CommandContext, client: CacheClient, path: string, options: { readonly local: string; readonly recursive: boolean }): Promise<void> {
  const status = await existingStatus(client, path, context);
  const local = encodeName(options.local.replace(/^file:\/\//, ''));
  const name = baseName(path);
  if (status.type === 'directory' && !options.recursive) {
    throw new CacheError('IsADirectory', `${printableName(path)} is a directory.`, { source: 'caller', context: { remedy: 'Add -R to copy what lies below it.' } });
  }
  const target = isDirectory(local) ? below(local, name) : local;
  const startMs = performance.now();
  const copied = await copyTree(context, client, status, target);
  const seconds = (performance.now() - startMs) / 1000;
  print(context, { path, ...copied, seconds }, () => `${copied.files} files, ${sizeText(copied.bytes)}, ${sizeText(copied.bytes / Math.max(seconds, 1e-3))}/s\n`);
}

function byteCount(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined)
    throw new CacheError('InvalidArgument', `-c ${text} is not a number of bytes.`, { source: 'caller', context: { field: 'bytes', remedy: 'For example -c 4096 or -c 1MB.' } });
  return bytes;
}
const bytesOption = (): Option => new Option('-c, --bytes <count>', 'bytes to print').argParser(byteCount).default(1024);

export function fsReadCommands(fs: Command, runner: Runner): void {
  fs.command('cat')
    .description('print a file')
    .argument('<path>', 'path, or UFS URI below a mount')
    .addHelpText('after', examples('alluxio fs cat /data/labels.csv | head'))
    .action(runner((context, [path]) => withPath(context, path!, (client, name) => writeRange(context, client, name, (length) => ({ from: 0, to: length })))));

  fs.command('head')
    .description('print the first bytes of a file')
    .argument('<path>', 'path, or UFS URI below a mount')
    .addOption(bytesOption())
    .addHelpText('after', examples('alluxio fs head /data/labels.csv -c 200'))
    .action(
      runner((context, [path], flags: { bytes: number }) =>
        withPath(context, path!, (client, name) => writeRange(context, client, name, (length) => ({ from: 0, to: Math.min(length, flags.bytes) }))),
      ),
    );

  fs.command('tail')
    .description('print the last bytes of a file')
    .argument('<path>', 'path, or UFS URI below a mount')
    .addOption(bytesOption())
    .addHelpText('after', examples('alluxio fs tail /data/labels.csv -c 200'))
    .action(
      runner((context, [path], flags: { bytes: number }) =>
        withPath(context, path!, (client, name) => writeRange(context, client, name, (length) => ({ from: Math.max(0, length - flags.bytes), to: length }))),
      ),
    );

  fs.command('cp')
    .description('copy out of the cache to a local file or directory')
    .argument('<path>', 'path, or UFS URI below a mount')
    .argument('<local>', 'local file or directory')
    .option('-R, --recursive', 'a directory with all below it')
    .addHelpText('after', examples('alluxio fs cp /data/train/0.jpg /tmp/', 'alluxio fs cp -R /data/train /tmp/train'))
    .action(
      runner((context, [path, local], flags: { recursive?: boolean }) =>
        withPath(context, path!, (client, name) => copy(context, client, name, { local: local === '.' ? join('.') : local!, recursive: flags.recursive === true })),
      ),
    );
}
