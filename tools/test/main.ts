// Runs a suite and ends with `N passed, N failed, N skipped` alone on a line. `node tools/test/main.ts test|e2e|soak [jest arguments]`.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checks, prepare } from './prepare.ts';
import { SUITES, type SuiteName } from './suites.ts';

interface Sums {
  passed: number;
  failed: number;
  skipped: number;
}
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

const root = join(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'alluxio-ts-test-'));
const suiteName = process.argv[2] as SuiteName;
const suite = SUITES[suiteName];
if (suite === undefined) {
  console.error(`usage: node tools/test/main.ts ${Object.keys(SUITES).join('|')} [jest arguments]`);
  process.exit(64);
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

async function runJest(args: readonly string[], index: number, env: Readonly<Record<string, string>>): Promise<Sums> {
  const report = join(scratch, `report-${index}.json`);
  const code = await run(
    process.execPath,
    ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js', '--json', `--outputFile=${report}`, ...args],
    {
      NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
      ...env,
    },
  );
  try {
    const result = JSON.parse(readFileSync(report, 'utf8')) as JestReport;
    const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
    return { passed: result.numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed, skipped: result.numPendingTests + result.numTodoTests };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }; // jest itself died
  }
}

const sums: Sums = { passed: 0, failed: 0, skipped: 0 };
const add = (part: Sums): void => {
  sums.passed += part.passed;
  sums.failed += part.failed;
  sums.skipped += part.skipped;
};
const startedAt = Date.now();
const extra = process.argv.slice(3);

for (const [name, command] of suite.checks ? checks() : []) {
  const begin = Date.now();
  const code = await run(process.execPath, command);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  add({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 });
}
await prepare(suite.needs);
for (const [index, args] of suite.jest.entries()) {
  console.log(`\n${suiteName}: jest ${args.join(' ')}`);
  add(await runJest([...args, ...extra], index, suite.env ?? {}));
}
for (const [name, command] of suite.programs ?? []) {
  console.log(`\n${suiteName}: ${name}`);
  const code = await run(process.execPath, command);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name}`);
  add({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 });
}
rmSync(scratch, { recursive: true, force: true });
console.log(`\n${suiteName} took ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
console.log(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped`);
process.exit(sums.failed > 0 || sums.passed === 0 ? 1 : 0);
