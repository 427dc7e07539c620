// Who may import whom, and through which folder each npm package is reached (docs/ARCHITECTURE.md shows the same as a picture).

const LOW = ['common/errors', 'common/api', 'common/hash', 'common/namespace', 'common/async', 'common/config'];
const DOORS = ['common/log', 'common/metrics', 'common/rpc', 'common/metadata-store', 'common/k8s', 'common/syscall', 'common/secrets', 'common/http', 'common/process'];
const COMMON = [...LOW, ...DOORS];

/** Module → modules it may import besides itself. A module that is not listed may not import anything of ours. */
export const IMPORT_TABLE: Readonly<Record<string, readonly string[]>> = {
  'common/errors': [],
  'common/api': ['common/errors'],
  'common/hash': ['common/errors', 'common/api', 'common/namespace'],
  'common/namespace': ['common/errors', 'common/api'],
  'common/async': ['common/errors'],
  'common/config': ['common/errors', 'common/namespace'],
  'common/log': [...LOW],
  'common/metrics': [...LOW],
  'common/rpc': [...LOW, 'common/log', 'proto'],
  'common/secrets': [...LOW],
  'common/http': [...LOW, 'common/log'],
  'common/process': [...LOW, 'common/log', 'common/metrics'],
  'common/syscall': [...LOW],
  'common/k8s': [...LOW, 'common/log'],
  'common/metadata-store': [...LOW, 'common/log', 'common/rpc', 'common/secrets', 'common/syscall', 'proto'],
  proto: [...COMMON],
  ufs: [...COMMON],
  cache: [...COMMON],
  client: [...COMMON, 'proto', 'ufs'],
  worker: [...COMMON, 'proto', 'cache', 'ufs', 'client', 's3'],
  s3: [...COMMON, 'client'],
  coordinator: [...COMMON, 'proto', 'ufs'],
  gateway: [...COMMON, 'proto', 'ufs'],
  fuse: [...COMMON, 'proto', 'client'],
  cli: [...COMMON, 'proto', 'client'],
  csi: [...COMMON, 'proto'],
  operator: [...COMMON, 'proto'],
  console: ['common/api'],
  // What stands outside the product may look at all of it.
  e2e: ['*'],
  bench: ['*'],
  tools: ['*'],
};

/** Tests of a module may also use the real neighbours and the test servers. */
export const TESTS_MAY_IMPORT = ['*'];

/** npm package → folders that may import it. */
export const DOORS_OF_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  winston: ['common/log'],
  'prom-client': ['common/metrics'],
  '@grpc/grpc-js': ['common/rpc', 'proto/gen'],
  '@grpc/proto-loader': ['common/rpc', 'proto/gen'],
  etcd3: ['common/metadata-store'],
  cockatiel: ['common/metadata-store'],
  koffi: ['common/syscall', 'bench'],
  'xxhash-wasm': ['common/hash'],
  '@node-rs/xxhash': ['common/hash'],
  fastify: ['common/http'],
  'fast-xml-parser': ['ufs/s3'],
  '@smithy/signature-v4': ['ufs/s3'],
  '@aws-sdk/credential-providers': ['ufs/s3'],
  '@kubernetes/client-node': ['common/k8s'],
  commander: ['cli', 'tools/docs'],
  'cli-table3': ['cli', 'tools', 'bench'],
  uuid: ['common', 'worker'],
  '@jest/globals': ['*'],
};
