import { describe, it } from '@jest/globals';
import { hasNativeCalls } from './data-plane/native-server.ts';
import { workerNodeContract } from './worker-node.contract.ts';

workerNodeContract('portable', true);
if (hasNativeCalls()) workerNodeContract('native', false);
else describe('worker over the native data plane', () => it.skip('needs koffi and epoll', () => undefined));
