// Entry of a data thread.
import { workerData } from 'node:worker_threads';
import { DataLoop } from './data-loop.ts';
import type { DataThreadParts } from './thread-protocol.ts';

new DataLoop(workerData as DataThreadParts).start();
