// The frame of every process (coordinator, worker, fuse): configuration from --conf, -D and the environment, logger, metrics, the ready line, signals, exit codes.
// main.ts calls `runProcess` with the global `process`; everything inside is handed what it needs and never exits by itself.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Configuration, loadConfiguration, Property, SITE_FILE, siteFilesOf } from '../config/index.ts';
import { asCacheError, CacheError } from '../errors/index.ts';
import { createLogger, errorLine, type Logger } from '../log/index.ts';
import { createMetrics, type MetricsRegistry } from '../metrics/index.ts';

export type ProcessRole = 'coordinator' | 'worker' | 'fuse';

export interface ProcessContext {
  readonly role: ProcessRole;
  readonly config: Configuration;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  /** Of package.json. */
  readonly version: string;
  /** Aborts when the process is asked to stop, also while it starts. */
  readonly signal: AbortSignal;
  /** Reports an error that the process cannot live with: it stops as after SIGTERM, and ends with the error's exit code. */
  fail(error: unknown): void;
}

export interface RunningProcess {
  readonly ports: Readonly<Record<string, number>>;
  /** Further fields of the ready line. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Leaves, finishes requests and closes within `timeoutMs`; what takes longer is cut off by the frame. */
  stop(timeoutMs: number): Promise<void>;
}

/** What of the global `process` the frame uses. */
export type ProcessHost = Pick<NodeJS.Process, 'argv' | 'env' | 'stdout' | 'stderr' | 'on' | 'exit'>;

const SYSTEM_CONF_DIR = '/opt/alluxio/conf';
/** On top of the configured time: closing files and sockets. */
const CLOSE_GRACE_MS = 2000;

interface Arguments {
  readonly conf: string | undefined;
  readonly define: readonly string[];
}

function parseArguments(argv: readonly string[]): Arguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { conf: { type: 'string' }, define: { type: 'string', short: 'D', multiple: true } },
      allowPositionals: false,
    });
    return { conf: values.conf, define: values.define ?? [] };
  } catch (error) {
    throw new CacheError('InvalidArgument', (error as Error).message.split('\n')[0]!, {
      source: 'caller',
      context: { remedy: 'Arguments are --conf DIRECTORY and -Dname=value.' },
      cause: error,
    });
  }
}

/** Named by somebody, or the system's where that exists. */
const siteFiles = (conf: string | undefined): string[] => (conf === undefined && !existsSync(join(SYSTEM_CONF_DIR, SITE_FILE)) ? [] : siteFilesOf(conf ?? SYSTEM_CONF_DIR));

/** @throws InvalidArgument, InvalidConfiguration naming every problem */
export function processConfiguration(host: Pick<ProcessHost, 'argv' | 'env'>): Configuration {
  const { conf, define } = parseArguments(host.argv.slice(2));
  return loadConfiguration({ siteFiles: siteFiles(conf ?? host.env['ALLUXIO_CONF_DIR']), overrides: define, env: host.env });
}

const packageVersion = (): string => (JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string }).version;

function loggerOf(role: ProcessRole, config: Configuration): Logger {
  const directory = config.get(Property.logsDir);
  const logger = createLogger({ component: role, level: config.get(Property.logLevel) as 'info', ...(directory === undefined ? {} : { file: join(directory, `${role}.log`) }) });
  for (const warning of config.warnings) logger.warn('The configuration has an oddity', { detail: warning });
  return logger;
}

/** Asked to stop: by a signal (exit code 0) or by an error that it cannot live with. */
interface StopRequest {
  readonly error?: unknown;
}

/**
 * Runs a process until a signal or a failure ends it. `start` builds everything and resolves when it serves; what it built it must take down by itself when it throws.
 * Ends with 0 after SIGTERM or SIGINT, else with the exit code of the error's row and one line on stderr.
 */
export async function runProcess(role: ProcessRole, host: ProcessHost, start: (context: ProcessContext) => Promise<RunningProcess>): Promise<void> {
  const stopping = new AbortController();
  let request: ((value: StopRequest) => void) | undefined;
  const stopRequested = new Promise<StopRequest>((resolve) => (request = resolve));
  const ask = (value: StopRequest): void => {
    request!(value);
    stopping.abort(new CacheError('Cancelled', 'The process is stopping.'));
  };
  let signals = 0;
  const onSignal = (): void => {
    if (++signals > 2) host.exit(130); // somebody is impatient
    ask({});
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) host.on(signal, onSignal);
  let logger: Logger | undefined;
  let exitCode = 0;
  const complain = (error: unknown): void => {
    const failure = asCacheError(error);
    exitCode = failure.row.exit;
    logger?.failure('The process ends with an error', failure);
    host.stderr.write(`alluxio ${role}: ${errorLine(failure)}\n`);
  };
  const broken = (error: unknown): void => ask({ error });
  host.on('uncaughtException', broken);
  host.on('unhandledRejection', broken);
  try {
    const config = processConfiguration(host);
    logger = loggerOf(role, config);
    const context: ProcessContext = { role, config, logger, metrics: createMetrics(), version: packageVersion(), signal: stopping.signal, fail: broken };
    const running = await start(context);
    host.stdout.write(`${JSON.stringify({ ready: true, role, ports: running.ports, ...running.details })}\n`);
    logger.info('Serving', { ports: running.ports, version: context.version });
    const asked = await stopRequested;
    if (asked.error !== undefined) complain(asked.error);
    const timeoutMs = config.get(Property.shutdownTimeout);
    logger.info('Stopping', { timeoutMs });
    // Whatever holds it up, the process ends: a stopped kernel, a reader that never reads.
    setTimeout(() => host.exit(exitCode), timeoutMs + CLOSE_GRACE_MS).unref();
    await running.stop(timeoutMs);
    logger.info('Stopped');
  } catch (error) {
    if (!(stopping.signal.aborted && signals > 0)) complain(error);
  }
  await logger?.close();
  host.exit(exitCode);
}
