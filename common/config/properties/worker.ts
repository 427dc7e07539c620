// Properties of the worker: identity, addresses, page store, fills, data plane.
import { boolean, bytes, duration, integer, list, number, oneOf, path, port, powerOfTwo, sizes, string } from '../property.ts';
import { PAGE_BYTES_MAX, PAGE_BYTES_MIN } from './limits.ts';

export const workerProperties = {
  workerHostname: string({ name: 'alluxio.worker.hostname', doc: 'Address that clients reach the worker by. Unset: the host name. Kubernetes: the pod IP.' }),
  workerBindHost: string({ name: 'alluxio.worker.bind.host', default: '0.0.0.0', doc: 'Address the worker listens on.' }),
  workerHostId: string({ name: 'alluxio.worker.host.id', doc: 'Identity of the node, the same for worker and FUSE daemon of one node. Unset: the host name.' }),
  workerRpcPort: port({ name: 'alluxio.worker.rpc.port', default: '29999', doc: 'gRPC port (control). 0 takes a free one.' }),
  workerDataPort: port({ name: 'alluxio.worker.data.port', default: '29997', doc: 'Data-plane port. 0 takes a free one.' }),
  workerWebPort: port({ name: 'alluxio.worker.web.port', default: '30000', doc: 'HTTP port of metrics and health. 0 takes a free one.' }),
  workerDomainSocket: string({
    name: 'alluxio.worker.data.server.domain.socket.address',
    default: '/var/run/alluxio',
    doc: 'Directory of the data plane’s unix socket (`<cluster>/<uuid>.sock` below it). Empty: none.',
  }),
  workerIdentityFile: path({
    name: 'alluxio.worker.identity.uuid.file.path',
    default: '/mnt/alluxio/system-info/worker_identity',
    doc: 'File that keeps the worker’s uuid: the same uuid has the same place on the ring.',
  }),
  workerPageStoreType: oneOf(['LOCAL'], { name: 'alluxio.worker.page.store.type', default: 'LOCAL', doc: 'Pages on local file systems.' }),
  workerPageStoreDirs: list({
    name: 'alluxio.worker.page.store.dirs',
    default: '/mnt/alluxio/pagestore',
    doc: 'Directories of the page store, one per disk.',
    check: (value) => (value.length === 0 ? 'must name at least one directory' : new Set(value).size < value.length ? 'must not name a directory twice' : undefined),
  }),
  workerPageStoreSizes: sizes({
    name: 'alluxio.worker.page.store.sizes',
    default: '100GB',
    doc: 'Capacity of each directory, in the order of the directories: a hard limit on real blocks, index included.',
    check: (value) => (value.some((size) => size < PAGE_BYTES_MAX) ? 'must be at least 64MiB each' : undefined),
  }),
  workerPageSize: bytes({
    name: 'alluxio.worker.page.store.page.size',
    default: '4MB',
    min: PAGE_BYTES_MIN,
    max: PAGE_BYTES_MAX,
    range: 'a power of two',
    check: powerOfTwo,
    doc: 'Bytes of a page. A page store of another page size is refused.',
  }),
  workerEvictor: oneOf(['LRU'], { name: 'alluxio.worker.page.store.evictor.type', default: 'LRU', doc: 'Who leaves first when space is needed.' }),
  workerPageStoreMargin: number({
    name: 'alluxio.worker.page.store.margin.share',
    default: '0.01',
    min: 0,
    max: 0.5,
    doc: 'Part of each directory’s capacity kept free for the index and what the file system adds.',
  }),
  workerUfsReadRateLimit: integer({ name: 'alluxio.worker.data.ufs.read.rate.limit.mb', min: 1, doc: 'Average MiB/s that the worker reads from all UFS. Unset: no limit.' }),
  workerFillConcurrency: integer({ name: 'alluxio.worker.fill.concurrency', default: '64', min: 1, max: 4096, doc: 'Pages filled at the same time.' }),
  workerFillWaitersMax: integer({
    name: 'alluxio.worker.fill.waiters.max',
    default: '4096',
    min: 1,
    doc: 'Requests that may wait for fills; further ones are told Overloaded and go elsewhere.',
  }),
  workerFillTimeout: duration({ name: 'alluxio.worker.fill.timeout', default: '60s', min: 1000, doc: 'Deadline of the fill of one page, retries included.' }),
  workerPassThroughMemory: bytes({
    name: 'alluxio.worker.pass.through.memory',
    default: '256MB',
    min: PAGE_BYTES_MAX,
    doc: 'Memory for pages that are served without being stored; more requests wait.',
  }),
  workerPassiveCache: boolean({ name: 'alluxio.worker.passive.cache.enabled', default: 'true', doc: 'Store what is read through the worker.' }),
  workerStatusCacheSize: bytes({ name: 'alluxio.worker.status.cache.size', default: '64MB', min: 1024 * 1024, doc: 'Memory for file statuses and negative entries.' }),
  dataPlaneThreads: integer({ name: 'alluxio.worker.data.plane.threads', default: '2', min: 1, max: 64, doc: 'Threads that answer cached reads.' }),
  dataPlaneConnectionsMax: integer({ name: 'alluxio.worker.data.plane.connections.max', default: '20000', min: 16, doc: 'Connections; further ones are refused.' }),
  dataPlaneSendTimeout: duration({
    name: 'alluxio.worker.data.plane.send.timeout',
    default: '30s',
    min: 100,
    doc: 'A reader that takes nothing for so long in the middle of a reply is disconnected.',
  }),
  dataPlanePortable: boolean({
    name: 'alluxio.worker.data.plane.portable',
    default: 'false',
    doc: 'Serve without libc calls (always so on macOS): slower, no descriptors handed over.',
  }),
} as const;
