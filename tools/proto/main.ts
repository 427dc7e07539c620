// Writes proto/gen from proto/alluxio/*.proto: node tools/proto/main.ts. Field options must match common/rpc/service-definition.ts.
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const sources = readdirSync(join(ROOT, 'proto/alluxio')).filter((name) => name.endsWith('.proto'));
rmSync(join(ROOT, 'proto/gen'), { recursive: true, force: true });
const flags = [
  '--longs=Number',
  '--enums=String',
  '--defaults',
  '--oneofs',
  '--includeComments',
  '--grpcLib=@grpc/grpc-js',
  '--targetFileExtension=.ts',
  '--importFileExtension=.ts',
];
execFileSync(join(ROOT, 'node_modules/.bin/proto-loader-gen-types'), [...flags, '-O', 'proto/gen', ...sources.map((name) => join('proto/alluxio', name))], {
  cwd: ROOT,
  stdio: 'inherit',
});
