// How a command ends: one line on stderr with the remedy, and the exit code of the error's row.
import { CommanderError } from 'commander';
import { asCacheError } from '../common/errors/index.ts';
import { errorLine } from '../common/log/index.ts';

const USAGE = 64;

/** @returns the exit code; what commander already printed (usage, help, version) is not repeated */
export function reportFailure(error: unknown, write: (line: string) => void, program = 'alluxio'): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  const failure = asCacheError(error);
  write(`${program}: ${errorLine(failure)}\n`);
  return failure.row.exit;
}
