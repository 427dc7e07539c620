// Ends a child when its parent dies, however it does: exit handlers run neither after SIGKILL nor inside jest. A shell waits for the end of a pipe
// that only the parent holds, then kills.
import { spawn } from 'node:child_process';

/** @returns what stops guarding: call it once the child has gone, before its pid can be another's */
export function guardProcess(pid: number): () => void {
  // In a session of its own: Ctrl-C in the terminal must not end the guard before the parent.
  const guard = spawn('sh', ['-c', 'read _; kill -9 "$0"', String(pid)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  return () => void guard.kill('SIGKILL');
}
