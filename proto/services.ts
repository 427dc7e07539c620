// The gRPC services with their definitions; types in proto/gen (node tools/proto/main.ts).
import { join } from 'node:path';
import type { ServiceSource } from '../common/rpc/index.ts';
export type { CoordinatorDefinition } from './gen/alluxio/coordinator/Coordinator.ts';
export type { MetadataStoreDefinition } from './gen/alluxio/metadatastore/MetadataStore.ts';
export type { WorkerDefinition } from './gen/alluxio/worker/Worker.ts';

const file = (name: string): string => join(import.meta.dirname, 'alluxio', name);

/** Load with `loadService<MetadataStoreDefinition>`. */
export const METADATA_STORE_SERVICE: ServiceSource = { protoFile: file('metadata-store.proto'), fullName: 'alluxio.metadatastore.MetadataStore' };
/** Load with `loadService<CoordinatorDefinition>`. */
export const COORDINATOR_SERVICE: ServiceSource = { protoFile: file('coordinator.proto'), fullName: 'alluxio.coordinator.Coordinator' };
/** Load with `loadService<WorkerDefinition>`. */
export const WORKER_SERVICE: ServiceSource = { protoFile: file('worker.proto'), fullName: 'alluxio.worker.Worker' };
