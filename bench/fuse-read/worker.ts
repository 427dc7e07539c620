// One worker as a process of its own, without a metadata store: `node worker.ts DIRECTORY SOURCE KEYFILE`; prints {"port","unixPath"} when it serves. The whole of SOURCE fits.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPageStore } from '../../cache/index.ts';
import type { MembershipView, WorkerRecord } from '../../common/api/index.ts';
import { loadConfiguration } from '../../common/config/index.ts';
import { createLogger } from '../../common/log/index.ts';
import { createMetrics } from '../../common/metrics/index.ts';
import { openUfs } from '../../ufs/index.ts';
import { workerObservers } from '../../worker/metrics.ts';
import { WorkerNode } from '../../worker/worker-node.ts';
import { workerSettings } from '../../worker/worker-settings.ts';
import { PAGE_BYTES } from './data.ts';

const [directory = '', source = '', keyFile = ''] = process.argv.slice(2);
const clusterUid = 'be9c4000-0000-4000-8000-000000000000';
const uuid = 'be9c4000-0000-4000-8000-000000000001';
const hostId = 'bench';
const settings = workerSettings(
  loadConfiguration({
    siteFiles: [],
    env: {},
    overrides: [`alluxio.worker.page.store.dirs=${join(directory, 'store')}`, 'alluxio.worker.page.store.sizes=4GB', `alluxio.worker.page.store.page.size=${PAGE_BYTES}`],
  }),
);
const { directories, pageSizeBytes, dataThreads } = settings;
const store = await openPageStore({ directories, pageSizeBytes, evictor: 'LRU', clusterUid, workerUuid: uuid, hitRings: dataThreads });
const unixPath = join(directory, 'worker.sock');
const node = new WorkerNode({
  workerId: uuid,
  hostId,
  settings,
  store,
  keys: { clusterUid, dataPlaneKey: readFileSync(keyFile) },
  listen: { host: '127.0.0.1', port: 0, unixPath },
  openUfs,
  ufsOptions: {},
  unseal: () => ({}),
  observers: workerObservers(createMetrics({ processMetrics: false })),
  logger: createLogger({ component: 'worker' }),
});
await node.start();
const { port } = node.dataPlane;
const record: WorkerRecord = {
  Identity: { version: 1, identifier: uuid.replaceAll('-', '') },
  WorkerNetAddress: {
    Host: '127.0.0.1',
    ContainerHost: '',
    RpcPort: 0,
    DataPort: port,
    SecureRpcPort: 0,
    NettyDataPort: port,
    WebPort: 0,
    DomainSocketPath: unixPath,
    HttpServerPort: 0,
  },
  uuid,
  instanceId: 'bench',
  clusterUid,
  vnodes: 200,
  capacityBytes: 4 * 2 ** 30,
  pageSizeBytes,
  hostId,
  build: 'bench',
  startedAtMs: Date.now(),
  fuseClients: 2,
};
const view: MembershipView = {
  clusterName: 'bench',
  clusterUid,
  generation: 1,
  revision: 1,
  staticRing: false,
  members: [{ record, online: true }],
  mounts: [{ mountPath: '/data', ufsUri: `file://${source}/`, options: {}, sealedOptions: '', generation: 1, owner: 'cli' }],
  fuseClients: 2,
};
node.applyView(view);
console.log(JSON.stringify({ port, unixPath }));
process.on('SIGTERM', () => process.exit(0));
