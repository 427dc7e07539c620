// Door for etcd3, and the metadata store's other forms: embedded in a process, and served by a coordinator.
export { ClusterLink, type ClusterLinkOptions } from './cluster-link.ts';
export { ClusterKeys, type ClusterRecord, decodeClusterRecord, decodeMountEntry, decodeWorkerRecord } from './cluster-records.ts';
export { EmbeddedStore, openEmbeddedStore, type EmbeddedStoreOptions } from './embedded/embedded-store.ts';
export type {
  CallOptions,
  Change,
  CommitAnswer,
  Compare,
  GetAnswer,
  Lease,
  MetadataStore,
  RangeAnswer,
  StoreEntry,
  StoreEvent,
  StoreObserver,
  Transaction,
  Watch,
  WatchListener,
  WatchOptions,
} from './metadata-store.ts';
export { metadataStoreOpener, type OpenMetadataStore } from './open-metadata-store.ts';
export { metadataStoreService } from './remote/store-service.ts';
