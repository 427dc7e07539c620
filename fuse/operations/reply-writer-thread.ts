// Entry of a thread that writes large replies: the copy into the reader's pages costs as much as all the rest of a remote read, and the main thread has other readers.
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Errno } from '../errno.ts';
import { OUT_HEADER_BYTES } from '../protocol/layout.ts';

export interface WriteOrder {
  readonly memory: ArrayBuffer;
  readonly from: number;
  readonly length: number;
}
export interface WriteOutcome {
  readonly memory: ArrayBuffer;
  /** undefined: written, or nobody waits for it any more. */
  readonly failure: string | undefined;
}

const { fuseFd } = workerData as { readonly fuseFd: number };
/** ENOENT: interrupted; the others: unmounted. */
const NOBODY_WAITS: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENODEV', 'ECONNABORTED']);

function write({ memory, from, length }: WriteOrder): string | undefined {
  const bytes = Buffer.from(memory, from, length);
  try {
    writeSync(fuseFd, bytes);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (NOBODY_WAITS.has(code)) return undefined;
    // Nobody may be left waiting for a reply that was malformed.
    bytes.writeUInt32LE(OUT_HEADER_BYTES, 0);
    bytes.writeInt32LE(-Errno.EIO, 4);
    try {
      writeSync(fuseFd, bytes.subarray(0, OUT_HEADER_BYTES));
    } catch {
      // unmounted meanwhile
    }
    return code ?? String(error);
  }
}

parentPort!.on('message', (order: WriteOrder) => {
  const failure = write(order);
  const outcome: WriteOutcome = { memory: order.memory, failure };
  parentPort!.postMessage(outcome, [order.memory]);
});
