// A coordinator: `node coordinator/main.ts --conf DIRECTORY -Dname=value …`
import { keepCompiled } from '../common/process/compile-cache.ts';
import { widenThreadPool } from '../common/process/thread-pool.ts';

keepCompiled(process.env);
widenThreadPool(process.env);
const { metadataStoreOpener } = await import('../common/metadata-store/index.ts');
const { runProcess } = await import('../common/process/index.ts');
const { startCoordinator } = await import('./coordinator-process.ts');
const { storeMetrics } = await import('./metrics.ts');
const { openRpcDoor } = await import('./rpc-door.ts');

await runProcess('coordinator', process, async (context) => {
  const open = await metadataStoreOpener(context.config);
  return await startCoordinator(context, { openStore: ({ config, metrics }) => open(config, storeMetrics(metrics)), openRpc: openRpcDoor });
});
