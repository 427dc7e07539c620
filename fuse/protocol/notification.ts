// Messages that the daemon sends to the kernel of its own accord: unique 0, the code where a reply has its error.
import type { ByteName } from '../../common/api/index.ts';
import { encodeName } from '../../common/namespace/index.ts';
import { NotifyCode, OUT_HEADER_BYTES } from './layout.ts';

const TWO_32 = 0x1_0000_0000;

function notification(code: number, bodyBytes: number): Buffer {
  const message = Buffer.alloc(OUT_HEADER_BYTES + bodyBytes);
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(code, 4);
  return message;
}

function writeId(message: Buffer, at: number, id: number): void {
  message.writeUInt32LE(id % TWO_32, at);
  message.writeUInt32LE(Math.floor(id / TWO_32), at + 4);
}

/** The kernel drops the name, and forgets its inode when nothing else holds it. Takes the directory's lock: never send it from a thread that requests wait for. */
export function encodeInvalidateEntry(parent: number, name: ByteName): Buffer {
  const bytes = encodeName(name);
  const message = notification(NotifyCode.InvalidateEntry, 16 + bytes.length + 1);
  writeId(message, OUT_HEADER_BYTES, parent);
  message.writeUInt32LE(bytes.length, OUT_HEADER_BYTES + 8);
  bytes.copy(message, OUT_HEADER_BYTES + 16);
  return message;
}

/** The kernel drops these inodes' names when nobody uses them (7.45). */
export function encodePrune(nodeIds: readonly number[]): Buffer {
  const message = notification(NotifyCode.Prune, 16 + nodeIds.length * 8);
  message.writeUInt32LE(nodeIds.length, OUT_HEADER_BYTES);
  for (const [i, id] of nodeIds.entries()) writeId(message, OUT_HEADER_BYTES + 16 + i * 8, id);
  return message;
}
