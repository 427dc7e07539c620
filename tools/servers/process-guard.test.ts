import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

it('ends a guarded child when its parent is killed with -9', async () => {
  const script = `
    import { spawn } from 'node:child_process';
    import { guardProcess } from ${JSON.stringify(join(import.meta.dirname, 'process-guard.ts'))};
    const child = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true });
    guardProcess(child.pid);
    process.stdout.write(String(child.pid));
    setInterval(() => {}, 1000);`;
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env['NODE_OPTIONS'];
  const parent = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'], env });
  const [text] = (await once(parent.stdout!, 'data')) as [Buffer];
  const pid = Number(text.toString());
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}, 20_000);
