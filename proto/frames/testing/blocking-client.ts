// Thread that runs the blocking client by a script and tells what each step gave.
import { parentPort, workerData } from 'node:worker_threads';
import { asCacheError } from '../../../common/errors/index.ts';
import { connectDataBlocking } from '../blocking-connection.ts';

interface Script {
  readonly port: number;
  readonly unixPath: string;
  readonly timeoutMs: number;
  readonly key: number;
  readonly steps: readonly { readonly call: 'read' | 'handOver'; readonly length?: number }[];
}

const { port, unixPath, timeoutMs, key, steps } = workerData as Script;
const fileId = Buffer.alloc(16, 1);
try {
  const connection = connectDataBlocking({
    endpoint: { host: '127.0.0.1', port, unixPath },
    keys: { clusterUid: 'c', dataPlaneKey: Buffer.alloc(32, key) },
    role: 'fuse',
    identity: 'fuse/t',
    timeoutMs,
  });
  const results = steps.map(({ call, length = 0 }) => {
    const into = Buffer.alloc(length + 6);
    const value = call === 'read' ? connection.readCached(fileId, 0, into, 3, length) : connection.handOver(fileId);
    return { value, text: into.toString('latin1', 3, 3 + length) };
  });
  connection.close();
  parentPort?.postMessage({ results });
} catch (error) {
  parentPort?.postMessage({ results: [], error: asCacheError(error).code });
}
