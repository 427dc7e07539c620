// Door for winston: JSON lines with constant messages; everything variable is a field. One root logger per process, a child per component.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createLogger as createWinston, format, type Logger as Winston, transports } from 'winston';
import { isCacheError } from '../errors/index.ts';
import { errorFields } from './error-fields.ts';
import { redactText, redactValue } from './redactor.ts';

export { errorFields, type ErrorFields } from './error-fields.ts';
export { errorLine } from './error-line.ts';
export { isSecretField, redactText, redactValue } from './redactor.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
/** workerId, requestId, mountPath, path, pageIndex, ringVersion, ufsUri, errorCode, source, durationMs …; `error` takes anything thrown. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  /** A logger that adds fields to every line; it shares the level. */
  child(fields: LogFields): Logger;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Logs a failure at the level of its code in the error table. */
  failure(message: string, error: unknown, fields?: LogFields): void;
  /** Guard for debug lines on busy paths: their fields are built only when somebody reads them. */
  readonly isDebugEnabled: boolean;
  level: LogLevel;
  /** Resolves when what was logged is written. */
  close(): Promise<void>;
}

export interface LoggerOptions {
  /** worker, coordinator, fuse, cli … */
  readonly component: string;
  /** Default info. */
  readonly level?: LogLevel;
  readonly fields?: LogFields;
  /** Appended to, rotated at 64 MiB, five files kept. Default: standard error. */
  readonly file?: string;
  /** For tests: takes the lines instead of file and standard error. */
  readonly sink?: (line: string) => void;
}

const FILE_BYTES_MAX = 64 * 1024 * 1024;
const FILES_MAX = 5;
const SEVERITY: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

function line(fields: LogFields): string {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Error || name === 'error') {
      shown[name] = errorFields(value);
      if (isCacheError(value)) shown['errorCode'] ??= value.code;
    } else if (value !== undefined) shown[name] = redactValue(name, value);
  }
  return JSON.stringify(shown);
}

class ProcessLogger implements Logger {
  readonly #winston: Winston | undefined;
  readonly #sink: (level: LogLevel, text: string) => void;
  readonly #fields: LogFields;
  /** One object for all children, so that a change of level reaches them. */
  readonly #shared: { level: LogLevel };

  constructor(parts: { winston: Winston | undefined; sink: (level: LogLevel, text: string) => void; fields: LogFields; shared: { level: LogLevel } }) {
    this.#winston = parts.winston;
    this.#sink = parts.sink;
    this.#fields = parts.fields;
    this.#shared = parts.shared;
  }

  get level(): LogLevel {
    return this.#shared.level;
  }
  set level(level: LogLevel) {
    this.#shared.level = level;
  }
  get isDebugEnabled(): boolean {
    return this.#shared.level === 'debug';
  }

  child(fields: LogFields): Logger {
    return new ProcessLogger({ winston: this.#winston, sink: this.#sink, fields: { ...this.#fields, ...fields }, shared: this.#shared });
  }
  debug(message: string, fields?: LogFields): void {
    this.#log('debug', message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields);
  }
  failure(message: string, error: unknown, fields?: LogFields): void {
    this.#log(isCacheError(error) ? error.row.level : 'error', message, { ...fields, error });
  }

  close(): Promise<void> {
    const winston = this.#winston;
    if (winston === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      winston.once('finish', () => resolve());
      winston.end();
    });
  }

  #log(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (SEVERITY[level] > SEVERITY[this.#shared.level]) return;
    this.#sink(level, line({ time: new Date().toISOString(), level, message: redactText(message), ...this.#fields, ...fields }));
  }
}

/** The process's logger; components take children. */
export function createLogger(options: LoggerOptions): Logger {
  const { component, level = 'info', fields = {}, file, sink } = options;
  const shared = { level };
  const own = { component, ...fields };
  if (sink !== undefined) return new ProcessLogger({ winston: undefined, sink: (_, text) => sink(text), fields: own, shared });
  if (file !== undefined) mkdirSync(dirname(file), { recursive: true });
  // Lines arrive finished: winston owns writing and rotation, the level is checked before a line is built.
  const winston = createWinston({
    level: 'debug',
    format: format.printf((entry) => entry.message as string),
    transports: [
      file === undefined
        ? new transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'], forceConsole: false })
        : new transports.File({ filename: file, maxsize: FILE_BYTES_MAX, maxFiles: FILES_MAX, tailable: true }),
    ],
  });
  return new ProcessLogger({ winston, sink: (severity, text) => void winston.log(severity, text), fields: own, shared });
}
