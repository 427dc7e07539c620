// Configuration of a local cluster: one site file for all its processes, and what each gets besides by -D.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StateDirectory } from './state-directory.ts';

export const LOCAL_HOST = '127.0.0.1';
/** Processes leave within this after SIGTERM, so that a stop stays below 5 s. */
const SHUTDOWN = '1s';

/** Everything is on loopback with free ports; one host id, so that FUSE finds its co-located worker. */
export function writeSiteFile(state: StateDirectory, extra: readonly string[]): void {
  const lines = [
    'alluxio.cluster.name=local',
    `alluxio.security.data.plane.key.file=${state.key('data-plane')}`,
    `alluxio.security.sealing.key.file=${state.key('sealing')}`,
    `alluxio.coordinator.hostname=${LOCAL_HOST}`,
    `alluxio.coordinator.bind.host=${LOCAL_HOST}`,
    `alluxio.worker.hostname=${LOCAL_HOST}`,
    `alluxio.worker.bind.host=${LOCAL_HOST}`,
    `alluxio.fuse.bind.host=${LOCAL_HOST}`,
    'alluxio.coordinator.rpc.port=0',
    'alluxio.coordinator.web.port=0',
    'alluxio.worker.rpc.port=0',
    'alluxio.worker.data.port=0',
    'alluxio.worker.web.port=0',
    'alluxio.fuse.rpc.port=0',
    'alluxio.fuse.web.port=0',
    'alluxio.worker.host.id=local',
    'alluxio.worker.membership.lease.ttl=3s',
    `alluxio.worker.data.server.domain.socket.address=${state.runDir}`,
    `alluxio.shutdown.timeout=${SHUTDOWN}`,
    ...extra.map((text) => text.replaceAll('\\', '\\\\')),
  ];
  writeFileSync(state.siteFile, `# Written by alluxio local start.\n${lines.join('\n')}\n`, { mode: 0o600 });
}

export const coordinatorProperties = (state: StateDirectory): string[] => ['alluxio.metadata.store.type=EMBEDDED', `alluxio.metadata.store.path=${state.metastoreDir}`];

export function workerProperties(state: StateDirectory, index: number, options: { readonly storeAddress: string; readonly pageStoreBytes: number }): string[] {
  const directory = state.workerDir(index);
  return [
    'alluxio.metadata.store.type=REMOTE',
    `alluxio.metadata.store.address=${options.storeAddress}`,
    `alluxio.worker.identity.uuid.file.path=${join(directory, 'worker_identity')}`,
    `alluxio.worker.page.store.dirs=${join(directory, 'pages-1')},${join(directory, 'pages-2')}`,
    `alluxio.worker.page.store.sizes=${options.pageStoreBytes},${options.pageStoreBytes}`,
  ];
}

export const fuseProperties = (mountPoint: string, endpoints: readonly string[]): string[] => [
  `alluxio.fuse.mount.point=${mountPoint}`,
  `alluxio.user.worker.endpoints=${endpoints.join(',')}`,
];
