// Renders docs/reference/cli.md from the program itself: usage, options and examples of every command.
import type { Command } from 'commander';
import { buildProgram } from '../../cli/program.ts';
import { ERROR_TABLE } from '../../common/errors/index.ts';

const WIDTH = 110;

function program(): Command {
  const silent = { write: () => true };
  return buildProgram({ out: silent, err: silent, env: {}, signal: new AbortController().signal, root: '', node: '' }, '');
}

/** Help text of a command, with what `--help` appends. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (piece) => (text += piece), getOutHelpWidth: () => WIDTH, getOutHasColors: () => false });
  command.configureHelp({ showGlobalOptions: false });
  command.outputHelp();
  return text.trimEnd();
}

function exitCodes(): string[] {
  const codes = new Map<number, string[]>();
  for (const [code, row] of Object.entries(ERROR_TABLE)) codes.set(row.exit, [...(codes.get(row.exit) ?? []), code]);
  return [...codes].toSorted(([a], [b]) => a - b).map(([exit, names]) => `| ${exit} | ${names.map((name) => `\`${name}\``).join(', ')} |`);
}

export function commandLinePage(): string {
  const root = program();
  const sections = root.commands.flatMap((group) => [
    `## alluxio ${group.name()}`,
    '',
    `${group.description()}.`,
    '',
    ...group.commands.flatMap((command) => [`### alluxio ${group.name()} ${command.name()}`, '', '```text', helpOf(command), '```', '']),
  ]);
  return [
    '# Command line',
    '',
    'Generated from `cli/` by `node tools/docs/main.ts`. From a checkout: `bin/alluxio`.',
    '',
    'A command finds its cluster by `--coordinator host:port`, else `ALLUXIO_COORDINATOR`, else `alluxio.coordinator.address`, else the context file that `alluxio local start` writes',
    '(`~/.alluxio-ts/context.json`, or `ALLUXIO_CONTEXT`). Paths may be UFS URIs below a mount; bytes that are no text are written `\\xNN`, a backslash `\\\\`, in output and arguments alike.',
    'Results go to standard output, as tables or with `-o json` as one document; an error is one line on standard error with the remedy in parentheses, and the exit code of its row below.',
    '',
    '```text',
    helpOf(root),
    '```',
    '',
    ...sections,
    '## Exit codes',
    '',
    '| exit | error codes |',
    '|---|---|',
    '| 0 | success |',
    ...exitCodes(),
    '',
  ].join('\n');
}
