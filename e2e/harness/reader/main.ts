// A program that reads a file as an application would: `node main.ts FILE [blockBytes] [pauseMs]`. Prints one JSON line per MiB read and one at the end with the sha256.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const [file, block = '1048576', pause = '0'] = process.argv.slice(2);
const buffer = Buffer.allocUnsafe(Number(block));
const hash = createHash('sha256');
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let total = 0;
let errors = 0;
try {
  const fd = openSync(file!, 'r');
  for (;;) {
    const n = readSync(fd, buffer, 0, buffer.length, null);
    if (n === 0) break;
    hash.update(buffer.subarray(0, n));
    total += n;
    process.stdout.write(`${JSON.stringify({ total })}\n`);
    if (Number(pause) > 0) Atomics.wait(sleeper, 0, 0, Number(pause));
  }
  closeSync(fd);
} catch (error) {
  errors++;
  process.stdout.write(`${JSON.stringify({ error: (error as NodeJS.ErrnoException).code ?? String(error) })}\n`);
}
process.stdout.write(`${JSON.stringify({ done: true, total, errors, sha256: hash.digest('hex') })}\n`);
