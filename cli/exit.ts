// How a command ends: one line on stderr with the remedy, and the exit code of the error's row.
import { CommanderError } from 'commander';
import { asCacheError, type CacheError } from '../common/errors/index.ts';
import { redactText } from '../common/log/index.ts';

const USAGE = 64;

/** One line: message, the innermost cause when it says more, remedy. */
export function errorLine(error: CacheError): string {
  const remedy = error.context['remedy'];
  const cause = error.code === 'Internal' || error.code.endsWith('Unavailable') ? innermostMessage(error) : undefined;
  const because = cause === undefined || error.message.includes(cause) ? '' : `: ${cause}`;
  return redactText(`${error.message.replace(/\.$/, '')}${because}${remedy === undefined ? '' : ` (${String(remedy)})`}`).replace(/\s*\n\s*/g, ' ');
}

function innermostMessage(error: Error): string | undefined {
  let cause: unknown = error.cause;
  let message: string | undefined;
  for (let depth = 0; cause instanceof Error && depth < 8; depth++) {
    if (cause.message !== '') message = cause.message;
    cause = cause.cause;
  }
  return message;
}

/** @returns the exit code; what commander already printed (usage, help, version) is not repeated */
export function reportFailure(error: unknown, write: (line: string) => void, program = 'alluxio'): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  const failure = asCacheError(error);
  write(`${program}: ${errorLine(failure)}\n`);
  return failure.row.exit;
}
