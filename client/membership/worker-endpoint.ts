// Addresses of workers: as configured (`host:port`, `[v6]:port`, `unix:/path`) and as records tell them.
import type { WorkerRecord } from '../../common/api/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import type { DataPlaneEndpoint } from '../../proto/frames/contracts.ts';

const HOST_PORT = /^(?:\[([^\]]+)\]|([^:[\]/]+)):(\d{1,5})$/;

/** @throws InvalidConfiguration */
export function parseEndpoint(text: string): DataPlaneEndpoint {
  if (text.startsWith('unix:/')) return { host: '', port: 0, unixPath: text.slice('unix:'.length) };
  const match = HOST_PORT.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new CacheError('InvalidConfiguration', `'${text}' is not the endpoint of a worker.`, {
      source: 'caller',
      context: { field: 'endpoints', value: text, remedy: 'Write host:port of a worker’s data plane, or unix:/path of its socket.' },
    });
  }
  return { host: (match[1] ?? match[2])!, port, unixPath: '' };
}

/** The unix socket is told only to clients on the worker's own host. */
export function endpointOf(record: WorkerRecord, localHostId: string): DataPlaneEndpoint {
  const { Host, NettyDataPort, DataPort, DomainSocketPath } = record.WorkerNetAddress;
  // The reference keeps its streaming port in NettyDataPort; records with only one of the two mean the same.
  return { host: Host, port: NettyDataPort === 0 ? DataPort : NettyDataPort, unixPath: localHostId !== '' && record.hostId === localHostId ? DomainSocketPath : '' };
}

export const endpointText = (endpoint: DataPlaneEndpoint): string => (endpoint.unixPath === '' ? `${endpoint.host}:${endpoint.port}` : `unix:${endpoint.unixPath}`);
