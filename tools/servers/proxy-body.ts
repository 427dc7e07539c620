// Sends an upstream answer to the client as a fault rule wants it: whole, cut, lengthened, or with another ETag.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultRule } from './fault.ts';

export interface BodyTransfer {
  readonly answer: IncomingMessage;
  readonly res: ServerResponse;
  readonly fault: FaultRule | undefined;
  readonly isHead: boolean;
  /** Told of each piece; gives the milliseconds to wait before the next. */
  readonly onBytes: (count: number) => number;
}

const EXTRA_BYTES = 16;
const CUT_KINDS = new Set(['reset-mid-body', 'truncated-body', 'short-body', 'object-swapped', 'hang-mid-body']);

/** Names and values as the server wrote them, but for what the fault changes. */
function headersOf(answer: IncomingMessage, fault: FaultRule | undefined, lengthBytes: number): string[] {
  const out = [...answer.rawHeaders];
  for (let i = 0; i < out.length; i += 2) {
    const name = out[i]!.toLowerCase();
    if (fault?.kind === 'wrong-etag' && name === 'etag') out[i + 1] = '"00000000000000000000000000000bad"';
    if (fault?.kind === 'short-body' && name === 'content-length') out[i + 1] = String(Math.floor(lengthBytes / 2));
    if (fault?.kind === 'over-long-body' && name === 'content-length') out[i + 1] = String(lengthBytes + EXTRA_BYTES);
  }
  return out;
}

export async function sendBody(transfer: BodyTransfer): Promise<void> {
  const { answer, res, fault, isHead } = transfer;
  const lengthBytes = Number(answer.headers['content-length'] ?? 0);
  res.writeHead(answer.statusCode ?? 502, answer.statusMessage, headersOf(answer, fault, lengthBytes));
  if (isHead) {
    answer.resume();
    res.end();
    return;
  }
  const cutAt = fault !== undefined && CUT_KINDS.has(fault.kind) ? Math.floor(lengthBytes / 2) : Infinity;
  if (await copy(transfer, cutAt)) {
    if (fault?.kind === 'over-long-body') res.write(Buffer.alloc(EXTRA_BYTES, 0x5a));
    res.end();
    return;
  }
  await endCut(transfer);
}

/** Resolves when more can be written or nobody reads any more. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      res.off('drain', end).off('close', end);
      resolve();
    };
    if (res.destroyed) end();
    else res.on('drain', end).on('close', end);
  });
}

/** Copies up to `cutAt` bytes; false when it stopped there. */
async function copy({ answer, res, onBytes }: BodyTransfer, cutAt: number): Promise<boolean> {
  let sent = 0;
  if (cutAt === 0) return false;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const piece = sent + chunk.length > cutAt ? chunk.subarray(0, cutAt - sent) : chunk;
    sent += piece.length;
    if (!res.write(piece)) await drained(res);
    if (res.destroyed) return true;
    const delayMs = onBytes(piece.length);
    if (delayMs > 1) await sleep(delayMs);
    if (sent === cutAt) return false;
  }
  if (!answer.complete) throw new Error('the server broke off');
  return true;
}

async function endCut({ answer, res, fault }: BodyTransfer): Promise<void> {
  const socket = res.socket;
  if (fault?.kind === 'hang-mid-body') return;
  if (fault?.kind === 'object-swapped') await fault.onMidBody?.();
  if (fault?.kind === 'short-body') res.end();
  else if (fault?.kind === 'truncated-body') socket?.end();
  else socket?.resetAndDestroy();
  answer.destroy();
}
