// Entry of the thread that sends notifications: the kernel may hold it up until requests are answered, so it serves none.
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const { fuseFd } = workerData as { readonly fuseFd: number };

parentPort!.on('message', (notifications: readonly Uint8Array[]) => {
  for (const notification of notifications) {
    try {
      writeSync(fuseFd, notification);
    } catch {
      // ENOENT: the kernel has forgotten the name already; ENODEV: unmounted; EBUSY, ENOTEMPTY: in use
    }
  }
});
