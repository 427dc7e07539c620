// Coordinators as real processes for tests: keys, configuration and directories of their own, gone with `close`.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoordinatorClient } from '../../cli/cluster/coordinator-client.ts';
import type { WorkerRecord } from '../../common/api/index.ts';
import { RpcClient, loadService } from '../../common/rpc/index.ts';
import { createKeyFile, readKeyFile } from '../../common/secrets/index.ts';
import { type ManagedProcess, runToEnd, startProcess } from '../../e2e/harness/process.ts';
import { COORDINATOR_SERVICE, type CoordinatorDefinition } from '../../proto/services.ts';

const MAIN = 'coordinator/main.ts';

export interface StartedCoordinator {
  readonly process: ManagedProcess;
  readonly url: string;
  readonly api: CoordinatorClient;
  readonly rpc: RpcClient<CoordinatorDefinition>;
  readonly rpcAddress: string;
}

export class CoordinatorFixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'alluxio-coordinator-'));
  readonly #started = new Set<StartedCoordinator>();
  #count = 0;

  constructor() {
    for (const name of ['conf', 'ufs', 'meta']) mkdirSync(join(this.directory, name));
    for (const name of ['data-plane', 'sealing']) createKeyFile(this.#keyFile(name));
    const lines = [
      'alluxio.cluster.name=test',
      `alluxio.security.data.plane.key.file=${this.#keyFile('data-plane')}`,
      `alluxio.security.sealing.key.file=${this.#keyFile('sealing')}`,
      'alluxio.coordinator.bind.host=127.0.0.1',
      'alluxio.coordinator.rpc.port=0',
      'alluxio.coordinator.web.port=0',
      'alluxio.metadata.store.call.timeout=1500ms',
    ];
    writeFileSync(join(this.directory, 'conf', 'alluxio-site.properties'), lines.join('\n'));
  }

  get dataPlaneKey(): Uint8Array {
    return readKeyFile(this.#keyFile('data-plane'));
  }
  get embedded(): string[] {
    return ['alluxio.metadata.store.type=EMBEDDED', `alluxio.metadata.store.path=${join(this.directory, 'meta')}`];
  }
  /** A directory to mount. */
  ufs(name: string): string {
    const path = join(this.directory, 'ufs', name);
    mkdirSync(path, { recursive: true });
    return path;
  }
  /** Everything that the embedded store has on disk. */
  storedText(): string {
    return readFileSync(join(this.directory, 'meta', 'metadata.log'), 'utf8');
  }
  args(properties: readonly string[]): string[] {
    return ['--conf', join(this.directory, 'conf'), ...properties.map((text) => `-D${text}`)];
  }
  run(properties: readonly string[]): ReturnType<typeof runToEnd> {
    return runToEnd(MAIN, this.args(properties), 60_000);
  }

  async start(properties: readonly string[]): Promise<StartedCoordinator> {
    const process = await startProcess({
      name: 'coordinator',
      main: MAIN,
      args: this.args(properties),
      logFile: join(this.directory, `log-${++this.#count}`),
      readyTimeoutMs: 60_000,
    });
    const url = `http://127.0.0.1:${process.ready.ports['web']}`;
    const rpcAddress = `127.0.0.1:${process.ready.ports['rpc']}`;
    const rpc = new RpcClient(loadService<CoordinatorDefinition>(COORDINATOR_SERVICE), { address: rpcAddress, unavailable: 'MetadataStoreUnavailable' });
    const started = { process, url, api: new CoordinatorClient(url), rpc, rpcAddress };
    this.#started.add(started);
    return started;
  }

  async stop(coordinator: StartedCoordinator): Promise<void> {
    this.#started.delete(coordinator);
    coordinator.rpc.close();
    await coordinator.process.stop(5000);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#started].map((coordinator) => this.stop(coordinator)));
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  #keyFile = (name: string): string => join(this.directory, `${name}.key`);
}

export const workerRecord = (uuid: string, clusterUid: string): WorkerRecord => ({
  Identity: { version: 1, identifier: uuid.replaceAll('-', '') },
  WorkerNetAddress: {
    Host: 'node-a',
    ContainerHost: '',
    RpcPort: 29_999,
    DataPort: 29_997,
    SecureRpcPort: 0,
    NettyDataPort: 29_997,
    WebPort: 30_000,
    DomainSocketPath: '',
    HttpServerPort: 28_080,
  },
  uuid,
  instanceId: 'i',
  clusterUid,
  vnodes: 2000,
  capacityBytes: 2 ** 40,
  pageSizeBytes: 4 << 20,
  hostId: 'node-a',
  build: '1.0.0',
  startedAtMs: 1,
  fuseClients: 3,
});

export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never: ${what}`);
}
