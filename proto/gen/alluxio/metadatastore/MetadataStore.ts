// Original file: proto/alluxio/metadata-store.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CommitRequest as _alluxio_metadatastore_CommitRequest, CommitRequest__Output as _alluxio_metadatastore_CommitRequest__Output } from '../../alluxio/metadatastore/CommitRequest.ts';
import type { CommitResponse as _alluxio_metadatastore_CommitResponse, CommitResponse__Output as _alluxio_metadatastore_CommitResponse__Output } from '../../alluxio/metadatastore/CommitResponse.ts';
import type { GetRequest as _alluxio_metadatastore_GetRequest, GetRequest__Output as _alluxio_metadatastore_GetRequest__Output } from '../../alluxio/metadatastore/GetRequest.ts';
import type { GetResponse as _alluxio_metadatastore_GetResponse, GetResponse__Output as _alluxio_metadatastore_GetResponse__Output } from '../../alluxio/metadatastore/GetResponse.ts';
import type { GrantLeaseRequest as _alluxio_metadatastore_GrantLeaseRequest, GrantLeaseRequest__Output as _alluxio_metadatastore_GrantLeaseRequest__Output } from '../../alluxio/metadatastore/GrantLeaseRequest.ts';
import type { GrantLeaseResponse as _alluxio_metadatastore_GrantLeaseResponse, GrantLeaseResponse__Output as _alluxio_metadatastore_GrantLeaseResponse__Output } from '../../alluxio/metadatastore/GrantLeaseResponse.ts';
import type { KeepAliveRequest as _alluxio_metadatastore_KeepAliveRequest, KeepAliveRequest__Output as _alluxio_metadatastore_KeepAliveRequest__Output } from '../../alluxio/metadatastore/KeepAliveRequest.ts';
import type { KeepAliveResponse as _alluxio_metadatastore_KeepAliveResponse, KeepAliveResponse__Output as _alluxio_metadatastore_KeepAliveResponse__Output } from '../../alluxio/metadatastore/KeepAliveResponse.ts';
import type { RangeRequest as _alluxio_metadatastore_RangeRequest, RangeRequest__Output as _alluxio_metadatastore_RangeRequest__Output } from '../../alluxio/metadatastore/RangeRequest.ts';
import type { RangeResponse as _alluxio_metadatastore_RangeResponse, RangeResponse__Output as _alluxio_metadatastore_RangeResponse__Output } from '../../alluxio/metadatastore/RangeResponse.ts';
import type { RevokeLeaseRequest as _alluxio_metadatastore_RevokeLeaseRequest, RevokeLeaseRequest__Output as _alluxio_metadatastore_RevokeLeaseRequest__Output } from '../../alluxio/metadatastore/RevokeLeaseRequest.ts';
import type { RevokeLeaseResponse as _alluxio_metadatastore_RevokeLeaseResponse, RevokeLeaseResponse__Output as _alluxio_metadatastore_RevokeLeaseResponse__Output } from '../../alluxio/metadatastore/RevokeLeaseResponse.ts';
import type { WatchRequest as _alluxio_metadatastore_WatchRequest, WatchRequest__Output as _alluxio_metadatastore_WatchRequest__Output } from '../../alluxio/metadatastore/WatchRequest.ts';
import type { WatchResponse as _alluxio_metadatastore_WatchResponse, WatchResponse__Output as _alluxio_metadatastore_WatchResponse__Output } from '../../alluxio/metadatastore/WatchResponse.ts';

export interface MetadataStoreClient extends grpc.Client {
  Commit(argument: _alluxio_metadatastore_CommitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_CommitResponse__Output>): grpc.ClientUnaryCall;
  Commit(argument: _alluxio_metadatastore_CommitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_CommitResponse__Output>): grpc.ClientUnaryCall;
  Commit(argument: _alluxio_metadatastore_CommitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_CommitResponse__Output>): grpc.ClientUnaryCall;
  Commit(argument: _alluxio_metadatastore_CommitRequest, callback: grpc.requestCallback<_alluxio_metadatastore_CommitResponse__Output>): grpc.ClientUnaryCall;
  commit(argument: _alluxio_metadatastore_CommitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_CommitResponse__Output>): grpc.ClientUnaryCall;
  commit(argument: _alluxio_metadatastore_CommitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_CommitResponse__Output>): grpc.ClientUnaryCall;
  commit(argument: _alluxio_metadatastore_CommitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_CommitResponse__Output>): grpc.ClientUnaryCall;
  commit(argument: _alluxio_metadatastore_CommitRequest, callback: grpc.requestCallback<_alluxio_metadatastore_CommitResponse__Output>): grpc.ClientUnaryCall;
  
  Get(argument: _alluxio_metadatastore_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_GetResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _alluxio_metadatastore_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_GetResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _alluxio_metadatastore_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_GetResponse__Output>): grpc.ClientUnaryCall;
  Get(argument: _alluxio_metadatastore_GetRequest, callback: grpc.requestCallback<_alluxio_metadatastore_GetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _alluxio_metadatastore_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_GetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _alluxio_metadatastore_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_GetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _alluxio_metadatastore_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_GetResponse__Output>): grpc.ClientUnaryCall;
  get(argument: _alluxio_metadatastore_GetRequest, callback: grpc.requestCallback<_alluxio_metadatastore_GetResponse__Output>): grpc.ClientUnaryCall;
  
  GrantLease(argument: _alluxio_metadatastore_GrantLeaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_GrantLeaseResponse__Output>): grpc.ClientUnaryCall;
  GrantLease(argument: _alluxio_metadatastore_GrantLeaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_GrantLeaseResponse__Output>): grpc.ClientUnaryCall;
  GrantLease(argument: _alluxio_metadatastore_GrantLeaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_GrantLeaseResponse__Output>): grpc.ClientUnaryCall;
  GrantLease(argument: _alluxio_metadatastore_GrantLeaseRequest, callback: grpc.requestCallback<_alluxio_metadatastore_GrantLeaseResponse__Output>): grpc.ClientUnaryCall;
  grantLease(argument: _alluxio_metadatastore_GrantLeaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_GrantLeaseResponse__Output>): grpc.ClientUnaryCall;
  grantLease(argument: _alluxio_metadatastore_GrantLeaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_GrantLeaseResponse__Output>): grpc.ClientUnaryCall;
  grantLease(argument: _alluxio_metadatastore_GrantLeaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_GrantLeaseResponse__Output>): grpc.ClientUnaryCall;
  grantLease(argument: _alluxio_metadatastore_GrantLeaseRequest, callback: grpc.requestCallback<_alluxio_metadatastore_GrantLeaseResponse__Output>): grpc.ClientUnaryCall;
  
  KeepAlive(argument: _alluxio_metadatastore_KeepAliveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_KeepAliveResponse__Output>): grpc.ClientUnaryCall;
  KeepAlive(argument: _alluxio_metadatastore_KeepAliveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_KeepAliveResponse__Output>): grpc.ClientUnaryCall;
  KeepAlive(argument: _alluxio_metadatastore_KeepAliveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_KeepAliveResponse__Output>): grpc.ClientUnaryCall;
  KeepAlive(argument: _alluxio_metadatastore_KeepAliveRequest, callback: grpc.requestCallback<_alluxio_metadatastore_KeepAliveResponse__Output>): grpc.ClientUnaryCall;
  keepAlive(argument: _alluxio_metadatastore_KeepAliveRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_KeepAliveResponse__Output>): grpc.ClientUnaryCall;
  keepAlive(argument: _alluxio_metadatastore_KeepAliveRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_KeepAliveResponse__Output>): grpc.ClientUnaryCall;
  keepAlive(argument: _alluxio_metadatastore_KeepAliveRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_KeepAliveResponse__Output>): grpc.ClientUnaryCall;
  keepAlive(argument: _alluxio_metadatastore_KeepAliveRequest, callback: grpc.requestCallback<_alluxio_metadatastore_KeepAliveResponse__Output>): grpc.ClientUnaryCall;
  
  Range(argument: _alluxio_metadatastore_RangeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_RangeResponse__Output>): grpc.ClientUnaryCall;
  Range(argument: _alluxio_metadatastore_RangeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_RangeResponse__Output>): grpc.ClientUnaryCall;
  Range(argument: _alluxio_metadatastore_RangeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_RangeResponse__Output>): grpc.ClientUnaryCall;
  Range(argument: _alluxio_metadatastore_RangeRequest, callback: grpc.requestCallback<_alluxio_metadatastore_RangeResponse__Output>): grpc.ClientUnaryCall;
  range(argument: _alluxio_metadatastore_RangeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_RangeResponse__Output>): grpc.ClientUnaryCall;
  range(argument: _alluxio_metadatastore_RangeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_RangeResponse__Output>): grpc.ClientUnaryCall;
  range(argument: _alluxio_metadatastore_RangeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_RangeResponse__Output>): grpc.ClientUnaryCall;
  range(argument: _alluxio_metadatastore_RangeRequest, callback: grpc.requestCallback<_alluxio_metadatastore_RangeResponse__Output>): grpc.ClientUnaryCall;
  
  RevokeLease(argument: _alluxio_metadatastore_RevokeLeaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_RevokeLeaseResponse__Output>): grpc.ClientUnaryCall;
  RevokeLease(argument: _alluxio_metadatastore_RevokeLeaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_RevokeLeaseResponse__Output>): grpc.ClientUnaryCall;
  RevokeLease(argument: _alluxio_metadatastore_RevokeLeaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_RevokeLeaseResponse__Output>): grpc.ClientUnaryCall;
  RevokeLease(argument: _alluxio_metadatastore_RevokeLeaseRequest, callback: grpc.requestCallback<_alluxio_metadatastore_RevokeLeaseResponse__Output>): grpc.ClientUnaryCall;
  revokeLease(argument: _alluxio_metadatastore_RevokeLeaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_RevokeLeaseResponse__Output>): grpc.ClientUnaryCall;
  revokeLease(argument: _alluxio_metadatastore_RevokeLeaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_alluxio_metadatastore_RevokeLeaseResponse__Output>): grpc.ClientUnaryCall;
  revokeLease(argument: _alluxio_metadatastore_RevokeLeaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_alluxio_metadatastore_RevokeLeaseResponse__Output>): grpc.ClientUnaryCall;
  revokeLease(argument: _alluxio_metadatastore_RevokeLeaseRequest, callback: grpc.requestCallback<_alluxio_metadatastore_RevokeLeaseResponse__Output>): grpc.ClientUnaryCall;
  
  Watch(argument: _alluxio_metadatastore_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_alluxio_metadatastore_WatchResponse__Output>;
  Watch(argument: _alluxio_metadatastore_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_alluxio_metadatastore_WatchResponse__Output>;
  watch(argument: _alluxio_metadatastore_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_alluxio_metadatastore_WatchResponse__Output>;
  watch(argument: _alluxio_metadatastore_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_alluxio_metadatastore_WatchResponse__Output>;
  
}

export interface MetadataStoreHandlers extends grpc.UntypedServiceImplementation {
  Commit: grpc.handleUnaryCall<_alluxio_metadatastore_CommitRequest__Output, _alluxio_metadatastore_CommitResponse>;
  
  Get: grpc.handleUnaryCall<_alluxio_metadatastore_GetRequest__Output, _alluxio_metadatastore_GetResponse>;
  
  GrantLease: grpc.handleUnaryCall<_alluxio_metadatastore_GrantLeaseRequest__Output, _alluxio_metadatastore_GrantLeaseResponse>;
  
  KeepAlive: grpc.handleUnaryCall<_alluxio_metadatastore_KeepAliveRequest__Output, _alluxio_metadatastore_KeepAliveResponse>;
  
  Range: grpc.handleUnaryCall<_alluxio_metadatastore_RangeRequest__Output, _alluxio_metadatastore_RangeResponse>;
  
  RevokeLease: grpc.handleUnaryCall<_alluxio_metadatastore_RevokeLeaseRequest__Output, _alluxio_metadatastore_RevokeLeaseResponse>;
  
  Watch: grpc.handleServerStreamingCall<_alluxio_metadatastore_WatchRequest__Output, _alluxio_metadatastore_WatchResponse>;
  
}

export interface MetadataStoreDefinition extends grpc.ServiceDefinition {
  Commit: MethodDefinition<_alluxio_metadatastore_CommitRequest, _alluxio_metadatastore_CommitResponse, _alluxio_metadatastore_CommitRequest__Output, _alluxio_metadatastore_CommitResponse__Output>
  Get: MethodDefinition<_alluxio_metadatastore_GetRequest, _alluxio_metadatastore_GetResponse, _alluxio_metadatastore_GetRequest__Output, _alluxio_metadatastore_GetResponse__Output>
  GrantLease: MethodDefinition<_alluxio_metadatastore_GrantLeaseRequest, _alluxio_metadatastore_GrantLeaseResponse, _alluxio_metadatastore_GrantLeaseRequest__Output, _alluxio_metadatastore_GrantLeaseResponse__Output>
  KeepAlive: MethodDefinition<_alluxio_metadatastore_KeepAliveRequest, _alluxio_metadatastore_KeepAliveResponse, _alluxio_metadatastore_KeepAliveRequest__Output, _alluxio_metadatastore_KeepAliveResponse__Output>
  Range: MethodDefinition<_alluxio_metadatastore_RangeRequest, _alluxio_metadatastore_RangeResponse, _alluxio_metadatastore_RangeRequest__Output, _alluxio_metadatastore_RangeResponse__Output>
  RevokeLease: MethodDefinition<_alluxio_metadatastore_RevokeLeaseRequest, _alluxio_metadatastore_RevokeLeaseResponse, _alluxio_metadatastore_RevokeLeaseRequest__Output, _alluxio_metadatastore_RevokeLeaseResponse__Output>
  Watch: MethodDefinition<_alluxio_metadatastore_WatchRequest, _alluxio_metadatastore_WatchResponse, _alluxio_metadatastore_WatchRequest__Output, _alluxio_metadatastore_WatchResponse__Output>
}
