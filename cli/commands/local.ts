// alluxio local start | status | stop: a cluster on this machine in one command.
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { onAbort } from '../../common/async/index.ts';
import { parseBytes } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { parsePrintableName } from '../../common/namespace/index.ts';
import type { CommandContext } from '../command-context.ts';
import { CoordinatorClient } from '../cluster/coordinator-client.ts';
import { isAlive } from '../local/child-process.ts';
import { LocalCluster, stopRecorded } from '../local/local-cluster.ts';
import { type LocalRecord, StateDirectory } from '../local/state-directory.ts';
import { fieldsText, print, tableText } from '../output.ts';
import { examples, type Runner } from '../runner.ts';
import { collectOption } from './mount.ts';

interface StartFlags {
  readonly ufs?: string;
  readonly path: string;
  readonly option?: Record<string, string>;
  readonly mount?: string;
  readonly workers: number;
  readonly pageStoreSize: number;
  readonly detach?: boolean;
  readonly stateDir?: string;
  readonly ephemeral?: boolean;
  readonly fuse: boolean;
}

function wholeNumber(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= 64) return value;
  throw new CacheError('InvalidArgument', `--workers ${text} is not a number from 1 to 64.`, { source: 'caller', context: { field: 'workers' } });
}
function size(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined && bytes >= 64 * 2 ** 20) return bytes;
  throw new CacheError('InvalidArgument', `--page-store-size ${text} is not a size of at least 64MB.`, {
    source: 'caller',
    context: { field: 'page-store-size', remedy: 'For example 2GB.' },
  });
}

/** A directory becomes a file URI; one that does not exist is refused before anything starts. */
export function ufsUriArgument(text: string): string {
  const name = parsePrintableName(text);
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(name)) return name;
  const directory = resolve(name);
  if (existsSync(directory) && statSync(directory).isDirectory()) return `file://${directory}`;
  throw new CacheError('PathNotFound', `--ufs ${text}: there is no directory ${directory}.`, {
    source: 'caller',
    context: { field: 'ufs', remedy: 'Give a directory or a URI such as s3://bucket/prefix.' },
  });
}

async function start(context: CommandContext, flags: StartFlags): Promise<void> {
  const { terminal, options } = context;
  const startMs = performance.now();
  const cluster = await LocalCluster.start(terminal, {
    state: new StateDirectory(flags.stateDir),
    workers: flags.workers,
    pageStoreBytes: flags.pageStoreSize,
    ...(flags.ufs === undefined ? {} : { mount: { path: parsePrintableName(flags.path), ufsUri: ufsUriArgument(flags.ufs), options: flags.option ?? {} } }),
    ...(flags.mount === undefined ? {} : { fuseMount: flags.mount }),
    withFuse: flags.fuse,
    ephemeral: flags.ephemeral === true,
    properties: options.define,
    foreground: flags.detach !== true,
    progress: (line) => void terminal.err.write(`Starting ${line}\n`.replace('Starting FUSE is', 'FUSE is')),
  });
  terminal.err.write(`Ready in ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
  print(context, statusOf(cluster.record, await cluster.coordinator.mounts()), () => endpointsText(cluster.record));
  if (flags.detach !== true) await attend(context, cluster);
}

/** Stays until Ctrl-C, SIGTERM or until everything has ended (`local stop` elsewhere); tells of processes that end meanwhile. */
async function attend(context: CommandContext, cluster: LocalCluster): Promise<void> {
  const { terminal } = context;
  terminal.err.write('Ctrl-C stops it.\n');
  const interrupted = new Promise<undefined>((resolvePromise) => onAbort(terminal.signal, () => resolvePromise(undefined)));
  const seen = new Set<string>();
  while (cluster.record.processes.some(isAlive)) {
    const ending = await Promise.race([interrupted, ...cluster.endings(seen)]);
    if (ending === undefined) break;
    seen.add(ending.name);
    terminal.err.write(`${ending.name} ended (${ending.how}); its log: ${cluster.logOf(ending.name)}\n`);
  }
  terminal.err.write('Stopping\n');
  await cluster.stop();
}

interface LocalStatus {
  readonly processes: readonly { name: string; role: string; pid: number; ports: Readonly<Record<string, number>>; state: 'running' | 'dead' }[];
  readonly mounts: readonly { mountPath: string; ufsUri: string }[];
  readonly fuseMount: string | null;
  readonly coordinator: string | null;
}

function statusOf(record: LocalRecord | undefined, mounts: readonly { mountPath: string; ufsUri: string }[]): LocalStatus {
  const processes = record?.processes.map((p) => ({ name: p.name, role: p.role, pid: p.pid, ports: p.ports, state: isAlive(p) ? ('running' as const) : ('dead' as const) })) ?? [];
  return { processes, mounts: mounts.map(({ mountPath, ufsUri }) => ({ mountPath, ufsUri })), fuseMount: record?.fuseMount ?? null, coordinator: record?.coordinator ?? null };
}

export function endpointsText(record: LocalRecord): string {
  const fields: [string, string][] = [
    ['coordinator', record.coordinator],
    ...record.processes.filter((p) => p.role === 'worker').map((p): [string, string] => [p.name, portsText(p.ports)]),
    ['mount point', record.fuseMount ?? 'none'],
    ['configuration', record.confDir],
  ];
  return fieldsText(fields);
}
const portsText = (ports: Readonly<Record<string, number>>): string =>
  Object.entries(ports)
    .map(([name, port]) => `${name} ${port}`)
    .join(', ');

async function status(context: CommandContext, stateDir: string | undefined): Promise<void> {
  const record = new StateDirectory(stateDir).readRecord();
  const coordinatorLives = record?.processes.some((p) => p.role === 'coordinator' && isAlive(p)) === true;
  const mounts = record !== undefined && coordinatorLives ? await new CoordinatorClient(record.coordinator, context.terminal.signal).mounts() : [];
  const shown = statusOf(record, mounts);
  print(context, shown, () => {
    if (record === undefined) return 'No local cluster runs.\n';
    const processes = tableText(
      ['Process', '>Pid', 'State', 'Ports'],
      shown.processes.map((p) => [p.name, p.pid, p.state, portsText(p.ports)]),
    );
    const table =
      shown.mounts.length === 0
        ? 'No mounts.\n'
        : tableText(
            ['Path', 'UFS'],
            shown.mounts.map((m) => [m.mountPath, m.ufsUri]),
          );
    return `${processes}\n${table}\n${fieldsText([['mount point', shown.fuseMount ?? 'none']])}`;
  });
}

async function stop(context: CommandContext, stateDir: string | undefined): Promise<void> {
  const state = new StateDirectory(stateDir);
  const record = state.readRecord();
  if (record !== undefined) await stopRecorded(state, context.terminal.env, record);
  print(context, { stopped: record?.processes.length ?? 0 }, () => (record === undefined ? 'No local cluster runs.\n' : `Stopped ${record.processes.length} processes.\n`));
}

const stateOption = (): Option => new Option('--state-dir <directory>', 'where the cluster lives; default ~/.alluxio-ts/local');

export function localCommands(program: Command, runner: Runner): void {
  const local = program.command('local').description('a whole cluster on this machine');

  local
    .command('start')
    .description('start coordinator, workers and FUSE; -D sets properties of all of them')
    .option('--ufs <uri>', 'what to mount: s3://bucket/prefix or a directory')
    .option('--path <path>', 'where to mount it', '/data')
    .option('--option <name=value>', 'option of that mount; may be given again', collectOption)
    .option('--mount <directory>', 'where FUSE shows the namespace; default in the state directory')
    .addOption(new Option('--workers <count>', 'number of workers').argParser(wholeNumber).default(3))
    .addOption(new Option('--page-store-size <size>', 'capacity of each of a worker’s two directories').argParser(size).default(2 * 2 ** 30, '2GB'))
    .option('--no-fuse', 'without FUSE')
    .option('--detach', 'return when it serves; stop it with alluxio local stop')
    .option('--ephemeral', 'delete the state directory, cached pages included, when it stops')
    .addOption(stateOption())
    .addHelpText('after', examples('alluxio local start --ufs s3://bucket/train --mount /mnt/train --detach', 'alluxio local start --ufs /srv/dataset --workers 1'))
    .action(runner<StartFlags>((context, _args, flags) => start(context, flags)));

  local
    .command('status')
    .description('what runs: processes with ports, mounts')
    .addOption(stateOption())
    .addHelpText('after', examples('alluxio local status', 'alluxio local status -o json'))
    .action(runner<{ stateDir?: string }>((context, _args, flags) => status(context, flags.stateDir)));

  local
    .command('stop')
    .description('stop everything; cached pages stay for the next start')
    .addOption(stateOption())
    .addHelpText('after', examples('alluxio local stop'))
    .action(runner<{ stateDir?: string }>((context, _args, flags) => stop(context, flags.stateDir)));
}
