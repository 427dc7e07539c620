// A data plane on a real page store, clients of it, and a hand-driven socket for what no proper client does.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CachedFile, FileSlot, PageStore } from '../../../cache/contracts.ts';
import { openPageStore } from '../../../cache/index.ts';
import type { DataConnection, DataReply, DataRequest, SessionKeys } from '../../../proto/frames/contracts.ts';
import { ClientHello, connectData, encodeRequest } from '../../../proto/frames/index.ts';
import { Op } from '../../../proto/frames/layout.ts';
import type { DataPlane, DataPlaneLimits, DataPlaneOptions, DataPlaneStats } from '../contracts.ts';
import { openDataPlane } from '../index.ts';

export const PAGE_BYTES = 4 << 20;
export const keys: SessionKeys = { clusterUid: 'c-1', dataPlaneKey: Buffer.alloc(32, 7) };
export const cachedId = Buffer.alloc(16, 1);
export const absentId = Buffer.alloc(16, 2);
/** Byte at an offset of the one cached file: every place differs from its neighbours. */
export const content = Buffer.alloc(2 * PAGE_BYTES, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));

export const ask = (offset: number, length: number, fileId: Uint8Array = cachedId) => ({ fileId, offset, length, flags: 0, ringRevision: 1, timeoutMs: 5000 });

export interface RawClient {
  readonly socket: Socket;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;
}

/** Statistics once so many requests are in flight: a data thread counts a reply as over after its bytes have left, so its reader may look too early. */
export async function settledStats(plane: Pick<DataPlane, 'stats'>, inFlight = 0): Promise<DataPlaneStats> {
  while (plane.stats().inFlight !== inFlight) await new Promise(setImmediate);
  return plane.stats();
}

export class PlaneFixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'data-plane-'));
  readonly unixPath = join(this.directory, 'run', 'worker.sock');
  readonly isPortable: boolean;
  handle: (request: DataRequest, reply: DataReply) => void = () => undefined;
  store!: PageStore;
  plane!: DataPlane;
  #opened: { close(): void }[] = [];

  constructor(isPortable: boolean) {
    this.isPortable = isPortable;
  }

  /** The store holds the two pages of `cachedId`. */
  async openStore(): Promise<void> {
    const path = join(this.directory, 'pages');
    this.store = await openPageStore({
      directories: [{ path, capacityBytes: 64 << 20 }],
      pageSizeBytes: PAGE_BYTES,
      evictor: 'LRU',
      clusterUid: 'c-1',
      workerUuid: 'w-1',
      hitRings: 2,
      portable: this.isPortable,
    });
    this.fill(this.admit(cachedId, content.length));
  }

  admit(fileId: Uint8Array, lengthBytes: number): FileSlot {
    const file: CachedFile = { fileId, ufsUri: `s3://b/${fileId[0]}`, version: 'v', lengthBytes };
    return this.store.admitFile(file);
  }

  /** Fills all pages of a file with the bytes of `content`. */
  fill(file: FileSlot): void {
    for (let page = 0; page < this.store.residency(file).pagesTotal; page++) {
      const reservation = this.store.reserve(file, page);
      if (typeof reservation === 'string') throw new Error(`the page was refused: ${reservation}`);
      const bytes = content.subarray((page % 2) * PAGE_BYTES, (page % 2) * PAGE_BYTES + reservation.lengthBytes);
      reservation.write(0, bytes);
      reservation.commit(bytes);
    }
  }

  async start(limits: Partial<DataPlaneLimits> = {}, options: Partial<DataPlaneOptions> = {}): Promise<void> {
    this.plane = await openDataPlane({
      host: '127.0.0.1',
      port: 0,
      unixPath: this.unixPath,
      pages: this.store,
      handler: { handle: (request, reply) => this.handle(request, reply) },
      keys,
      limits,
      threads: 2,
      portable: this.isPortable,
      ...options,
    });
  }

  async open(options: { readonly unix?: boolean; readonly keys?: SessionKeys } = {}): Promise<DataConnection> {
    const endpoint = { host: '127.0.0.1', port: this.plane.port, unixPath: options.unix === true ? this.unixPath : '' };
    const connection = await connectData({ endpoint, keys: options.keys ?? keys, role: 'fuse', identity: 'fuse/a', timeoutMs: 5000 });
    this.#opened.push(connection);
    return connection;
  }

  /** A greeted socket that the test drives by hand. */
  async raw(): Promise<RawClient> {
    const hello = new ClientHello({ keys, role: 'fuse', identity: 'fuse/raw' });
    const socket = connect(this.plane.port, '127.0.0.1', () => socket.write(hello.first));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      const greet = (bytes: Buffer): void => {
        const answer = hello.answer(bytes.subarray(4));
        if (answer !== undefined) return void socket.write(answer);
        socket.off('data', greet);
        resolve();
      };
      socket.on('data', greet);
    });
    this.#opened.push({ close: () => socket.destroy() });
    return { socket, closed };
  }

  /** A greeted client that asks for whole pages and takes none of them. */
  async stopped(requests: number): Promise<RawClient> {
    const client = await this.raw();
    client.socket.pause();
    this.askWithoutTaking(client, requests);
    return client;
  }

  askWithoutTaking({ socket }: RawClient, requests: number): void {
    for (let id = 1; id <= requests; id++) socket.write(encodeRequest({ op: Op.Read, requestId: id, fileId: cachedId, length: PAGE_BYTES }));
  }

  /** Closes plane and clients; the store stays. */
  async stop(): Promise<void> {
    for (const client of this.#opened.splice(0)) client.close();
    await this.plane.close();
    this.handle = () => undefined;
  }

  async end(): Promise<void> {
    await this.store.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
