// Which cluster a command talks to: --coordinator, ALLUXIO_COORDINATOR, the site file's alluxio.coordinator.address, or the context file that local mode writes.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Configuration, Property } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';

export interface ClusterContext {
  /** `http://host:port`, no closing slash. */
  readonly coordinator: string;
  /** Directory of the cluster's site file, which names the session key; undefined: properties given otherwise. */
  readonly confDir?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `ALLUXIO_CONTEXT`, else ~/.alluxio-ts/context.json. */
export const contextFilePath = (env: Environment): string => env['ALLUXIO_CONTEXT'] ?? join(env['HOME'] ?? '.', '.alluxio-ts', 'context.json');

export function readContextFile(env: Environment): ClusterContext | undefined {
  const file = contextFilePath(env);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined; // no context: other sources may name the cluster
  }
  try {
    const parsed = JSON.parse(text) as Partial<ClusterContext>;
    if (typeof parsed.coordinator === 'string') return { coordinator: coordinatorUrl(parsed.coordinator), ...(parsed.confDir === undefined ? {} : { confDir: parsed.confDir }) };
  } catch {
    // told below with the remedy
  }
  throw new CacheError('InvalidConfiguration', `The context file ${file} is damaged.`, {
    source: 'caller',
    context: { file, remedy: 'Delete it, or run alluxio local start again.' },
  });
}

/** Written whole or not at all: another command may read it meanwhile. */
export function writeContextFile(env: Environment, context: ClusterContext): void {
  const file = contextFilePath(env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(context)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
}

/** Removes the file when it still names this coordinator. */
export function removeContextFile(env: Environment, coordinator: string): void {
  try {
    if (readContextFile(env)?.coordinator === coordinator) rmSync(contextFilePath(env), { force: true });
  } catch {
    // damaged: somebody else's business
  }
}

/** `host:port` and URLs alike become `http://host:port`. */
export function coordinatorUrl(text: string): string {
  const url = URL.parse(/^https?:\/\//.test(text) ? text : `http://${text}`);
  if (url === null || url.hostname === '') {
    throw new CacheError('InvalidArgument', `'${text}' is not the address of a coordinator.`, {
      source: 'caller',
      context: { field: 'coordinator', remedy: 'Write host:port, for example 127.0.0.1:19999.' },
    });
  }
  return url.origin;
}

export interface ContextSources {
  readonly flag: string | undefined;
  readonly confDir: string | undefined;
  readonly env: Environment;
  readonly config: Configuration;
}

/** @throws InvalidArgument when nothing names a cluster */
export function findCluster({ flag, confDir, env, config }: ContextSources): ClusterContext {
  const own = confDir === undefined ? {} : { confDir };
  const named = flag ?? env['ALLUXIO_COORDINATOR'] ?? config.get(Property.coordinatorAddress);
  if (named !== undefined && named !== '') {
    const coordinator = coordinatorUrl(named);
    const context = confDir === undefined ? readContextFile(env) : undefined;
    // The context's keys belong to its own cluster only.
    return context?.coordinator === coordinator ? context : { coordinator, ...own };
  }
  const context = readContextFile(env);
  if (context !== undefined) return { ...context, ...own };
  throw new CacheError('InvalidArgument', 'No cluster is named.', {
    source: 'caller',
    context: { field: 'coordinator', remedy: 'Pass --coordinator host:19999, set ALLUXIO_COORDINATOR, or start one with: alluxio local start' },
  });
}
