// alluxio conf get
import type { Command } from 'commander';
import { type ConfigurationEntry, nearestName, Property } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { print, tableText } from '../output.ts';
import { examples, type Runner } from '../runner.ts';

export function confCommands(program: Command, runner: Runner): void {
  const conf = program.command('conf').description('configuration properties');
  conf
    .command('get')
    .description('values in force, each with where it comes from')
    .argument('[name]', 'one property; its value alone is printed')
    .option('--set-only', 'only what is not the default')
    .option('--source', 'with a name: print the source too')
    .addHelpText('after', examples('alluxio conf get --set-only', 'alluxio conf get alluxio.worker.page.store.page.size', 'alluxio --conf /opt/alluxio/conf conf get -o json'))
    .action(
      runner((context, args, flags: { setOnly?: boolean; source?: boolean }) => {
        const { config } = context;
        for (const warning of config.warnings) context.terminal.err.write(`alluxio: ${warning}\n`);
        if (args[0] === undefined) {
          const rows = config.entries().filter((row) => flags.setOnly !== true || !row.isDefault);
          print(context, rows, () =>
            tableText(
              ['PROPERTY', 'VALUE', 'SOURCE'],
              rows.map((row) => [row.name, row.value, row.source]),
            ),
          );
          return;
        }
        const row = config.entry(args[0]) ?? unknown(args[0]);
        print(context, row, () => (flags.source === true ? `${row.value}\t${row.source}\n` : `${row.value}\n`));
      }),
    );
}

function unknown(name: string): ConfigurationEntry {
  const nearest = nearestName(
    name,
    Object.values(Property).map((spec) => spec.name),
  );
  throw new CacheError('InvalidArgument', `${name} is not a property.`, {
    source: 'caller',
    context: { field: 'name', ...(nearest === undefined ? {} : { remedy: `Did you mean ${nearest}?` }) },
  });
}
