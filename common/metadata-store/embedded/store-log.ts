// The embedded store's file: one line of the whole state, then one line per change, each with its CRC and synced before it is answered.
// A line cut short by a crash was never answered and is dropped; damage anywhere else refuses to start rather than forget.
import { closeSync, existsSync, fdatasyncSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { CacheError } from '../../errors/index.ts';
import type { Change } from '../metadata-store.ts';
import { storeUnavailable } from '../store-faults.ts';
import { type StateSnapshot, StoreState } from './store-state.ts';

const FORMAT = 1;
const FILE = 'metadata.log';
/** The file is rewritten as one snapshot when it has grown by this much, or to twice the snapshot if that is more. */
const GROWTH_BYTES = 4 << 20;

/** `ends`: a lease that ends with these changes. */
export type LogRecord = { readonly changes: readonly Change[]; readonly ends?: string } | { readonly grant: string; readonly ttlSeconds: number };

const lineOf = (value: unknown): Buffer => {
  const text = JSON.stringify(value);
  return Buffer.from(`${crc32(text).toString(16).padStart(8, '0')} ${text}\n`);
};

function valueOf(line: string): unknown {
  const text = line.slice(9);
  if (line[8] !== ' ' || Number.parseInt(line.slice(0, 8), 16) !== crc32(text)) return undefined;
  return JSON.parse(text);
}

function applyRecord(state: StoreState, record: LogRecord): void {
  if ('grant' in record) state.grant(record.grant, record.ttlSeconds);
  else {
    if (state.hasEffect(record.changes)) state.apply(record.changes);
    if (record.ends !== undefined) state.leases.delete(record.ends);
  }
}

const damaged = (file: string, why: string): CacheError =>
  new CacheError('InvalidConfiguration', `The embedded metadata store ${file} ${why}.`, {
    source: 'metadata-store',
    context: { file, remedy: 'Restore it from a copy, or delete it to begin anew: mounts must then be added again.' },
  });

interface Loaded {
  readonly state: StoreState;
  /** Bytes of whole lines. */
  readonly lengthBytes: number;
}

function load(file: string): Loaded | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  const end = text.lastIndexOf('\n') + 1;
  const lines = text.slice(0, end).split('\n').slice(0, -1);
  const head = lines[0] === undefined ? undefined : (valueOf(lines[0]) as ({ format: number } & StateSnapshot) | undefined);
  if (head === undefined) throw damaged(file, 'is damaged at its first line');
  if (head.format !== FORMAT) throw damaged(file, `has format ${head.format}, which this version does not read`);
  const state = StoreState.of(head);
  let lengthBytes = Buffer.byteLength(lines[0]!) + 1;
  for (const [index, line] of lines.entries()) {
    if (index === 0) continue;
    const record = valueOf(line) as LogRecord | undefined;
    if (record === undefined) {
      if (index === lines.length - 1) break; // written in part before a power cut
      throw damaged(file, `is damaged at line ${index + 1}`);
    }
    applyRecord(state, record);
    lengthBytes += Buffer.byteLength(line) + 1;
  }
  return { state, lengthBytes };
}

export class StoreLog {
  readonly #directory: string;
  readonly state: StoreState;
  #fd: number;
  #lengthBytes: number;
  #rewriteAtBytes: number;
  #isBroken = false;

  private constructor(directory: string, state: StoreState, opened: { readonly fd: number; readonly lengthBytes: number }) {
    this.#directory = directory;
    this.state = state;
    this.#fd = opened.fd;
    this.#lengthBytes = opened.lengthBytes;
    this.#rewriteAtBytes = opened.lengthBytes + Math.max(GROWTH_BYTES, opened.lengthBytes);
  }

  /** Reads the directory's store or begins one. The caller holds the directory's lock. @throws InvalidConfiguration when it cannot be read or written */
  static open(directory: string): StoreLog {
    const file = join(directory, FILE);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const loaded = load(file);
      const state = loaded?.state ?? new StoreState();
      return new StoreLog(directory, state, writeSnapshot(directory, state));
    } catch (error) {
      if (error instanceof CacheError) throw error;
      throw new CacheError('InvalidConfiguration', `The directory of the metadata store ${directory} cannot be used (${(error as NodeJS.ErrnoException).code ?? 'damaged'}).`, {
        source: 'metadata-store',
        context: { file, remedy: 'Check alluxio.metadata.store.path, its permissions and its free space.' },
        cause: error,
      });
    }
  }

  /** On disk when it returns; then in the state. @throws MetadataStoreUnavailable: the disk refused and nothing was changed */
  append(record: LogRecord): void {
    if (this.#isBroken) throw storeUnavailable('its file failed before');
    const line = lineOf(record);
    try {
      for (let at = 0; at < line.length; ) at += writeSync(this.#fd, line, at, line.length - at, this.#lengthBytes + at);
      fdatasyncSync(this.#fd);
    } catch (error) {
      this.#cutBack();
      throw storeUnavailable(`its file cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`, error);
    }
    this.#lengthBytes += line.length;
  }

  /** Call after the record is in the state. */
  rewriteWhenGrown(): void {
    if (this.#lengthBytes < this.#rewriteAtBytes || this.#isBroken) return;
    try {
      const old = this.#fd;
      const { fd, lengthBytes } = writeSnapshot(this.#directory, this.state);
      closeSync(old);
      this.#fd = fd;
      this.#lengthBytes = lengthBytes;
      this.#rewriteAtBytes = lengthBytes + Math.max(GROWTH_BYTES, lengthBytes);
    } catch {
      this.#rewriteAtBytes = this.#lengthBytes + GROWTH_BYTES; // no room for a second file: the log goes on
    }
  }

  close(): void {
    this.#isBroken = true;
    closeSync(this.#fd);
  }

  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#lengthBytes);
      fdatasyncSync(this.#fd);
    } catch {
      this.#isBroken = true; // what the disk holds is not known: a restart reads it
    }
  }
}

function writeSnapshot(directory: string, state: StoreState): { fd: number; lengthBytes: number } {
  const file = join(directory, FILE);
  const line = lineOf({ format: FORMAT, ...state.snapshot() });
  const fd = openSync(`${file}.new`, 'w', 0o600);
  try {
    for (let at = 0; at < line.length; ) at += writeSync(fd, line, at);
    fsyncSync(fd);
    renameSync(`${file}.new`, file);
    const folder = openSync(directory, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { fd, lengthBytes: line.length };
}
