import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { descriptorCalls } from '../../common/syscall/index.ts';

const canMount = descriptorCalls !== undefined && existsSync('/dev/fuse') && process.getuid?.() === 0;
const suite = canMount ? describe : describe.skip; // mounting a file system takes root and /dev/fuse

suite('a NAS that hangs', () => {
  it('costs its own callers their deadline, and takes neither names nor files of the process away from others', async () => {
    const script = fileURLToPath(new URL('../testing/hung-nas.ts', import.meta.url));
    const { UV_THREADPOOL_SIZE: _, NODE_OPTIONS: __, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', script], { env, timeout: 20_000 });
    expect(JSON.parse(stdout)).toEqual({ outcomes: ['DeadlineExceeded'], address: '127.0.0.1', readsFiles: true });
  });
});
