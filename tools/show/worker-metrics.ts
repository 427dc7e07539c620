// What the workers count, read from their metrics pages as a Prometheus server would.

export interface WorkerCounts {
  readonly cachedBytes: number;
  readonly missedBytes: number;
  readonly ufsBytes: number;
  readonly storedBytes: number;
}

/** Sum of a metric over its labels; only over samples that have `label` (`source="local"`) when it is given. */
export function metricSum(text: string, name: string, label = ''): number {
  let sum = 0;
  for (const line of text.split('\n')) {
    if (!line.startsWith(name) || !/^[{ ]/.test(line.slice(name.length)) || !line.includes(label)) continue;
    sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}

async function metricsOf(webPort: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${webPort}/metrics/`, { signal: AbortSignal.timeout(5000) });
  return await response.text();
}

export async function countsOf(webPort: number): Promise<WorkerCounts> {
  const text = await metricsOf(webPort);
  return {
    cachedBytes: metricSum(text, 'alluxio_cached_data_read_bytes_total'),
    missedBytes: metricSum(text, 'alluxio_missed_data_read_bytes_total'),
    ufsBytes: metricSum(text, 'alluxio_ufs_data_access_bytes_total'),
    storedBytes: metricSum(text, 'alluxio_cached_storage_bytes'),
  };
}

const total = (counts: readonly WorkerCounts[], field: keyof WorkerCounts): number => counts.reduce((sum, worker) => sum + worker[field], 0);

/** Bytes that a FUSE daemon read from complete files of the worker beside it, through descriptors: no worker sees these reads. */
const localBytesOf = async (fuseWebPort: number | undefined): Promise<number> =>
  fuseWebPort === undefined ? 0 : metricSum(await metricsOf(fuseWebPort), 'alluxio_fuse_read_bytes_total', 'source="local"');

/** Counts of all workers together, and what FUSE read from their files by itself. */
export async function clusterCounts(webPorts: readonly number[], fuseWebPort?: number): Promise<WorkerCounts> {
  const [counts, localBytes] = await Promise.all([Promise.all(webPorts.map(countsOf)), localBytesOf(fuseWebPort)]);
  return {
    cachedBytes: total(counts, 'cachedBytes') + localBytes,
    missedBytes: total(counts, 'missedBytes'),
    ufsBytes: total(counts, 'ufsBytes'),
    storedBytes: total(counts, 'storedBytes'),
  };
}

export const difference = (after: WorkerCounts, before: WorkerCounts): WorkerCounts => ({
  cachedBytes: after.cachedBytes - before.cachedBytes,
  missedBytes: after.missedBytes - before.missedBytes,
  ufsBytes: after.ufsBytes - before.ufsBytes,
  storedBytes: after.storedBytes,
});

/** Part of the bytes that came from the cache; 0 when nothing was read. */
export const hitShare = ({ cachedBytes, missedBytes }: WorkerCounts): number => (cachedBytes + missedBytes === 0 ? 0 : cachedBytes / (cachedBytes + missedBytes));
