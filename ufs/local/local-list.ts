// Listings of a local UFS: one level with its directories, or all files below a prefix, in byte order, from any key on. Directories of the recursive
// form are not listed themselves, as with object stores. Linked directories are entered unless that leads round in a circle.
import { lstat, stat } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { throwIfAborted } from '../../common/async/index.ts';
import { decodeName, encodeName } from '../../common/namespace/index.ts';
import type { ListOptions, UfsEntry, UfsKey } from '../under-file-system.ts';
import { type DirectoryNames, pathBelow } from './directory-names.ts';
import { statusOf } from './file-version.ts';
import { isAbsent } from './local-errors.ts';
import type { LocalRoot } from './local-root.ts';
import type { SortedNames } from './sorted-names.ts';

const BATCH_SIZE = 1000;
/** A listing keeps so many threads busy at most. */
export const STATS_AT_ONCE = 8;

/** Keys here are byte strings: one character per byte, so that `<` is byte order. */
type ByteString = string;
const toBytes = (name: UfsKey): ByteString => encodeName(name).toString('latin1');
const toName = (bytes: ByteString): UfsKey => decodeName(Buffer.from(bytes, 'latin1'));

export interface Walk {
  readonly root: LocalRoot;
  readonly rootUri: string;
  readonly names: DirectoryNames;
}

/** Batches of entries. @throws errors of the file system */
export async function* listLocal(walk: Walk, prefix: UfsKey, options: ListOptions): AsyncGenerator<readonly UfsEntry[]> {
  await walk.root.check();
  const size = Math.max(1, options.batchSize ?? BATCH_SIZE);
  const request: KeysRequest = {
    walk,
    prefix: toBytes(prefix),
    after: options.startAfter === undefined ? undefined : toBytes(options.startAfter),
    isRecursive: options.recursive,
    signal: options.signal,
  };
  let batch: Found[] = [];
  for await (const found of filesBelow(request)) {
    batch.push(found);
    if (batch.length < size) continue;
    yield await entriesOf(walk, batch, options.signal);
    batch = [];
  }
  if (batch.length > 0) yield await entriesOf(walk, batch, options.signal);
}

/** A name in a directory that lies below the root, links followed. */
interface Found {
  readonly key: ByteString;
  readonly path: Buffer;
}

interface KeysRequest {
  readonly walk: Walk;
  readonly prefix: ByteString;
  readonly after: ByteString | undefined;
  readonly isRecursive: boolean;
  readonly signal: AbortSignal | undefined;
}

async function* filesBelow(request: KeysRequest): AsyncGenerator<Found> {
  const slash = request.prefix.lastIndexOf('/') + 1;
  yield* filesOfDirectory(request, request.prefix.slice(0, slash), []);
}

/** @param directory '' or with the closing slash. @param parents device and inode of the directories above, against circles */
async function* filesOfDirectory(request: KeysRequest, directory: ByteString, parents: readonly string[]): AsyncGenerator<Found> {
  const { prefix, after, isRecursive, signal } = request;
  const opened = await openDirectory(request.walk, directory);
  if (opened === undefined || parents.includes(opened.identity)) return;
  const names = await readNames(request, opened.path);
  for (const name of names?.from(firstName(directory, prefix, after)) ?? []) {
    throwIfAborted(signal);
    const key = directory + name;
    if (!key.startsWith(prefix)) return;
    const isEntered = isRecursive && name.endsWith('/');
    if (!isWanted(key, after, isEntered)) continue;
    if (isEntered) yield* filesOfDirectory(request, key, [...parents, opened.identity]);
    else yield { key, path: pathBelow(opened.path, Buffer.from(name, 'latin1')) };
  }
}

/** Behind `after`, or a directory in which that lies. */
const isWanted = (key: ByteString, after: ByteString | undefined, isEntered: boolean): boolean => after === undefined || key > after || (isEntered && after.startsWith(key));

function readNames({ walk, isRecursive, signal }: KeysRequest, path: Buffer): Promise<SortedNames | undefined> {
  const isDirectoryLink = async (link: Buffer): Promise<boolean> => (await statInside(walk.root, link))?.isDirectory() === true;
  return unlessAbsent(walk.names.read({ path, isSlashed: isRecursive, isDirectoryLink, signal }));
}

/** Where the names of a directory begin to matter. */
function firstName(directory: ByteString, prefix: ByteString, after: ByteString | undefined): ByteString {
  const fromPrefix = prefix.startsWith(directory) ? prefix.slice(directory.length) : '';
  if (after === undefined || !after.startsWith(directory)) return fromPrefix;
  // The directory on the way to `after` is entered again.
  const rest = after.slice(directory.length);
  const slash = rest.indexOf('/');
  const segment = slash < 0 ? rest : rest.slice(0, slash + 1);
  return segment > fromPrefix ? segment : fromPrefix;
}

async function openDirectory(walk: Walk, directory: ByteString): Promise<{ readonly path: Buffer; readonly identity: string } | undefined> {
  const path = walk.root.pathOf(toName(directory.slice(0, -1)));
  const real = path === undefined ? undefined : await unlessAbsent(walk.root.resolve(path));
  const stats = real === undefined ? undefined : await unlessAbsent(stat(real, { bigint: true }));
  return real === undefined || stats?.isDirectory() !== true ? undefined : { path: real, identity: `${stats.dev}-${stats.ino}` };
}

async function entriesOf(walk: Walk, batch: readonly Found[], signal: AbortSignal | undefined): Promise<readonly UfsEntry[]> {
  const entries: UfsEntry[] = [];
  for (let start = 0; start < batch.length; start += STATS_AT_ONCE) {
    throwIfAborted(signal);
    const found = await Promise.all(batch.slice(start, start + STATS_AT_ONCE).map((file) => entryOf(walk, file)));
    for (const entry of found) if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

/** Only a link can lead out of the directory that it is in. */
async function entryOf(walk: Walk, { key: bytes, path }: Found): Promise<UfsEntry | undefined> {
  const own = await unlessAbsent(lstat(path, { bigint: true }));
  const stats = own?.isSymbolicLink() === true ? await statInside(walk.root, path) : own;
  const key = toName(bytes);
  const status = stats === undefined ? undefined : statusOf(walk.rootUri, key, stats);
  return status === undefined ? undefined : { key, status };
}

/** Links followed; undefined: absent, or outside the root. @throws errors of the file system */
export async function statInside(root: LocalRoot, path: Buffer): Promise<BigIntStats | undefined> {
  const real = await unlessAbsent(root.resolve(path));
  return real === undefined ? undefined : await unlessAbsent(stat(real, { bigint: true }));
}

export async function unlessAbsent<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
