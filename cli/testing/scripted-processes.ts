// Stand-ins for coordinator, worker and FUSE that keep the start convention and nothing else: local mode's own logic is tested with them in milliseconds.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const COORDINATOR = `
import { createServer } from 'node:http';
import { appendFileSync } from 'node:fs';
const events = (text) => appendFileSync(process.env.EVENTS, text + '\\n');
const members = [], mounts = [];
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk)).on('end', () => {
    if (request.url === '/join') members.push({ online: true, record: { uuid: String(members.length) } });
    if (request.method === 'POST' && request.url === '/api/v1/mounts') mounts.push(JSON.parse(body));
    const answer = request.url === '/api/v1/membership' ? { members } : request.url === '/api/v1/mounts' ? { mounts } : {};
    response.end(JSON.stringify(answer));
  });
});
process.on('SIGTERM', () => { events('coordinator stopped'); process.exit(0); });
server.listen(0, '127.0.0.1', () => {
  events('coordinator started');
  const { port } = server.address();
  console.log(JSON.stringify({ ready: true, role: 'coordinator', ports: { rpc: port, web: port } }));
});
`;
const property = `const property = (name) => process.argv.find((arg) => arg.startsWith('-D' + name + '='))?.slice(name.length + 3);`;
const WORKER = `
import { appendFileSync } from 'node:fs';
${property}
const name = property('alluxio.worker.identity.uuid.file.path').match(/worker-\\d+/)[0];
if (process.env.BROKEN === name) { console.error('alluxio worker: The disk is full. (Free some.)'); process.exit(75); }
if (process.env.HANGING !== name) {
  await fetch('http://' + property('alluxio.metadata.store.address') + '/join', { method: 'POST' });
  process.on('SIGTERM', () => { appendFileSync(process.env.EVENTS, name + ' stopped\\n'); process.exit(0); });
  console.log(JSON.stringify({ ready: true, role: 'worker', ports: { data: 1, web: 2, rpc: 3 } }));
}
setInterval(() => {}, 1e6);
`;
const FUSE = `
import { appendFileSync } from 'node:fs';
process.on('SIGTERM', () => { appendFileSync(process.env.EVENTS, 'fuse stopped\\n'); if (process.env.STUBBORN !== 'fuse') process.exit(0); });
console.log(JSON.stringify({ ready: true, role: 'fuse', ports: { web: 4 } }));
setInterval(() => {}, 1e6);
`;

/** Writes the programs below `root`, where local mode looks for them. Variables: EVENTS (file), BROKEN and HANGING (a worker's name), STUBBORN=fuse. */
export function writeScriptedProcesses(root: string): void {
  for (const [role, text] of Object.entries({ coordinator: COORDINATOR, worker: WORKER, fuse: FUSE })) {
    mkdirSync(join(root, role), { recursive: true });
    writeFileSync(join(root, role, 'main.ts'), text);
  }
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
}
