// Bytes of requests, chunks and read targets (layout.ts). Pure: no sockets. 64-bit fields travel as two u32 halves; values beyond 2^53 are refused.
import { CacheError, codeOfWire, ERROR_TABLE, type ErrorCode, type ErrorSource } from '../../common/errors/index.ts';
import { decodeName, encodeName } from '../../common/namespace/index.ts';
import { CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES, Op, type OpCode, type ReadTarget, REQUEST_HEADER_BYTES, REQUEST_PAYLOAD_BYTES_MAX } from './layout.ts';

const TWO_32 = 0x1_0000_0000;
const FRAME_BYTES_MIN = REQUEST_HEADER_BYTES - 4;
const KNOWN_OPS: ReadonlySet<number> = new Set(Object.values(Op));
const NO_BYTES = new Uint8Array(0);

/** A peer that breaks the protocol; its connection is cut. */
export const brokenFrame = (message: string): CacheError =>
  new CacheError('ProtocolMismatch', message, { source: 'caller', context: { remedy: 'Run the same release on both ends.' } });

export interface RequestFrame {
  readonly op: OpCode;
  readonly flags?: number;
  readonly requestId: number;
  readonly ringRevision?: number;
  readonly fileId?: Uint8Array | undefined;
  readonly grant?: Uint8Array;
  readonly offset?: number;
  readonly length?: number;
  readonly timeoutMs?: number;
  readonly payload?: Uint8Array | undefined;
}

export interface ChunkHeader {
  readonly requestId: number;
  /** 0 or the wire number of an error code. */
  readonly status: number;
  readonly flags: number;
  /** Bytes that follow the header. */
  readonly length: number;
}

function putU64(into: Buffer, value: number, at: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new CacheError('InvalidArgument', 'A number does not fit the frame.', { context: { value } });
  into.writeUInt32LE(value % TWO_32, at);
  into.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
}
function getU64(from: Buffer, at: number): number {
  const value = from.readUInt32LE(at + 4) * TWO_32 + from.readUInt32LE(at);
  if (!Number.isSafeInteger(value)) throw brokenFrame('A frame carries a number beyond 2^53.');
  return value;
}

/** One request with its payload. @throws InvalidArgument when a field does not fit. */
export function encodeRequest(frame: RequestFrame): Buffer {
  const payload = frame.payload ?? NO_BYTES;
  if (payload.length > REQUEST_PAYLOAD_BYTES_MAX) throw new CacheError('InvalidArgument', 'A request is too long.', { context: { bytes: payload.length } });
  const bytes = Buffer.alloc(REQUEST_HEADER_BYTES + payload.length);
  bytes.writeUInt32LE(FRAME_BYTES_MIN + payload.length, 0);
  bytes.writeUInt16LE(frame.op, 4);
  bytes.writeUInt16LE(frame.flags ?? 0, 6);
  putU64(bytes, frame.requestId, 8);
  putU64(bytes, frame.ringRevision ?? 0, 16);
  if (frame.fileId !== undefined) bytes.set(frame.fileId.subarray(0, 16), 24);
  if (frame.grant !== undefined) bytes.set(frame.grant.subarray(0, 16), 40);
  putU64(bytes, frame.offset ?? 0, 56);
  bytes.writeUInt32LE(frame.length ?? 0, 64);
  bytes.writeUInt32LE(Math.min(Math.ceil(frame.timeoutMs ?? 0), TWO_32 - 1), 68);
  bytes.set(payload, REQUEST_HEADER_BYTES);
  return bytes;
}

/** Bytes of the whole frame whose first four bytes are at `at`. @throws ProtocolMismatch when nobody may send that many. */
export function frameBytes(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at);
  if (length < FRAME_BYTES_MIN || length > FRAME_BYTES_MIN + REQUEST_PAYLOAD_BYTES_MAX) throw brokenFrame('A request has an impossible length.');
  return length + 4;
}

/** @param bytes exactly one frame; the result's byte fields are copies. @throws ProtocolMismatch */
export function decodeRequest(bytes: Buffer): Required<RequestFrame> & { fileId: Uint8Array; payload: Uint8Array } {
  if (bytes.length < REQUEST_HEADER_BYTES || frameBytes(bytes, 0) !== bytes.length) throw brokenFrame('A request is cut short.');
  const op = bytes.readUInt16LE(4);
  if (!KNOWN_OPS.has(op)) throw brokenFrame('A request asks for an unknown operation.');
  return {
    op: op as OpCode,
    flags: bytes.readUInt16LE(6),
    requestId: getU64(bytes, 8),
    ringRevision: getU64(bytes, 16),
    fileId: Uint8Array.from(bytes.subarray(24, 40)),
    grant: Uint8Array.from(bytes.subarray(40, 56)),
    offset: getU64(bytes, 56),
    length: bytes.readUInt32LE(64),
    timeoutMs: bytes.readUInt32LE(68),
    payload: Uint8Array.from(bytes.subarray(REQUEST_HEADER_BYTES)),
  };
}

/** Writes a chunk header at the start of `into`. */
export function encodeChunkHeader(into: Buffer, header: ChunkHeader): void {
  putU64(into, header.requestId, 0);
  into.writeUInt16LE(header.status, 8);
  into.writeUInt16LE(header.flags, 10);
  into.writeUInt32LE(header.length, 12);
}

/** @throws ProtocolMismatch on a length over the limit */
export function decodeChunkHeader(from: Buffer): ChunkHeader {
  const length = from.readUInt32LE(12);
  if (length > CHUNK_BYTES_MAX) throw brokenFrame('A reply chunk has an impossible length.');
  return { requestId: getU64(from, 0), status: from.readUInt16LE(8), flags: from.readUInt16LE(10), length };
}

/** A chunk of its own buffer: header and body. */
export function encodeChunk(header: Omit<ChunkHeader, 'length'>, body: Uint8Array = NO_BYTES): Buffer {
  const bytes = Buffer.allocUnsafe(CHUNK_HEADER_BYTES + body.length);
  encodeChunkHeader(bytes, { ...header, length: body.length });
  bytes.set(body, CHUNK_HEADER_BYTES);
  return bytes;
}

const SOURCES: ReadonlySet<string> = new Set<ErrorSource>(['caller', 'worker', 'ufs', 'metadata-store', 'k8s', 'self']);

/** Body of an error chunk. The cause stays here. */
export const encodeErrorBody = (error: CacheError): Buffer => Buffer.from(JSON.stringify({ message: error.message, source: error.source, context: error.context }));
export const wireOf = (code: ErrorCode): number => ERROR_TABLE[code].wire;

/** The error of a chunk; a body that cannot be read keeps the code. */
export function decodeError(status: number, body: Buffer): CacheError {
  const code = codeOfWire(status);
  try {
    const parsed = parseObject(body);
    const source = typeof parsed['source'] === 'string' && SOURCES.has(parsed['source']) ? (parsed['source'] as ErrorSource) : 'worker';
    const context = (parsed['context'] ?? {}) as Record<string, string>;
    return new CacheError(code, typeof parsed['message'] === 'string' ? parsed['message'] : 'The worker answered with an error.', { source, context });
  } catch (error) {
    return new CacheError(code, 'The worker answered with an error.', { source: 'worker', cause: error });
  }
}

/** JSON object of a body. @throws ProtocolMismatch when it is none */
export function parseObject(body: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
  } catch (error) {
    throw new CacheError('ProtocolMismatch', 'A message is not JSON.', { source: 'caller', cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw brokenFrame('A message is not a JSON object.');
  return value as Record<string, unknown>;
}

/** u64 file length, then path, UFS URI and version, each a u32 length and its bytes. */
export function encodeReadTarget(target: ReadTarget): Buffer {
  const parts = [encodeName(target.path), encodeName(target.ufsUri), encodeName(target.version)];
  const head = Buffer.alloc(8);
  putU64(head, target.fileLength, 0);
  return Buffer.concat([
    head,
    ...parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(part.length);
      return [length, part];
    }),
  ]);
}

/** @returns undefined for an empty payload. @throws ProtocolMismatch */
export function decodeReadTarget(payload: Uint8Array): ReadTarget | undefined {
  if (payload.length === 0) return undefined;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  if (bytes.length < 20) throw brokenFrame('A read target is cut short.');
  let at = 8;
  const part = (): string => {
    const end = at + 4 > bytes.length ? Infinity : at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) throw brokenFrame('A read target is cut short.');
    const name = decodeName(bytes.subarray(at + 4, end));
    at = end;
    return name;
  };
  const target = { fileLength: getU64(bytes, 0), path: part(), ufsUri: part(), version: part() };
  if (at !== bytes.length) throw brokenFrame('A read target has bytes left over.');
  return target;
}
