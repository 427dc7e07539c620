// alluxio process start coordinator | worker | fuse, and remove-worker
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { onAbort } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { coordinatorOf } from '../cluster/file-access.ts';
import type { CommandContext } from '../command-context.ts';
import { print } from '../output.ts';
import { examples, type Runner } from '../runner.ts';

const ROLES = ['coordinator', 'worker', 'fuse'] as const;

/** How a process ended, told on: the CLI ends the same way. */
export class ChildExit extends CacheError {
  readonly exitCode: number;
  constructor(role: string, exitCode: number) {
    super('Internal', `The ${role} ended with exit code ${exitCode}.`, { context: { role, exitCode } });
    this.exitCode = exitCode;
  }
}

/** Runs a process of the cluster in the foreground with our terminal; Ctrl-C and SIGTERM reach it. */
async function runProcess(context: CommandContext, role: string): Promise<void> {
  const { terminal, options } = context;
  const conf = options.conf ?? terminal.env['ALLUXIO_CONF_DIR'];
  const args = [...(conf === undefined ? [] : ['--conf', conf]), ...options.define.map((text) => `-D${text}`)];
  const child = spawn(terminal.node, ['--disable-warning=ExperimentalWarning', join(terminal.root, role, 'main.ts'), ...args], { stdio: 'inherit', detached: true });
  const stop = onAbort(terminal.signal, () => child.kill('SIGTERM'));
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGTERM' ? 0 : 70)));
  }).finally(stop);
  if (exitCode !== 0) throw new ChildExit(role, exitCode);
}

export function processCommands(program: Command, runner: Runner): void {
  const group = program.command('process').description('processes of the cluster');

  group
    .command('start')
    .description('run a process in the foreground, configured by --conf, -D and the environment')
    .addArgument(new Argument('<role>', 'which process').choices(ROLES))
    .addHelpText(
      'after',
      examples(
        'alluxio process start coordinator --conf /opt/alluxio/conf',
        'alluxio process start worker -Dalluxio.etcd.endpoints=http://127.0.0.1:2379 -Dalluxio.worker.page.store.dirs=/cache',
      ),
    )
    .action(runner((context, [role]) => runProcess(context, role!)));

  group
    .command('remove-worker')
    .description('forget a worker that is offline; its part of a static ring goes to the others')
    .requiredOption('-n, --worker <uuid>', 'id as info nodes shows it')
    .addHelpText('after', examples('alluxio process remove-worker -n worker-7f3c0a52-3b7e-4d0c-9a54-0c9e6a2f8e11'))
    .action(
      runner(async (context, _args, flags: { worker: string }) => {
        const uuid = flags.worker.replace(/^worker-/, '');
        await coordinatorOf(context).removeWorker(uuid);
        print(context, { removed: `worker-${uuid}` }, () => `Removed worker-${uuid}\n`);
      }),
    );
}
