import { workerNodeContract } from './worker-node.contract.ts';

workerNodeContract('portable', true);
workerNodeContract('native', false);
