// Properties that every process of a cluster shares: name, metadata store, membership, ring, logs.
import { boolean, duration, integer, list, oneOf, path, port, string } from '../property.ts';
import { VNODES_PER_WORKER_MAX } from './limits.ts';

export const clusterProperties = {
  clusterName: string({
    name: 'alluxio.cluster.name',
    default: 'alluxio',
    doc: 'Name of the cluster; prefixes its keys in the metadata store. Kubernetes: namespace-name.',
    check: (value) => (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/.test(value) ? undefined : 'must be 1 to 128 letters, digits, dots, dashes or underscores'),
  }),
  metadataStoreType: oneOf(['ETCD', 'EMBEDDED', 'REMOTE'], {
    name: 'alluxio.metadata.store.type',
    default: 'ETCD',
    doc: 'Where membership, mount table and policies live: an etcd cluster, a file of this coordinator (local mode), or the coordinator that has it (workers of local mode).',
  }),
  metadataStorePath: path({ name: 'alluxio.metadata.store.path', default: '/mnt/alluxio/metastore', doc: 'Directory of the embedded metadata store.' }),
  metadataStoreAddress: string({
    name: 'alluxio.metadata.store.address',
    doc: 'host:port of the gRPC door of the coordinator that serves an embedded metadata store (type REMOTE).',
  }),
  etcdEndpoints: list({ name: 'alluxio.etcd.endpoints', doc: 'etcd members, `http://host:2379` each.' }),
  etcdUsername: string({ name: 'alluxio.etcd.username', doc: 'etcd user when etcd wants one.' }),
  etcdPassword: string({ name: 'alluxio.etcd.password', secret: true, doc: 'Password of the etcd user.' }),
  etcdTlsCaPath: path({ name: 'alluxio.etcd.tls.ca.cert', doc: 'PEM file of the authority that signed the etcd servers.' }),
  etcdTlsCertPath: path({ name: 'alluxio.etcd.tls.client.cert', doc: 'PEM file of the client certificate for etcd.' }),
  etcdTlsKeyPath: path({ name: 'alluxio.etcd.tls.client.key', doc: 'PEM file of the client key for etcd.' }),
  metadataStoreCallTimeout: duration({ name: 'alluxio.metadata.store.call.timeout', default: '800ms', min: 50, max: 60_000, doc: 'Deadline of one call to the metadata store.' }),
  membershipManagerType: oneOf(['ETCD', 'STATIC'], {
    name: 'alluxio.worker.membership.manager.type',
    default: 'ETCD',
    doc: 'Membership by leases in the metadata store. STATIC (a host file) is not supported by this build.',
  }),
  membershipLeaseTtl: duration({
    name: 'alluxio.worker.membership.lease.ttl',
    default: '10s',
    min: 2000,
    max: 600_000,
    doc: "Life of a worker's lease: how long a silent worker stays on the ring.",
  }),
  mountTableSource: oneOf(['ETCD', 'STATIC_FILE'], {
    name: 'alluxio.mount.table.source',
    default: 'ETCD',
    doc: 'Mount table in the metadata store. STATIC_FILE is not supported by this build.',
  }),
  mountTablePollingInterval: duration({
    name: 'alluxio.mount.table.etcd.polling.interval.ms',
    default: '3s',
    min: 100,
    doc: 'Accepted for compatibility: workers watch the metadata store, so changes arrive at once. A bare number is milliseconds.',
  }),
  ringDynamic: boolean({
    name: 'alluxio.user.dynamic.consistent.hash.ring.enabled',
    default: 'true',
    doc: 'true: online workers only are on the ring. false: registered workers keep their part while they are offline; their keys are read from a replica or the UFS.',
  }),
  ringProvider: oneOf(['DEFAULT', 'CAPACITY'], {
    name: 'alluxio.user.worker.selection.policy.consistent.hash.provider.impl',
    default: 'DEFAULT',
    doc: 'Points of a worker on the ring: the same for all, or by the capacity of its page store (2000 per TiB). Fixed when the worker registers.',
  }),
  ringVnodes: integer({
    name: 'alluxio.user.worker.selection.policy.consistent.hash.virtual.node.count.per.worker',
    default: '2000',
    min: 1,
    max: VNODES_PER_WORKER_MAX,
    doc: 'Points of each worker on the ring with provider DEFAULT.',
  }),
  coordinatorAddress: string({ name: 'alluxio.coordinator.address', doc: 'host:port of a coordinator’s HTTP door, for processes that ask one.' }),
  logsDir: path({ name: 'alluxio.logs.dir', doc: 'Directory of log files, one per process. Unset: standard error.' }),
  logLevel: oneOf(['error', 'warn', 'info', 'debug'], {
    name: 'alluxio.log.level',
    default: 'info',
    doc: 'Least severe level that is logged; can be changed while the process runs.',
  }),
  metricsPort: port({ name: 'alluxio.web.metrics.port', default: '0', doc: 'Accepted for compatibility: metrics are at /metrics/ of each process’s web port.' }),
  shutdownTimeout: duration({
    name: 'alluxio.shutdown.timeout',
    default: '30s',
    min: 0,
    max: 3_600_000,
    doc: 'After SIGTERM: time to leave the ring and finish requests before the process ends anyway.',
  }),
} as const;
