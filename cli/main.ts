// Entry of the command line: streams, signals, exit code.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepCompiled } from '../common/process/compile-cache.ts';
import type { Terminal } from './command-context.ts';

keepCompiled(process.env);
const { isCacheError } = await import('../common/errors/index.ts');
const { ChildExit } = await import('./commands/process.ts');
const { reportFailure } = await import('./exit.ts');
const { buildProgram } = await import('./program.ts');

const root = join(import.meta.dirname, '..');
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort());
// `alluxio … | head` closes our output: stop quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 74));

const terminal: Terminal = { out: process.stdout, err: process.stderr, env: process.env, signal: interrupted.signal, root, node: process.execPath };
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const program = buildProgram(terminal, version);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  const quiet = interrupted.signal.aborted && isCacheError(error, 'Cancelled');
  // A process that ended badly has said why itself.
  process.exitCode = error instanceof ChildExit ? error.exitCode : reportFailure(error, quiet ? () => undefined : (line) => void process.stderr.write(line));
}
process.exit();
