// Metrics of the FUSE daemon: the whole catalogue. Serve threads count in shared memory; `refresh` brings their counts in before a scrape.
import { type Counter, type MetricsRegistry, SECONDS_BUCKETS } from '../common/metrics/index.ts';
import { OPCODE_COUNT, opcodeName } from './protocol/index.ts';
import { ThreadCounter, type ThreadCounters } from './serving/thread-memory.ts';

export interface FuseMetrics {
  readonly concurrency: { inc(): void; dec(): void };
  readonly hiddenNames: Counter;
  readonly mainReadBytes: Counter;
  /** A request that the main thread answered. */
  answered(op: string, errno: number, seconds: number): void;
  refresh(): void;
}

export interface FuseMetricsOptions {
  readonly registry: MetricsRegistry;
  readonly threads: ThreadCounters;
  readonly inodes: () => number;
  readonly pruned: () => number;
  readonly openHandles: () => number;
  readonly localDescriptors: () => number;
}

export function createFuseMetrics(options: FuseMetricsOptions): FuseMetrics {
  const { registry, threads } = options;
  const results = registry.counter({ name: 'alluxio_fuse_result', help: 'Requests of the kernel answered, by operation and outcome.', labels: ['method', 'state'] });
  const duration = registry.histogram({
    name: 'alluxio_fuse_duration_seconds',
    help: 'Time of requests that the main thread answered, by operation.',
    labels: ['method'],
    buckets: SECONDS_BUCKETS,
  });
  const concurrency = registry.gauge({ name: 'alluxio_fuse_concurrency', help: 'Requests of the kernel that the main thread works on.' });
  const readBytes = registry.counter({ name: 'alluxio_fuse_read_bytes_total', help: 'Bytes given to readers, by where the daemon had them from.', labels: ['source'] });
  const reads = registry.counter({ name: 'alluxio_fuse_thread_reads_total', help: 'Reads that serve threads answered by themselves, by source.', labels: ['source'] });
  const handOvers = registry.counter({
    name: 'alluxio_fuse_descriptor_requests_total',
    help: 'Descriptors asked of the worker on this host, by outcome.',
    labels: ['outcome'],
  });
  const hiddenNames = registry.counter({ name: 'alluxio_fuse_hidden_names_total', help: 'Keys met in listings that POSIX cannot show.' });
  registry.observedGauge({ name: 'alluxio_fuse_inodes', help: 'Inodes that the kernel knows.', read: options.inodes });
  registry.observedCounter({ name: 'alluxio_fuse_inodes_pruned_total', help: 'Inodes that the kernel was asked to forget at the limit.', read: options.pruned });
  registry.observedGauge({ name: 'alluxio_fuse_open_handles', help: 'Files and directories open on the main thread.', read: options.openHandles });
  registry.observedGauge({ name: 'alluxio_fuse_local_descriptors', help: 'Descriptors of complete local files held open.', read: options.localDescriptors });
  registry.observedCounter({
    name: 'alluxio_fuse_forwarded_requests_total',
    help: 'Requests that serve threads left to the main thread.',
    read: () => threads.total(ThreadCounter.Forwarded),
  });
  registry.observedCounter({
    name: 'alluxio_fuse_worker_misses_total',
    help: 'Small reads that serve threads asked a worker for in vain.',
    read: () => threads.total(ThreadCounter.WorkerMisses),
  });
  const followed: { readonly counter: number; readonly target: Counter; seen: number }[] = [
    { counter: ThreadCounter.LocalBytes, target: readBytes.with({ source: 'local' }), seen: 0 },
    { counter: ThreadCounter.WorkerBytes, target: readBytes.with({ source: 'worker' }), seen: 0 },
    { counter: ThreadCounter.LocalReads, target: reads.with({ source: 'local' }), seen: 0 },
    { counter: ThreadCounter.WorkerReads, target: reads.with({ source: 'worker' }), seen: 0 },
    { counter: ThreadCounter.DescriptorsReceived, target: handOvers.with({ outcome: 'received' }), seen: 0 },
    { counter: ThreadCounter.DescriptorsRefused, target: handOvers.with({ outcome: 'refused' }), seen: 0 },
    ...Array.from({ length: OPCODE_COUNT }, (_, opcode) => opcode)
      .filter((opcode) => opcodeName(opcode) !== 'Unknown')
      .flatMap((opcode) => [
        { counter: opcode, target: results.with({ method: opcodeName(opcode), state: 'success' }), seen: 0 },
        { counter: ThreadCounter.Failed + opcode, target: results.with({ method: opcodeName(opcode), state: 'failure' }), seen: 0 },
      ]),
  ];
  return {
    concurrency,
    hiddenNames,
    mainReadBytes: readBytes.with({ source: 'client' }),
    answered: (op, errno, seconds) => {
      results.with({ method: op, state: errno === 0 ? 'success' : 'failure' }).inc();
      duration.with({ method: op }).observe(seconds);
    },
    refresh: () => {
      for (const entry of followed) {
        const total = threads.total(entry.counter);
        if (total > entry.seen) entry.target.inc(total - entry.seen);
        entry.seen = total;
      }
    },
  };
}
