// Reading the index at start: the newest snapshot, then the logs from its number on. Tolerates a torn tail; owns nothing that is written.
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CacheError } from '../../common/errors/index.ts';
import {
  decodeCounts,
  decodeHeader,
  GONE_RECORD_BYTES,
  HEADER_BYTES,
  INDEX_FORMAT_VERSION,
  type IndexFileKind,
  RECORD_BYTES_MAX,
  RecordReader,
  type RecordVisitor,
} from './record-codec.ts';

const READ_BYTES = 1024 * 1024;

export const logName = (number: number): string => `log-${String(number).padStart(10, '0')}`;
export const snapshotName = (number: number): string => `snapshot-${String(number).padStart(10, '0')}`;
const numberOf = (name: string, kind: IndexFileKind): number | undefined => {
  const match = new RegExp(`^${kind}-(\\d{10})$`).exec(name);
  return match === null ? undefined : Number(match[1]);
};

export interface RecoveredIndex {
  /** The log to go on with; 0 when there is none. */
  readonly logNumber: number;
  /** Where its valid records end; HEADER_BYTES at least, 0 when there is none or its header is damaged. */
  readonly logEndBytes: number;
  readonly lastSequence: number;
  /** Snapshot and logs that count; the other files of the folder are leftovers. */
  readonly liveNames: readonly string[];
  /** Files that did not end with a whole record. */
  readonly torn: readonly string[];
  readonly snapshotBytes: number;
}

interface FileRead {
  readonly endBytes: number;
  readonly lastSequence: number;
  readonly isTorn: boolean;
}

function checkHeader(path: string, header: Buffer, kind: IndexFileKind, pageSizeBytes: number): boolean {
  const decoded = decodeHeader(kind, header);
  if (decoded === undefined) return false;
  if (decoded.formatVersion === INDEX_FORMAT_VERSION && decoded.pageSizeBytes === pageSizeBytes) return true;
  throw new CacheError(
    'InvalidConfiguration',
    `The page-store index ${path} has format version ${decoded.formatVersion} and page size ${decoded.pageSizeBytes}, expected ${INDEX_FORMAT_VERSION} and ${pageSizeBytes}.`,
    { context: { path, remedy: 'empty the directory, or configure another one' } },
  );
}

function* readRecords(fd: number, start: number, reader: RecordReader): Generator<void, FileRead> {
  const memory = Buffer.from(new ArrayBuffer(READ_BYTES + RECORD_BYTES_MAX));
  let kept = 0;
  let position = start;
  for (;;) {
    const bytes = readSync(fd, memory, kept, READ_BYTES, position);
    position += bytes;
    const filled = kept + bytes;
    const { consumed, isTorn } = reader.read(memory.subarray(0, filled));
    const endBytes = position - (filled - consumed);
    if (isTorn || bytes === 0) return { endBytes, lastSequence: reader.lastSequence, isTorn: isTorn || consumed < filled };
    memory.copyWithin(0, consumed, filled);
    kept = filled - consumed;
    yield;
  }
}

function tellCounts(fd: number, visitor: RecordVisitor): void {
  const last = Buffer.from(new ArrayBuffer(GONE_RECORD_BYTES));
  const { size } = fstatSync(fd);
  if (size < HEADER_BYTES + GONE_RECORD_BYTES || readSync(fd, last, 0, GONE_RECORD_BYTES, size - GONE_RECORD_BYTES) < GONE_RECORD_BYTES) return;
  const counts = decodeCounts(last);
  if (counts !== undefined) visitor.expect(counts);
}

function* readIndexFile(path: string, kind: IndexFileKind, options: { readonly pageSizeBytes: number; readonly visitor: RecordVisitor }): Generator<void, FileRead> {
  const fd = openSync(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const bytes = readSync(fd, header, 0, HEADER_BYTES, 0);
    if (bytes < HEADER_BYTES || !checkHeader(path, header, kind, options.pageSizeBytes)) return { endBytes: 0, lastSequence: 0, isTorn: bytes > 0 };
    if (kind === 'snapshot') tellCounts(fd, options.visitor);
    const reader = new RecordReader(options.visitor);
    const read = yield* readRecords(fd, HEADER_BYTES, reader);
    return kind === 'snapshot' && !reader.sawEnd ? { ...read, isTorn: true } : read;
  } finally {
    closeSync(fd);
  }
}

/**
 * Tells the visitor the state that the index describes, in order. A step ends at each yield, after some ten thousand records: the caller may let others have a turn.
 * @throws InvalidConfiguration when it was written by another format version or with another page size; errors of the file system
 */
export function* recoverySteps(folder: string, pageSizeBytes: number, visitor: RecordVisitor): Generator<void, RecoveredIndex> {
  const names = readdirSync(folder);
  const numbers = (kind: IndexFileKind): number[] =>
    names
      .map((name) => numberOf(name, kind))
      .filter((n) => n !== undefined)
      .toSorted((a, b) => a - b);
  const snapshot = numbers('snapshot').at(-1);
  const logs = numbers('log').filter((n) => n >= (snapshot ?? 0));
  const torn: string[] = [];
  const read = function* (name: string, kind: IndexFileKind): Generator<void, FileRead> {
    const result = yield* readIndexFile(join(folder, name), kind, { pageSizeBytes, visitor });
    if (result.isTorn) torn.push(name);
    return result;
  };
  const snapshotBytes = snapshot === undefined ? 0 : (yield* read(snapshotName(snapshot), 'snapshot')).endBytes;
  let last: FileRead = { endBytes: 0, lastSequence: 0, isTorn: false };
  for (const log of logs) last = yield* read(logName(log), 'log');
  const liveNames = [...(snapshot === undefined ? [] : [snapshotName(snapshot)]), ...logs.map(logName)];
  return { logNumber: logs.at(-1) ?? 0, logEndBytes: last.endBytes, lastSequence: Math.max(0, last.lastSequence), liveNames, torn, snapshotBytes };
}

/** All steps, with a turn of the event loop between them. @throws as `recoverySteps` */
export async function recoverIndex(folder: string, pageSizeBytes: number, visitor: RecordVisitor): Promise<RecoveredIndex> {
  const steps = recoverySteps(folder, pageSizeBytes, visitor);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await nextTurn();
  }
}
