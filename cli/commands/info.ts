// alluxio info nodes | version | ring
import type { Command } from 'commander';
import type { MembershipMember, MembershipView } from '../../common/api/index.ts';
import { buildRing, pathHash } from '../../common/hash/ring.ts';
import { coordinatorOf, pathArgument } from '../cluster/file-access.ts';
import { fieldsText, print, shareText, sizeText, tableText, timeText } from '../output.ts';
import { examples, type Runner } from '../runner.ts';

const ringMembers = (view: MembershipView): MembershipMember[] => view.members.filter((member) => member.online || view.staticRing);
const ringOf = (view: MembershipView) =>
  buildRing(
    ringMembers(view).map(({ record }) => ({ uuid: record.uuid, vnodes: record.vnodes })),
    view.revision,
  );

function nodeRow({ record, online }: MembershipMember) {
  const address = record.WorkerNetAddress;
  return {
    workerId: `worker-${record.uuid}`,
    address: `${address.Host}:${address.RpcPort}`,
    status: online ? 'ONLINE' : 'OFFLINE',
    dataPort: address.NettyDataPort,
    webPort: address.WebPort,
    capacityBytes: record.capacityBytes,
    hostId: record.hostId,
    startedAtMs: record.startedAtMs,
    build: record.build,
  };
}

export function infoCommands(program: Command, runner: Runner): void {
  const info = program.command('info').description('the cluster: nodes, versions, ring');

  info
    .command('nodes')
    .description('list the workers, online and registered')
    .addHelpText('after', examples('alluxio info nodes', 'alluxio info nodes -o json'))
    .action(
      runner(async (context) => {
        const rows = (await coordinatorOf(context).membership()).members.map(nodeRow);
        print(context, rows, () =>
          tableText(
            ['WorkerId', 'Address', 'Status', '>Capacity', 'Node', 'Started'],
            rows.map((r) => [r.workerId, r.address, r.status, sizeText(r.capacityBytes), r.hostId, timeText(r.startedAtMs)]),
          ),
        );
      }),
    );

  info
    .command('version')
    .description('versions of this command and of the cluster')
    .addHelpText('after', examples('alluxio info version'))
    .action(
      runner(async (context) => {
        const coordinator = coordinatorOf(context);
        const [own, view] = [await coordinator.version(), await coordinator.membership()];
        const workers = [...new Set(view.members.filter((m) => m.online).map((m) => m.record.build))];
        const shown = { cli: program.version(), coordinator: own.version, workers, clusterName: view.clusterName, clusterUid: view.clusterUid };
        print(context, shown, () =>
          fieldsText([
            ['cluster', `${shown.clusterName} (${shown.clusterUid})`],
            ['cli', shown.cli ?? ''],
            ['coordinator', shown.coordinator],
            ['workers', workers.join(', ') || '-'],
          ]),
        );
      }),
    );

  info
    .command('ring')
    .description('the hash ring: points and share of each worker; with --path, who owns a path')
    .option('--path <path>', 'path or UFS URI')
    .addHelpText('after', examples('alluxio info ring', 'alluxio info ring --path /data/train/0.jpg'))
    .action(
      runner(async (context, _args, flags: { path?: string }) => {
        const view = await coordinatorOf(context).membership();
        if (flags.path === undefined) printRing(context, view);
        else printOwners(context, view, pathArgument(flags.path, view));
      }),
    );
}

type Context = Parameters<typeof print>[0];

function printRing(context: Context, view: MembershipView): void {
  const shares = ringOf(view).shares();
  const rows = ringMembers(view).map(({ record, online }) => ({
    workerId: `worker-${record.uuid}`,
    vnodes: record.vnodes,
    share: shares.get(record.uuid) ?? 0,
    status: online ? 'ONLINE' : 'OFFLINE',
  }));
  const json = { mode: view.staticRing ? 'static' : 'dynamic', generation: view.generation, revision: view.revision, workers: rows };
  print(
    context,
    json,
    () =>
      `${json.mode} ring, revision ${view.generation}.${view.revision}\n${tableText(
        ['WorkerId', 'Status', '>Points', '>Share'],
        rows.map((r) => [r.workerId, r.status, r.vnodes, shareText(r.share)]),
      )}`,
  );
}

function printOwners(context: Context, view: MembershipView, path: string): void {
  const { high, low } = pathHash(path);
  const owners = ringOf(view).replicas(high, low, 3);
  const rows = owners.map((uuid, i) => {
    const { record, online } = view.members.find((m) => m.record.uuid === uuid)!;
    return {
      workerId: `worker-${uuid}`,
      role: i === 0 ? 'owner' : `next ${i}`,
      address: `${record.WorkerNetAddress.Host}:${record.WorkerNetAddress.NettyDataPort}`,
      status: online ? 'ONLINE' : 'OFFLINE',
    };
  });
  print(context, { path, owners: rows }, () =>
    tableText(
      ['Role', 'WorkerId', 'Data address', 'Status'],
      rows.map((r) => [r.role, r.workerId, r.address, r.status]),
    ),
  );
}
