// Properties of the client library, which FUSE, S3 and the CLI read through.
import { boolean, bytes, duration, integer, list } from '../property.ts';

export const clientProperties = {
  clientWorkerEndpoints: list({ name: 'alluxio.user.worker.endpoints', doc: 'Data-plane addresses (host:port) of workers to learn the cluster from; any one alive is enough.' }),
  clientMetadataMaxAge: duration({
    name: 'alluxio.user.metadata.max.age',
    default: '60s',
    min: 0,
    doc: 'How old the status of a file may be before the UFS is asked again. `never` never asks again: changes in the UFS are not seen.',
  }),
  clientNegativeMaxAge: duration({
    name: 'alluxio.user.metadata.negative.max.age',
    default: '1s',
    min: 0,
    max: 3_600_000,
    doc: 'How long a path that was not found counts as missing.',
  }),
  clientStatusCacheSize: bytes({ name: 'alluxio.user.metadata.cache.size', default: '32MB', min: 0, doc: 'Memory for file statuses in the client.' }),
  clientConnectTimeout: duration({
    name: 'alluxio.user.network.connect.timeout',
    default: '200ms',
    min: 10,
    max: 60_000,
    doc: 'Time to connect to a worker before it is suspect and the next one is tried.',
  }),
  clientSuspectTime: duration({ name: 'alluxio.user.worker.suspect.time', default: '1s', min: 10, max: 600_000, doc: 'How long a worker that failed is passed over.' }),
  clientReadTimeout: duration({ name: 'alluxio.user.read.timeout', default: '60s', min: 100, doc: 'Deadline of one read, retries and fallbacks included.' }),
  clientWorkerReadTimeout: duration({ name: 'alluxio.user.worker.read.timeout', default: '30s', min: 100, doc: 'Time one worker has to answer a read before another is tried.' }),
  clientConnectionsPerWorker: integer({ name: 'alluxio.user.connections.per.worker', default: '8', min: 1, max: 256, doc: 'Pooled connections to each worker.' }),
  clientFallback: boolean({ name: 'alluxio.dora.client.ufs.fallback.enabled', default: 'true', doc: 'Read from the UFS directly when no worker can answer.' }),
  clientFallbackRate: integer({
    name: 'alluxio.user.ufs.fallback.rate.limit.mb',
    default: '400',
    min: 1,
    doc: 'MiB/s per mount that all clients together read from the UFS directly; each has its share by the number of live clients.',
  }),
  clientReplicas: integer({ name: 'alluxio.user.file.replication.min', default: '1', min: 1, max: 32, doc: 'Workers that hold a page.' }),
  readAheadMax: integer({
    name: 'alluxio.user.position.reader.streaming.async.prefetch.max.part.number',
    default: '8',
    min: 0,
    max: 256,
    doc: 'Parts read ahead of a sequential reader at most. 0 turns read-ahead off.',
  }),
  readAheadPart: bytes({
    name: 'alluxio.user.position.reader.streaming.async.prefetch.part.length',
    default: '4MB',
    min: 64 * 1024,
    max: 64 * 1024 * 1024,
    doc: 'Bytes of a part read ahead.',
  }),
  readAheadMemory: bytes({ name: 'alluxio.user.position.reader.streaming.async.prefetch.memory', default: '256MB', min: 0, doc: 'Memory for all read-ahead of a client.' }),
} as const;
