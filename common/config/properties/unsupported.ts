// Properties of the reference whose features this build does not have yet: refused by name, since ignoring a quota would be a lie.

export const UNSUPPORTED_PROPERTIES: Readonly<Record<string, string>> = {
  'alluxio.quota.enabled': 'quotas',
  'alluxio.ttl.policy.enabled': 'TTL rules',
  'alluxio.ttl.eviction.check.interval': 'TTL rules',
  'alluxio.user.client.cache.filter.enabled': 'cache filters',
  'alluxio.user.client.cache.filter.type': 'cache filters',
  'alluxio.user.client.cache.filter.config.file': 'cache filters',
  'alluxio.user.client.cache.filter.config.check.interval': 'cache filters',
  'alluxio.worker.s3.api.enabled': 'the S3 API',
  'alluxio.worker.s3.only.https.access': 'the S3 API',
  'alluxio.worker.s3.redirect.enabled': 'the S3 API',
  'alluxio.coordinator.job.meta.store.type': 'jobs',
  'alluxio.job.retention.time': 'jobs',
  'alluxio.multi.cluster.enabled': 'several clusters',
  'alluxio.multi.cluster.config.path': 'several clusters',
  'alluxio.user.virtual.path.mapping.enabled': 'virtual path mapping',
  'alluxio.audit.logging.enabled': 'audit logs',
  'alluxio.audit.logging.poll.interval': 'audit logs',
  'alluxio.dora.index.service.enabled': 'the index service',
  'alluxio.client.index.service.parallelism': 'the index service',
  'alluxio.client.list.status.from.ufs.enabled': 'the index service',
  'alluxio.user.replica.selection.policy': 'replica selection policies',
  'alluxio.worker.page.store.async.eviction.enabled': 'asynchronous eviction',
  'alluxio.worker.page.store.async.eviction.high.watermark': 'asynchronous eviction',
  'alluxio.worker.page.store.async.eviction.low.watermark': 'asynchronous eviction',
  'alluxio.worker.page.store.async.eviction.check.interval': 'asynchronous eviction',
};

/** Without meaning here, harmless: accepted with a warning. */
export const IGNORED_PROPERTIES: Readonly<Record<string, string>> = {
  'alluxio.license': 'no licence is needed',
  'alluxio.dora.worker.metastore.rocksdb.dir': 'the page store keeps its own index',
  'alluxio.user.metadata.cache.enabled': 'statuses are always cached, see alluxio.user.metadata.max.age',
  'alluxio.user.metadata.cache.max.size': 'see alluxio.user.metadata.cache.size',
  'alluxio.user.metadata.cache.expiration.time': 'see alluxio.user.metadata.max.age',
  'alluxio.user.position.reader.streaming.async.prefetch.thread': 'read-ahead needs no threads',
  'alluxio.user.position.reader.streaming.async.prefetch.file.length.threshold': 'read-ahead adapts by itself',
  'alluxio.user.position.reader.streaming.async.prefetch.by.file.enabled': 'read-ahead adapts by itself',
  'alluxio.user.position.reader.streaming.async.prefetch.shared.cache.enabled': 'read-ahead adapts by itself',
};
