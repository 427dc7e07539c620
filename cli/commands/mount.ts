// alluxio mount add | list | remove
import type { Command } from 'commander';
import { parsePrintableName, printableName } from '../../common/namespace/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { looksSecret } from '../../common/config/index.ts';
import { coordinatorOf } from '../cluster/file-access.ts';
import { print, tableText } from '../output.ts';
import { examples, type Runner } from '../runner.ts';

/** Collects repeated `--option name=value`. */
export function collectOption(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals <= 0)
    throw new CacheError('InvalidArgument', `--option ${text.slice(0, 40)} is not written name=value.`, {
      source: 'caller',
      context: { field: 'option', remedy: 'For example --option alluxio.underfs.s3.endpoint.region=eu-west-1' },
    });
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

const optionsText = (options: Readonly<Record<string, string>>): string =>
  Object.entries(options)
    .map(([name, value]) => `${name}=${looksSecret(name) ? '******' : value}`)
    .join(' ');

export function mountCommands(program: Command, runner: Runner): void {
  const mount = program.command('mount').description('the mount table: which UFS shows at which path');

  mount
    .command('add')
    .description('mount a UFS at a path directly below /')
    .requiredOption('--path <path>', 'path in the namespace, one segment: /data')
    .requiredOption('--ufs-uri <uri>', 'what to mount: s3://bucket/prefix or file:///directory')
    .option('--option <name=value>', 'option of the mount; may be given again; secrets are sealed before they are stored', collectOption)
    .addHelpText(
      'after',
      examples(
        'alluxio mount add --path /data --ufs-uri s3://bucket/train --option alluxio.underfs.s3.endpoint.region=eu-west-1',
        'alluxio mount add --path /nas --ufs-uri file:///mnt/nas',
      ),
    )
    .action(
      runner(async (context, _args, flags: { path: string; ufsUri: string; option?: Record<string, string> }) => {
        const request = { mountPath: parsePrintableName(flags.path), ufsUri: parsePrintableName(flags.ufsUri), options: flags.option ?? {} };
        await coordinatorOf(context).addMount(request);
        print(context, { mountPath: request.mountPath, ufsUri: request.ufsUri }, () => `Mounted ${flags.ufsUri} at ${flags.path}\n`);
      }),
    );

  mount
    .command('list')
    .description('list the mounts')
    .addHelpText('after', examples('alluxio mount list', 'alluxio mount list -o json'))
    .action(
      runner(async (context) => {
        const mounts = await coordinatorOf(context).mounts();
        const shown = mounts.map(({ mountPath, ufsUri, options, owner }) => ({ mountPath, ufsUri, options, owner }));
        print(context, shown, () =>
          tableText(
            ['PATH', 'UFS', 'OPTIONS', 'OWNER'],
            shown.map((m) => [m.mountPath, m.ufsUri, optionsText(m.options ?? {}), m.owner]),
          ),
        );
      }),
    );

  mount
    .command('remove')
    .description('remove a mount; the UFS is not touched')
    .requiredOption('--path <path>', 'path of the mount')
    .addHelpText('after', examples('alluxio mount remove --path /data'))
    .action(
      runner(async (context, _args, flags: { path: string }) => {
        const mountPath = parsePrintableName(flags.path);
        await coordinatorOf(context).removeMount(mountPath);
        print(context, { removed: mountPath }, () => `Removed ${printableName(mountPath)}\n`);
      }),
    );
}
