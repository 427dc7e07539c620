// What the workers count, read from their metrics pages as a Prometheus server would.

export interface WorkerCounts {
  readonly cachedBytes: number;
  readonly missedBytes: number;
  readonly ufsBytes: number;
  readonly storedBytes: number;
}

/** Sum of a metric over its labels. */
export function metricSum(text: string, name: string): number {
  let sum = 0;
  for (const line of text.split('\n')) {
    if (!line.startsWith(name) || !/^[{ ]/.test(line.slice(name.length))) continue;
    sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}

export async function countsOf(webPort: number): Promise<WorkerCounts> {
  const response = await fetch(`http://127.0.0.1:${webPort}/metrics/`, { signal: AbortSignal.timeout(5000) });
  const text = await response.text();
  return {
    cachedBytes: metricSum(text, 'alluxio_cached_data_read_bytes_total'),
    missedBytes: metricSum(text, 'alluxio_missed_data_read_bytes_total'),
    ufsBytes: metricSum(text, 'alluxio_ufs_data_access_bytes_total'),
    storedBytes: metricSum(text, 'alluxio_cached_storage_bytes'),
  };
}

const total = (counts: readonly WorkerCounts[], field: keyof WorkerCounts): number => counts.reduce((sum, worker) => sum + worker[field], 0);

/** Counts of all workers together. */
export async function clusterCounts(webPorts: readonly number[]): Promise<WorkerCounts> {
  const counts = await Promise.all(webPorts.map(countsOf));
  return { cachedBytes: total(counts, 'cachedBytes'), missedBytes: total(counts, 'missedBytes'), ufsBytes: total(counts, 'ufsBytes'), storedBytes: total(counts, 'storedBytes') };
}

export const difference = (after: WorkerCounts, before: WorkerCounts): WorkerCounts => ({
  cachedBytes: after.cachedBytes - before.cachedBytes,
  missedBytes: after.missedBytes - before.missedBytes,
  ufsBytes: after.ufsBytes - before.ufsBytes,
  storedBytes: after.storedBytes,
});

/** Part of the bytes that came from the cache; 0 when nothing was read. */
export const hitShare = ({ cachedBytes, missedBytes }: WorkerCounts): number => (cachedBytes + missedBytes === 0 ? 0 : cachedBytes / (cachedBytes + missedBytes));
