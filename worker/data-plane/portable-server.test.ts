import { describeDataPlane } from './data-plane.contract.ts';
import { startPortableDataPlane } from './portable-server.ts';

describeDataPlane('portable', (options) => startPortableDataPlane({ host: '127.0.0.1', port: 0, ...options }));
