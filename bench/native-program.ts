// C programs of bench/ceiling: compiled when their source is newer than what was built, run by the benches as ceilings or as parts of the stage.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** Builds bench/ceiling/NAME.c. @returns the executable. @throws with the package to install when there is no C compiler */
export function nativeProgram(name: string, flags: readonly string[] = []): string {
  const source = join(ROOT, 'bench/ceiling', `${name}.c`);
  const digest = createHash('sha256').update(readFileSync(source)).update(flags.join('\0')).digest('hex').slice(0, 16);
  const directory = join(ROOT, '.cache/bench');
  const executable = join(directory, `${name}-${digest}`);
  if (existsSync(executable)) return executable;
  mkdirSync(directory, { recursive: true });
  const draft = `${executable}.${process.pid}`;
  try {
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-pthread', '-o', draft, source, ...flags], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error('A C compiler is missing: apt-get install gcc libc6-dev', { cause: error });
    throw new Error(`${source} does not compile:\n${(error as { stderr?: string }).stderr ?? ''}`, { cause: error });
  }
  renameSync(draft, executable);
  return executable;
}
