import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Begun as _alluxio_metadatastore_Begun, Begun__Output as _alluxio_metadatastore_Begun__Output } from './alluxio/metadatastore/Begun.ts';
import type { Change as _alluxio_metadatastore_Change, Change__Output as _alluxio_metadatastore_Change__Output } from './alluxio/metadatastore/Change.ts';
import type { Changes as _alluxio_metadatastore_Changes, Changes__Output as _alluxio_metadatastore_Changes__Output } from './alluxio/metadatastore/Changes.ts';
import type { CommitRequest as _alluxio_metadatastore_CommitRequest, CommitRequest__Output as _alluxio_metadatastore_CommitRequest__Output } from './alluxio/metadatastore/CommitRequest.ts';
import type { CommitResponse as _alluxio_metadatastore_CommitResponse, CommitResponse__Output as _alluxio_metadatastore_CommitResponse__Output } from './alluxio/metadatastore/CommitResponse.ts';
import type { Compare as _alluxio_metadatastore_Compare, Compare__Output as _alluxio_metadatastore_Compare__Output } from './alluxio/metadatastore/Compare.ts';
import type { Delete as _alluxio_metadatastore_Delete, Delete__Output as _alluxio_metadatastore_Delete__Output } from './alluxio/metadatastore/Delete.ts';
import type { Deletion as _alluxio_metadatastore_Deletion, Deletion__Output as _alluxio_metadatastore_Deletion__Output } from './alluxio/metadatastore/Deletion.ts';
import type { Entry as _alluxio_metadatastore_Entry, Entry__Output as _alluxio_metadatastore_Entry__Output } from './alluxio/metadatastore/Entry.ts';
import type { Event as _alluxio_metadatastore_Event, Event__Output as _alluxio_metadatastore_Event__Output } from './alluxio/metadatastore/Event.ts';
import type { GetRequest as _alluxio_metadatastore_GetRequest, GetRequest__Output as _alluxio_metadatastore_GetRequest__Output } from './alluxio/metadatastore/GetRequest.ts';
import type { GetResponse as _alluxio_metadatastore_GetResponse, GetResponse__Output as _alluxio_metadatastore_GetResponse__Output } from './alluxio/metadatastore/GetResponse.ts';
import type { GrantLeaseRequest as _alluxio_metadatastore_GrantLeaseRequest, GrantLeaseRequest__Output as _alluxio_metadatastore_GrantLeaseRequest__Output } from './alluxio/metadatastore/GrantLeaseRequest.ts';
import type { GrantLeaseResponse as _alluxio_metadatastore_GrantLeaseResponse, GrantLeaseResponse__Output as _alluxio_metadatastore_GrantLeaseResponse__Output } from './alluxio/metadatastore/GrantLeaseResponse.ts';
import type { KeepAliveRequest as _alluxio_metadatastore_KeepAliveRequest, KeepAliveRequest__Output as _alluxio_metadatastore_KeepAliveRequest__Output } from './alluxio/metadatastore/KeepAliveRequest.ts';
import type { KeepAliveResponse as _alluxio_metadatastore_KeepAliveResponse, KeepAliveResponse__Output as _alluxio_metadatastore_KeepAliveResponse__Output } from './alluxio/metadatastore/KeepAliveResponse.ts';
import type { MetadataStoreClient as _alluxio_metadatastore_MetadataStoreClient, MetadataStoreDefinition as _alluxio_metadatastore_MetadataStoreDefinition } from './alluxio/metadatastore/MetadataStore.ts';
import type { Put as _alluxio_metadatastore_Put, Put__Output as _alluxio_metadatastore_Put__Output } from './alluxio/metadatastore/Put.ts';
import type { RangeRequest as _alluxio_metadatastore_RangeRequest, RangeRequest__Output as _alluxio_metadatastore_RangeRequest__Output } from './alluxio/metadatastore/RangeRequest.ts';
import type { RangeResponse as _alluxio_metadatastore_RangeResponse, RangeResponse__Output as _alluxio_metadatastore_RangeResponse__Output } from './alluxio/metadatastore/RangeResponse.ts';
import type { RevokeLeaseRequest as _alluxio_metadatastore_RevokeLeaseRequest, RevokeLeaseRequest__Output as _alluxio_metadatastore_RevokeLeaseRequest__Output } from './alluxio/metadatastore/RevokeLeaseRequest.ts';
import type { RevokeLeaseResponse as _alluxio_metadatastore_RevokeLeaseResponse, RevokeLeaseResponse__Output as _alluxio_metadatastore_RevokeLeaseResponse__Output } from './alluxio/metadatastore/RevokeLeaseResponse.ts';
import type { WatchRequest as _alluxio_metadatastore_WatchRequest, WatchRequest__Output as _alluxio_metadatastore_WatchRequest__Output } from './alluxio/metadatastore/WatchRequest.ts';
import type { WatchResponse as _alluxio_metadatastore_WatchResponse, WatchResponse__Output as _alluxio_metadatastore_WatchResponse__Output } from './alluxio/metadatastore/WatchResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  alluxio: {
    metadatastore: {
      Begun: MessageTypeDefinition<_alluxio_metadatastore_Begun, _alluxio_metadatastore_Begun__Output>
      Change: MessageTypeDefinition<_alluxio_metadatastore_Change, _alluxio_metadatastore_Change__Output>
      Changes: MessageTypeDefinition<_alluxio_metadatastore_Changes, _alluxio_metadatastore_Changes__Output>
      CommitRequest: MessageTypeDefinition<_alluxio_metadatastore_CommitRequest, _alluxio_metadatastore_CommitRequest__Output>
      CommitResponse: MessageTypeDefinition<_alluxio_metadatastore_CommitResponse, _alluxio_metadatastore_CommitResponse__Output>
      Compare: MessageTypeDefinition<_alluxio_metadatastore_Compare, _alluxio_metadatastore_Compare__Output>
      Delete: MessageTypeDefinition<_alluxio_metadatastore_Delete, _alluxio_metadatastore_Delete__Output>
      Deletion: MessageTypeDefinition<_alluxio_metadatastore_Deletion, _alluxio_metadatastore_Deletion__Output>
      Entry: MessageTypeDefinition<_alluxio_metadatastore_Entry, _alluxio_metadatastore_Entry__Output>
      Event: MessageTypeDefinition<_alluxio_metadatastore_Event, _alluxio_metadatastore_Event__Output>
      GetRequest: MessageTypeDefinition<_alluxio_metadatastore_GetRequest, _alluxio_metadatastore_GetRequest__Output>
      GetResponse: MessageTypeDefinition<_alluxio_metadatastore_GetResponse, _alluxio_metadatastore_GetResponse__Output>
      GrantLeaseRequest: MessageTypeDefinition<_alluxio_metadatastore_GrantLeaseRequest, _alluxio_metadatastore_GrantLeaseRequest__Output>
      GrantLeaseResponse: MessageTypeDefinition<_alluxio_metadatastore_GrantLeaseResponse, _alluxio_metadatastore_GrantLeaseResponse__Output>
      KeepAliveRequest: MessageTypeDefinition<_alluxio_metadatastore_KeepAliveRequest, _alluxio_metadatastore_KeepAliveRequest__Output>
      KeepAliveResponse: MessageTypeDefinition<_alluxio_metadatastore_KeepAliveResponse, _alluxio_metadatastore_KeepAliveResponse__Output>
      MetadataStore: SubtypeConstructor<typeof grpc.Client, _alluxio_metadatastore_MetadataStoreClient> & { service: _alluxio_metadatastore_MetadataStoreDefinition }
      Put: MessageTypeDefinition<_alluxio_metadatastore_Put, _alluxio_metadatastore_Put__Output>
      RangeRequest: MessageTypeDefinition<_alluxio_metadatastore_RangeRequest, _alluxio_metadatastore_RangeRequest__Output>
      RangeResponse: MessageTypeDefinition<_alluxio_metadatastore_RangeResponse, _alluxio_metadatastore_RangeResponse__Output>
      RevokeLeaseRequest: MessageTypeDefinition<_alluxio_metadatastore_RevokeLeaseRequest, _alluxio_metadatastore_RevokeLeaseRequest__Output>
      RevokeLeaseResponse: MessageTypeDefinition<_alluxio_metadatastore_RevokeLeaseResponse, _alluxio_metadatastore_RevokeLeaseResponse__Output>
      WatchRequest: MessageTypeDefinition<_alluxio_metadatastore_WatchRequest, _alluxio_metadatastore_WatchRequest__Output>
      WatchResponse: MessageTypeDefinition<_alluxio_metadatastore_WatchResponse, _alluxio_metadatastore_WatchResponse__Output>
    }
  }
}

