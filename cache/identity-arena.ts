// UFS URIs and versions of the known files as bytes outside the heap: ten million of them must not be ten million strings. Main thread only.
import { decodeName, encodeName } from '../common/namespace/index.ts';

const SEGMENT_BYTES = 1024 * 1024;
const UNIT = 8;
const HEADER_BYTES = 4;

export interface FileIdentity {
  readonly ufsUri: string;
  readonly version: string;
}

/** Position of an entry, in units of 8 bytes; 0 is none. */
export type IdentityAt = number;

const roundUp = (bytes: number): number => Math.ceil(bytes / UNIT) * UNIT;

export class IdentityArena {
  #segments: Buffer[] = [];
  #used = SEGMENT_BYTES;
  #liveBytes = 0;

  /** Bytes that compaction could give back. */
  get wastedBytes(): number {
    return this.#segments.length * SEGMENT_BYTES - this.#liveBytes;
  }
  get isWasteful(): boolean {
    return this.#segments.length > 4 && this.wastedBytes * 2 > this.#segments.length * SEGMENT_BYTES;
  }

  add(uri: Uint8Array, version: Uint8Array): IdentityAt {
    const bytes = roundUp(HEADER_BYTES + uri.length + version.length);
    if (this.#used + bytes > SEGMENT_BYTES) {
      this.#segments.push(Buffer.alloc(SEGMENT_BYTES));
      this.#used = this.#segments.length === 1 ? UNIT : 0; // position 0 stays free: it means none
    }
    const segment = this.#segments.at(-1)!;
    const at = this.#used;
    segment.writeUInt16LE(uri.length, at);
    segment.writeUInt16LE(version.length, at + 2);
    segment.set(uri, at + HEADER_BYTES);
    segment.set(version, at + HEADER_BYTES + uri.length);
    this.#used += bytes;
    this.#liveBytes += bytes;
    return ((this.#segments.length - 1) * SEGMENT_BYTES + at) / UNIT;
  }

  remove(at: IdentityAt): void {
    this.#liveBytes -= roundUp(HEADER_BYTES + this.uriBytes(at).length + this.versionBytes(at).length);
  }

  uriBytes(at: IdentityAt): Uint8Array {
    const { segment, from } = this.#place(at);
    return segment.subarray(from + HEADER_BYTES, from + HEADER_BYTES + segment.readUInt16LE(from));
  }

  versionBytes(at: IdentityAt): Uint8Array {
    const { segment, from } = this.#place(at);
    const start = from + HEADER_BYTES + segment.readUInt16LE(from);
    return segment.subarray(start, start + segment.readUInt16LE(from + 2));
  }

  identity(at: IdentityAt): FileIdentity {
    return { ufsUri: decodeName(Buffer.from(this.uriBytes(at))), version: decodeName(Buffer.from(this.versionBytes(at))) };
  }

  isSame(at: IdentityAt, identity: FileIdentity): boolean {
    return encodeName(identity.ufsUri).equals(this.uriBytes(at)) && encodeName(identity.version).equals(this.versionBytes(at));
  }

  /** Moves the living entries together. @param live positions in use @returns the new position of each, in the same order */
  compact(live: readonly IdentityAt[]): IdentityAt[] {
    const old = new IdentityArena();
    old.#segments = this.#segments;
    this.#segments = [];
    this.#used = SEGMENT_BYTES;
    this.#liveBytes = 0;
    return live.map((at) => this.add(old.uriBytes(at), old.versionBytes(at)));
  }

  #place(at: IdentityAt): { segment: Buffer; from: number } {
    const position = at * UNIT;
    return { segment: this.#segments[Math.floor(position / SEGMENT_BYTES)]!, from: position % SEGMENT_BYTES };
  }
}
