// Data-plane sessions that a test drives itself: to send what the client library never would.
import { connect } from 'node:net';
import type { FileStatus } from '../../common/api/index.ts';
import type { DataConnection } from '../../proto/frames/contracts.ts';
import { connectData, encodeHello, encodeReadTarget, helloLength, parseObject } from '../../proto/frames/index.ts';
import type { SessionRole } from '../../proto/frames/layout.ts';
import { type Cluster, HOST, type WorkerSlot } from './cluster.ts';

export async function connectWorker(cluster: Cluster, slot: WorkerSlot, identity: string, role: SessionRole = 'sdk'): Promise<DataConnection> {
  return await connectData({
    endpoint: { host: HOST, port: slot.ports['data']!, unixPath: '' },
    keys: { clusterUid: await cluster.clusterUid(), dataPlaneKey: cluster.dataPlaneKey },
    role,
    identity: `${role}/${identity}`,
  });
}

export interface PageRange {
  readonly status: FileStatus;
  readonly offset: number;
  readonly length: number;
  readonly flags?: number;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** One Read of the data plane, which may not cross a page. @returns the bytes */
export async function readRange(connection: DataConnection, range: PageRange): Promise<Buffer> {
  const { status } = range;
  const into = Buffer.alloc(range.length);
  const { bytesRead } = await connection.read(
    {
      fileId: Buffer.from(status.fileId, 'hex'),
      offset: range.offset,
      length: range.length,
      flags: range.flags ?? 0,
      ringRevision: 0,
      payload: encodeReadTarget({ path: status.path, ufsUri: status.ufsUri, version: status.version, fileLength: status.length }),
      timeoutMs: range.timeoutMs ?? 30_000,
      ...(range.signal === undefined ? {} : { signal: range.signal }),
    },
    into,
  );
  return into.subarray(0, bytesRead);
}

/** Sends one hello of the test's making and gives the worker's answer. */
export function sayHello(slot: WorkerSlot, message: object): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port: slot.ports['data']! });
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 4 ? -1 : helloLength(received);
      if (length < 0 || received.length < 4 + length) return;
      socket.destroy();
      resolve(parseObject(received.subarray(4, 4 + length)));
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without an answer')));
    socket.write(encodeHello(message));
  });
}
