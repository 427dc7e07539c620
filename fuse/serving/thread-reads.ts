// The two ways in which a serve thread reads by itself: pread on a complete file of a worker on this host (the descriptor comes over the worker's unix socket and stays
// in the inode's record, for all threads), and small cached reads over the thread's own socket. Whatever is uncertain is left to the main thread.
import { closeSync, readSync } from 'node:fs';
import { type InodeReader, nowTicks } from '../inodes/index.ts';
import { type ThreadControl, ThreadCounter, type ThreadCounters, type ThreadSettings } from './thread-memory.ts';
import type { WorkerConnections } from './worker-connections.ts';

/** From here on the main thread is faster: it receives and copies at the same time, and reads ahead. */
export const SMALL_READ_BYTES = 128 * 1024;
/** A file that was not there, not complete or not verified is asked for again after this time. In ticks of 100 ms. */
const RETRY_TICKS = 10;
const NOT_CACHED = -1;

export interface ThreadReadsOptions {
  readonly inodes: InodeReader;
  readonly control: ThreadControl;
  readonly counters: ThreadCounters;
  readonly connections: WorkerConnections;
  readonly settings: ThreadSettings;
}

export interface ReadRange {
  readonly offset: number;
  readonly length: number;
}

export class ThreadReads {
  readonly #options: ThreadReadsOptions;
  /** A worker on this host, whatever it owns; -1: none. */
  localWorker = -1;
  /** Whether descriptors are asked for at all. */
  handOver = false;

  constructor(options: ThreadReadsOptions) {
    this.#options = options;
  }

  /** @returns whether exactly `length` bytes of the file were put into `into` at `at` */
  read(record: number, range: ReadRange, into: Buffer, at: number): boolean {
    if (this.#readLocal(record, range, into, at)) return true;
    return range.length < SMALL_READ_BYTES && !this.#isReadAheadTail(record, range) && this.#readWorker(record, range, into, at);
  }

  /** The short last read of a file whose long reads went to the main thread: its read-ahead has the bytes, or they are on their way. */
  #isReadAheadTail(record: number, { offset, length }: ReadRange): boolean {
    const { inodes } = this.#options;
    return offset > 0 && inodes.mainHandles(record) > 0 && offset + length >= inodes.size(record);
  }

  #readLocal(record: number, { offset, length }: ReadRange, into: Buffer, at: number): boolean {
    const { inodes, counters } = this.#options;
    const held = inodes.descriptor(record);
    const fd = held >= 0 ? held : this.#acquire(record);
    if (fd < 0) return false;
    let done = 0;
    try {
      while (done < length) {
        const read = readSync(fd, into, at + done, length - done, offset + done);
        if (read <= 0) return false;
        done += read;
      }
    } catch {
      return false; // a bad disk under the page store: the worker will find out, its peers or the UFS have the bytes
    }
    counters.add(ThreadCounter.LocalReads);
    counters.add(ThreadCounter.LocalBytes, done);
    return true;
  }

  /** @returns a descriptor that the record owns, or -1 */
  #acquire(record: number): number {
    const { inodes, control, counters, connections, settings } = this.#options;
    if (!this.handOver || control.descriptors >= settings.descriptorsMax) return -1;
    const worker = this.#holderOf(record);
    const ticks = nowTicks();
    if (worker < 0 || !inodes.claimLocalTry(record, ticks, ticks + RETRY_TICKS)) return -1;
    const fd = connections.get(worker)?.handOver(inodes.fileId(record)) ?? -1;
    counters.add(fd < 0 ? ThreadCounter.DescriptorsRefused : ThreadCounter.DescriptorsReceived);
    return fd < 0 ? -1 : this.#keep(record, fd);
  }

  /** The worker on this host to ask for the file: its owner, else any. */
  #holderOf(record: number): number {
    const { inodes, connections } = this.#options;
    const owner = inodes.worker(record);
    return (connections.worker(owner)?.endpoint.unixPath ?? '') === '' ? this.localWorker : owner;
  }

  #keep(record: number, fd: number): number {
    const { inodes, control } = this.#options;
    if (inodes.offerDescriptor(record, fd)) {
      control.addDescriptors(1);
      return fd;
    }
    closeSync(fd);
    return inodes.descriptor(record);
  }

  #readWorker(record: number, { offset, length }: ReadRange, into: Buffer, at: number): boolean {
    const { inodes, connections, counters } = this.#options;
    const index = inodes.worker(record);
    const worker = connections.worker(index);
    const connection = worker === undefined ? undefined : connections.get(index);
    if (worker === undefined || connection === undefined) return false;
    const fileId = inodes.fileId(record);
    for (let done = 0; done < length; ) {
      const from = offset + done;
      const part = Math.min(length - done, worker.pageSizeBytes - (from % worker.pageSizeBytes));
      const read = connection.readCached(fileId, from, into, at + done, part);
      if (read !== part) {
        counters.add(ThreadCounter.WorkerMisses);
        inodes.setWorker(record, -1); // the main thread routes the file anew with this read
        if (read !== NOT_CACHED) connection.close();
        return false;
      }
      done += part;
    }
    counters.add(ThreadCounter.WorkerReads);
    counters.add(ThreadCounter.WorkerBytes, length);
    return true;
  }
}
