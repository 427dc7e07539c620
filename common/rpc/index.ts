// Door for grpc-js: serve and call typed services with deadlines; errors keep their code across the wire.
export { CallSignature } from './call-signature.ts';
export { RpcClient, type RpcCallOptions, type RpcClientOptions } from './rpc-client.ts';
export { type RpcCall, type RpcHandlers, type RpcServer, type RpcServerOptions, type RpcService, rpcService, type RpcStream, serveRpc } from './rpc-server.ts';
export { loadService, type MethodOf, type ServiceSource } from './service-definition.ts';
