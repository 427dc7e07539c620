// A thread that reads random cached ranges as fast as it can, checks every byte while it holds the pin, and now and then asks for a whole file. Started by
// eviction-readers.component.test.ts.
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { SharedPageTable } from '../contracts.ts';
import { attachPageTable } from '../page-table-reader.ts';
import { firstWrongByte, knownFile, type ReaderTask, STOP, HITS, MISSES, HAND_OUTS, WRONG, TURN } from './known-content.ts';

const task = workerData as ReaderTask & { readonly table: SharedPageTable; readonly ring: number };
const { pageSizeBytes } = task.table;
const tally = new Int32Array(task.tally);
const reader = attachPageTable(task.table, task.ring);
const files = Array.from({ length: task.files }, (_, i) => knownFile(`f${i}`, task.fileBytes));
const READ_BYTES = 8192;
const BURST = 8;
const TURN_MS_MAX = 1000;
const buffer = Buffer.alloc(task.fileBytes);
let state = (task.ring + 1) * 0x9e3779b1;
const random = (below: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

function check(got: Buffer, fileId: Uint8Array, offset: number): void {
  const wrong = firstWrongByte(got, fileId, offset);
  if (wrong < 0) return;
  Atomics.add(tally, WRONG, 1);
  parentPort?.postMessage({ offset: offset + wrong, got: got[wrong] });
}

function readOne(): void {
  const { fileId } = files[random(files.length)]!;
  const page = random(Math.ceil(task.fileBytes / pageSizeBytes));
  const offset = random(pageSizeBytes / 4096) * 4096;
  const length = Math.min(READ_BYTES, pageSizeBytes - offset, task.fileBytes - page * pageSizeBytes - offset);
  const slot = length <= 0 ? -1 : reader.acquire(fileId, page, offset, length);
  if (slot < 0) {
    Atomics.add(tally, MISSES, 1);
    return;
  }
  const at = page * pageSizeBytes + offset;
  const bytes = readSync(reader.descriptor(slot), buffer, 0, length, at);
  reader.release(slot);
  check(buffer.subarray(0, bytes), fileId, at);
  Atomics.add(tally, bytes === length ? HITS : WRONG, 1);
}

function takeWholeFile(): void {
  const { fileId } = files[random(files.length)]!;
  const given = reader.handOut(fileId);
  if (given < 0) return;
  const fd = openSync(`/proc/self/fd/${given}`, 'r');
  const bytes = readSync(fd, buffer, 0, task.fileBytes, 0);
  closeSync(fd);
  check(buffer.subarray(0, bytes), fileId, 0);
  Atomics.add(tally, bytes === task.fileBytes ? HAND_OUTS : WRONG, 1);
}

for (let step = 0; Atomics.load(tally, STOP) === 0; step++) {
  const turn = Atomics.load(tally, TURN);
  for (let i = 0; i < BURST; i++) readOne();
  if (task.takesWholeFiles && step % 8 === 0) takeWholeFile();
  Atomics.wait(tally, TURN, turn, TURN_MS_MAX);
}
parentPort?.close();
