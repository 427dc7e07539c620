// Turns a command's work into commander's action: builds the context from the shared options, keeps the types of arguments.
import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Configuration, loadConfiguration, SITE_FILE, siteFilesOf } from '../common/config/index.ts';
import { findCluster, readContextFile } from './cluster/context-file.ts';
import type { CommandContext, GlobalOptions, Terminal } from './command-context.ts';

export type Work<Flags> = (context: CommandContext, args: readonly string[], flags: Flags) => Promise<void> | void;
/** Wraps a command's work for `.action(…)`. */
export type Runner = <Flags = Record<string, unknown>>(work: Work<Flags>) => (...received: unknown[]) => Promise<void>;

/** Text below the options in --help. */
export const examples = (...lines: readonly string[]): string => `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;

function contextOf(terminal: Terminal, options: GlobalOptions): CommandContext {
  // Named by hand, else that of the cluster in the context file: its keys are needed to read files.
  const named = options.conf ?? terminal.env['ALLUXIO_CONF_DIR'];
  const confDir = named ?? contextConfDir(terminal, options);
  let config: Configuration | undefined;
  const context: CommandContext = {
    terminal,
    options,
    get config() {
      return (config ??= loadConfiguration({ siteFiles: siteFilesOf(confDir), overrides: options.define, env: terminal.env }));
    },
    cluster: () => findCluster({ flag: options.coordinator, confDir, env: terminal.env, config: context.config }),
  };
  return context;
}

function contextConfDir(terminal: Terminal, options: GlobalOptions): string | undefined {
  const context = readContextFile(terminal.env);
  if (context?.confDir === undefined || !existsSync(join(context.confDir, SITE_FILE))) return undefined;
  const elsewhere = options.coordinator ?? terminal.env['ALLUXIO_COORDINATOR'];
  return elsewhere === undefined || context.coordinator.endsWith(elsewhere.replace(/^https?:\/\//, '')) ? context.confDir : undefined;
}

export const runnerFor =
  (terminal: Terminal): Runner =>
  (work) =>
  async (...received) => {
    // commander passes the arguments, then the options, then the command.
    const command = received.at(-1) as Command;
    const flags = received.at(-2) as never;
    const args = received.slice(0, -2).flat() as string[];
    const options = command.optsWithGlobals<Partial<GlobalOptions>>();
    await work(contextOf(terminal, { ...options, output: options.output ?? 'table', define: options.define ?? [] }), args, flags);
  };
