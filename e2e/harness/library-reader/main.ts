// A program that reads one file over and over through the client library: `node main.ts JSON`. Prints a line per read, so that the test knows when to stop it.
import { openClient } from '../../../client/index.ts';

interface Job {
  readonly endpoint: string;
  readonly clusterUid: string;
  readonly dataPlaneKey: string;
  readonly path: string;
  readonly blockBytes: number;
}

const job = JSON.parse(process.argv[2]!) as Job;
const client = await openClient({
  endpoints: [job.endpoint],
  keys: { clusterUid: job.clusterUid, dataPlaneKey: Buffer.from(job.dataPlaneKey, 'hex') },
  role: 'sdk',
  identity: `sdk/reader-${process.pid}`,
  localHostId: '',
});
const handle = await client.openFile(job.path);
const into = Buffer.alloc(job.blockBytes);
for (let offset = 0; ; offset += job.blockBytes) {
  await handle.read(offset % (handle.status.length - job.blockBytes + 1), into);
  process.stdout.write(`${offset}\n`);
}
