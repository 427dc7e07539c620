// Blocking connections of one serve thread, one per worker, made when needed. A worker that refuses or breaks is left alone for a while: the main thread finds out why.
import type { BlockingDataConnection } from '../../proto/frames/contracts.ts';
import { connectDataBlocking } from '../../proto/frames/index.ts';
import { nowTicks } from '../inodes/index.ts';
import type { ThreadSettings, ThreadWorker } from './thread-memory.ts';

const TIMEOUT_MS = 200;
/** In ticks of 100 ms. */
const SUSPECT_TICKS = 10;
const CONNECTIONS_MAX = 64;

interface Peer {
  readonly worker: ThreadWorker;
  connection: BlockingDataConnection | undefined;
  suspectUntil: number;
}

const sameWorker = (a: ThreadWorker, b: ThreadWorker): boolean =>
  a.endpoint.host === b.endpoint.host && a.endpoint.port === b.endpoint.port && a.endpoint.unixPath === b.endpoint.unixPath && a.pageSizeBytes === b.pageSizeBytes;

export class WorkerConnections {
  readonly #settings: ThreadSettings;
  readonly #peers = new Map<number, Peer>();

  constructor(settings: ThreadSettings) {
    this.#settings = settings;
  }

  follow(workers: readonly (ThreadWorker | undefined)[]): void {
    for (const [index, peer] of this.#peers) {
      const worker = workers[index];
      if (worker !== undefined && sameWorker(worker, peer.worker)) continue;
      peer.connection?.close();
      this.#peers.delete(index);
    }
    for (const [index, worker] of workers.entries()) {
      if (worker !== undefined && !this.#peers.has(index)) this.#peers.set(index, { worker, connection: undefined, suspectUntil: 0 });
    }
  }

  worker(index: number): ThreadWorker | undefined {
    return this.#peers.get(index)?.worker;
  }

  /** undefined: the worker cannot be asked now. */
  get(index: number): BlockingDataConnection | undefined {
    const peer = this.#peers.get(index);
    if (peer === undefined) return undefined;
    if (peer.connection?.closed === false) return peer.connection;
    const ticks = nowTicks();
    if (peer.connection !== undefined) {
      // It closed itself in the middle of a reply.
      peer.connection = undefined;
      peer.suspectUntil = ticks + SUSPECT_TICKS;
    }
    return ticks < peer.suspectUntil ? undefined : this.#connect(peer, ticks);
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.connection?.close();
    this.#peers.clear();
  }

  #connect(peer: Peer, ticks: number): BlockingDataConnection | undefined {
    this.#makeRoom();
    const { keys, identity } = this.#settings;
    try {
      peer.connection = connectDataBlocking({ endpoint: peer.worker.endpoint, keys, role: 'fuse', identity, timeoutMs: TIMEOUT_MS });
    } catch {
      peer.suspectUntil = ticks + SUSPECT_TICKS;
    }
    return peer.connection;
  }

  #makeRoom(): void {
    const open = [...this.#peers.values()].filter((peer) => peer.connection !== undefined);
    if (open.length < CONNECTIONS_MAX) return;
    open[0]!.connection!.close();
    open[0]!.connection = undefined;
  }
}
