// The command line as a whole: shared options, groups of commands. `buildProgram` is pure; main.ts runs it.
import { Command, Option } from 'commander';
import { confCommands } from './commands/conf.ts';
import { fsReadCommands } from './commands/fs-read.ts';
import { fsShowCommands } from './commands/fs-show.ts';
import { infoCommands } from './commands/info.ts';
import { localCommands } from './commands/local.ts';
import { mountCommands } from './commands/mount.ts';
import { processCommands } from './commands/process.ts';
import type { Terminal } from './command-context.ts';
import { examples, runnerFor } from './runner.ts';

const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];

export function buildProgram(terminal: Terminal, version: string): Command {
  const program = new Command('alluxio');
  program
    .description('Distributed read cache for AI data')
    .version(version, '-V, --version')
    .addOption(new Option('-o, --output <form>', 'how results are printed').choices(['table', 'json']).default('table'))
    .option('--coordinator <address>', 'host:port of the cluster’s coordinator (else ALLUXIO_COORDINATOR, else the cluster of local mode)')
    .option('--conf <directory>', 'directory of alluxio-site.properties (else ALLUXIO_CONF_DIR)')
    .option('-D, --define <name=value>', 'set a property; may be given again', collect)
    .addHelpText('after', examples('alluxio local start --ufs s3://bucket/train --detach', 'alluxio fs ls /data', 'alluxio info nodes -o json', 'alluxio local stop'))
    .showHelpAfterError(false)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
      outputError: (text, write) =>
        write(
          `alluxio: ${text
            .replace(/^error: /, '')
            .trim()
            .replace(/\s*\n\s*/g, ' ')} (see alluxio --help)\n`,
        ),
    });
  const runner = runnerFor(terminal);
  mountCommands(program, runner);
  infoCommands(program, runner);
  const fs = program.command('fs').description('files through the cache');
  fsShowCommands(fs, runner);
  fsReadCommands(fs, runner);
  processCommands(program, runner);
  confCommands(program, runner);
  localCommands(program, runner);
  return program;
}
