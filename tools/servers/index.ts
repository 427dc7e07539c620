// Real servers for tests and the show: built once per machine, started on free ports of loopback, gone with the process that started them.
export { type Etcd, type EtcdOptions, ensureEtcd, startEtcd } from './etcd.ts';
export type { ActiveFault, FaultKind, FaultRule } from './fault.ts';
export { type FaultyProxy, type FaultyProxyOptions, startFaultyProxy } from './faulty-proxy.ts';
export { type MemoryS3, startMemoryS3 } from './memory-s3.ts';
export type { S3Request } from './s3-request.ts';
export { freePort } from './server-process.ts';
export { guardProcess } from './process-guard.ts';
export { signedRequest, type SignedRequest, type SignedResponse } from './signed-request.ts';
export { ensureVersitygw, startVersitygw, type Versitygw, type VersitygwOptions } from './versitygw.ts';
