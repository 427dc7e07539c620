// A coordinator: `node coordinator/main.ts --conf DIRECTORY -Dname=value …`
import { openMetadataStore } from '../common/metadata-store/index.ts';
import { runProcess } from '../common/process/index.ts';
import { startCoordinator } from './coordinator-process.ts';
import { storeMetrics } from './metrics.ts';
import { openRpcDoor } from './rpc-door.ts';

await runProcess('coordinator', process, (context) =>
  startCoordinator(context, { openStore: ({ config, metrics }) => openMetadataStore(config, storeMetrics(metrics)), openRpc: openRpcDoor }),
);
