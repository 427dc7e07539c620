// The embedded store as a gRPC service: what a coordinator of local mode offers to its workers. Only signed calls are let in.
import { METADATA_STORE_SERVICE, type MetadataStoreDefinition } from '../../../proto/services.ts';
import { onAbort } from '../../async/index.ts';
import { CacheError } from '../../errors/index.ts';
import { CallSignature, loadService, type RpcHandlers, type RpcService, rpcService, type RpcStream } from '../../rpc/index.ts';
import type { WatchResponse } from '../../../proto/gen/alluxio/metadatastore/WatchResponse.ts';
import type { EmbeddedStore } from '../embedded/embedded-store.ts';
import type { WatchListener } from '../metadata-store.ts';
import { changeOf, compareOf, eventMessage } from './store-messages.ts';

const PURPOSE = 'metadata-store';
/** A watcher that reads so slowly is cut off; it comes back and catches up. */
const PENDING_MESSAGES_MAX = 1000;

export const storeSignature = (dataPlaneKey: Uint8Array): CallSignature => new CallSignature(dataPlaneKey, PURPOSE);
export const storeDefinition = (): MetadataStoreDefinition => loadService<MetadataStoreDefinition>(METADATA_STORE_SERVICE);

export function metadataStoreService(store: EmbeddedStore, dataPlaneKey: Uint8Array): RpcService {
  const handlers: RpcHandlers<MetadataStoreDefinition> = {
    Get: {
      unary: async ({ key }) => {
        const { revision, entry } = await store.get(key);
        return entry === undefined ? { revision } : { revision, entry };
      },
    },
    Range: {
      unary: async ({ prefix }) => {
        const { revision, entries } = await store.range(prefix);
        return { revision, entries: [...entries] };
      },
    },
    Commit: { unary: ({ compares, changes }) => store.commit({ compares: compares.map(compareOf), changes: changes.map(changeOf) }) },
    GrantLease: { unary: async ({ ttlSeconds }) => ({ leaseId: store.grantLease(ttlSeconds) }) },
    KeepAlive: { unary: async ({ leaseId }) => ({ ttlSeconds: store.keepAlive(leaseId) }) },
    RevokeLease: {
      unary: async ({ leaseId }) => {
        store.revokeLease(leaseId);
        return {};
      },
    },
    Watch: { stream: ({ prefixes, fromRevision }, stream) => serveWatch(store, { prefixes, fromRevision }, stream) },
  };
  return rpcService(storeDefinition(), handlers, storeSignature(dataPlaneKey));
}

function serveWatch(store: EmbeddedStore, request: { readonly prefixes: readonly string[]; readonly fromRevision: number }, stream: RpcStream<WatchResponse>): Promise<void> {
  return new Promise((resolve, reject) => {
    const write = (message: WatchResponse): void => {
      if (stream.pendingMessages > PENDING_MESSAGES_MAX) end(() => reject(new CacheError('Overloaded', 'The watcher reads too slowly.')));
      else stream.write(message);
    };
    const listener: WatchListener = {
      resync: ({ revision, entries }) => write({ snapshot: { revision, entries: [...entries] } }),
      changed: (events, revision) => write({ changes: { revision, events: events.map(eventMessage) } }),
    };
    const watch = store.watch(request.prefixes, listener, request.fromRevision > 0 ? { fromRevision: request.fromRevision } : {});
    stream.write({ begun: {} });
    let stop = (): void => undefined;
    const end = (settle: () => void): void => {
      watch.close();
      stop();
      settle();
    };
    stop = onAbort(stream.signal, () => end(resolve)); // at once when the caller has gone already
  });
}
