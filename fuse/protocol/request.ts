// A request as it lies in a buffer: a view with named fields, no copies and no bigints, so that threads can reuse one per request.
import type { ByteName } from '../../common/api/index.ts';
import { decodeName } from '../../common/namespace/index.ts';
import { IN_HEADER_BYTES } from './layout.ts';

const TWO_32 = 0x1_0000_0000;
const BODY = IN_HEADER_BYTES;
const FORGET_BYTES = 16;

/**
 * Node ids and handles of ours are whole numbers below 2^53, so they are plain numbers here. Fields mean something only for the requests named.
 * `unique` is echoed as its two halves; as a number it is a key.
 */
export class KernelRequest {
  readonly bytes: Buffer;
  readonly words: Uint32Array;

  /** @param buffer from its start on a request; its memory is aligned to 8 bytes */
  constructor(buffer: ArrayBuffer, offset = 0, length = buffer.byteLength - offset) {
    this.bytes = Buffer.from(buffer, offset, length);
    this.words = new Uint32Array(buffer, offset, length >> 2);
  }

  /** A view of bytes that own their memory from offset 0 (as structured clones do). */
  static of(bytes: Uint8Array): KernelRequest {
    return new KernelRequest(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes of the request, header included. */
  get length(): number {
    return this.words[0]!;
  }
  get opcode(): number {
    return this.words[1]!;
  }
  get uniqueLow(): number {
    return this.words[2]!;
  }
  get uniqueHigh(): number {
    return this.words[3]!;
  }
  get unique(): number {
    return this.#number(2);
  }
  get nodeId(): number {
    return this.#number(4);
  }
  get uid(): number {
    return this.words[6]!;
  }
  get gid(): number {
    return this.words[7]!;
  }
  get pid(): number {
    return this.words[8]!;
  }

  /** READ, READDIR(PLUS), RELEASE(DIR), FLUSH, LSEEK: the handle. */
  get handle(): number {
    return this.#number(10);
  }
  /** READ: bytes from the start of the file; READDIR: the cookie. */
  get offset(): number {
    return this.#number(12);
  }
  /** READ, READDIR. */
  get size(): number {
    return this.words[14]!;
  }
  /** OPEN, OPENDIR: flags of open(2). */
  get openFlags(): number {
    return this.words[10]!;
  }
  /** ACCESS: mask of access(2). */
  get accessMask(): number {
    return this.words[10]!;
  }
  /** GETXATTR, LISTXATTR: bytes the caller has room for; 0 asks for the length. */
  get xattrSize(): number {
    return this.words[10]!;
  }
  /** FORGET. */
  get lookups(): number {
    return this.#number(10);
  }
  /** INTERRUPT: which request. */
  get interruptedUnique(): number {
    return this.#number(10);
  }

  /** LOOKUP: the name. */
  get name(): ByteName {
    return this.#textAt(BODY);
  }
  /** GETXATTR. */
  get xattrName(): ByteName {
    return this.#textAt(BODY + 8);
  }

  /** BATCH_FORGET and FORGET: calls back with each node id and how many look-ups the kernel gives back. */
  eachForget(visit: (nodeId: number, lookups: number) => void): void {
    const count = Math.min(this.words[10]!, Math.floor((this.length - BODY - 8) / FORGET_BYTES));
    for (let i = 0; i < count; i++) visit(this.#number(12 + i * 4), this.#number(14 + i * 4));
  }

  /** INIT as the kernel offers it. */
  get init(): { readonly major: number; readonly minor: number; readonly maxReadAheadBytes: number; readonly flags: number; readonly flags2: number } {
    const flags2 = this.length >= BODY + 20 ? this.words[14]! : 0;
    return { major: this.words[10]!, minor: this.words[11]!, maxReadAheadBytes: this.words[12]!, flags: this.words[13]!, flags2 };
  }

  #number(word: number): number {
    return this.words[word]! + this.words[word + 1]! * TWO_32;
  }

  #textAt(from: number): ByteName {
    const end = this.bytes.indexOf(0, from);
    return decodeName(this.bytes.subarray(from, end < 0 || end > this.length ? this.length : end));
  }
}
