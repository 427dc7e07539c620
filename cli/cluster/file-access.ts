// Opens the client library for commands that read files: worker addresses from the coordinator, the session key from the cluster's site file.
import { hostname } from 'node:os';
import type { CacheClient } from '../../client/cache-client.ts';
import type { MembershipView } from '../../common/api/index.ts';
import { Property } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { MountTable, parsePrintableName, printableName } from '../../common/namespace/index.ts';
import { readKeyFile } from '../../common/secrets/index.ts';
import type { CommandContext } from '../command-context.ts';
import { CoordinatorClient } from './coordinator-client.ts';

export const coordinatorOf = (context: CommandContext): CoordinatorClient => new CoordinatorClient(context.cluster().coordinator, context.terminal.signal);

const endpointsOf = (view: MembershipView): { host: string; port: number; unixPath: string }[] =>
  view.members.filter((member) => member.online).map(({ record }) => ({ host: record.WorkerNetAddress.Host, port: record.WorkerNetAddress.NettyDataPort, unixPath: '' }));

/** Runs `work` with a client that is closed afterwards. @throws WorkerUnavailable when no worker is online */
export async function withClient<T>(context: CommandContext, work: (client: CacheClient, view: MembershipView) => Promise<T>): Promise<T> {
  const view = await coordinatorOf(context).membership();
  const endpoints = endpointsOf(view);
  if (endpoints.length === 0) {
    throw new CacheError('WorkerUnavailable', 'No worker of the cluster is online.', {
      source: 'worker',
      context: { remedy: 'See alluxio info nodes; start one with alluxio process start worker.' },
    });
  }
  // Loaded when needed: it brings the UFS clients along, which other commands do without.
  const { openClient } = await import('../../client/index.ts');
  const client = await openClient({
    endpoints,
    keys: { clusterUid: view.clusterUid, dataPlaneKey: readKeyFile(context.config.get(Property.dataPlaneKeyFile)) },
    role: 'cli',
    identity: `cli/${hostname()}-${process.pid}`,
    localHostId: context.config.get(Property.workerHostId) ?? hostname(),
    config: context.config,
    signal: context.terminal.signal,
  });
  try {
    return await work(client, view);
  } finally {
    await client.close();
  }
}

/** Namespace path of an argument: a path, or a UFS URI below a mount. @throws InvalidArgument, MountNotFound */
export function pathArgument(argument: string, view: MembershipView): string {
  const name = parsePrintableName(argument);
  if (name.startsWith('/')) return name.length > 1 && name.endsWith('/') ? name.slice(0, -1) : name;
  if (!name.includes('://')) {
    throw new CacheError('InvalidArgument', `'${argument}' is not an absolute path.`, {
      source: 'caller',
      context: { field: 'path', remedy: `Write /${argument.replace(/^\.?\//, '')}, or a UFS URI below a mount.` },
    });
  }
  const path = new MountTable(view.mounts).pathOfUfsUri(name);
  if (path !== undefined) return path;
  throw new CacheError('MountNotFound', `No mount covers ${printableName(name)}.`, {
    source: 'caller',
    context: { ufsUri: printableName(name), remedy: 'See alluxio mount list.' },
  });
}
