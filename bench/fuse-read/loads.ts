// The loads: fio for bandwidth and operations per second, small-reader for small files.
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nativeProgram } from '../native-program.ts';
import { BIG_BYTES, SMALL_FILES } from './data.ts';
import type { Subject } from './stage.ts';

export interface Load {
  readonly name: string;
  readonly unit: 'GiB/s' | 'IOPS' | 'files/s';
  /** Share of the ceiling to reach. */
  readonly goal: number;
  /** Of our own co-located figure, for another worker over TCP; undefined: not measured. */
  readonly remoteGoal?: number;
  run(subject: Subject): Promise<number>;
}

const GIB = 2 ** 30;
const RANDOM_TIME = '1000ms';
const exec = promisify(execFile);

interface FioReport {
  readonly jobs: readonly { readonly read: { readonly bw_bytes: number; readonly iops: number; readonly total_err?: number }; readonly error: number }[];
}

async function fio(subject: Subject, options: readonly string[], cpu?: number): Promise<FioReport['jobs'][number]['read']> {
  const args = [
    '--name=x',
    `--filename=${join(subject.directory, 'big')}`,
    '--readonly',
    '--thread',
    '--ioengine=psync',
    '--group_reporting',
    '--output-format=json',
    '--invalidate=1',
    ...options,
  ];
  const [command, all] = cpu === undefined ? ['fio', args] : ['taskset', ['-c', String(cpu), 'fio', ...args]];
  const { stdout } = await exec(command, all, { maxBuffer: 1 << 24 });
  const [job] = (JSON.parse(stdout.slice(stdout.indexOf('{'))) as FioReport).jobs;
  if (job === undefined || job.error !== 0) throw new Error(`fio reports error ${String(job?.error)} on ${subject.name}`);
  return job.read;
}

function sequential(jobs: number, isDirect: boolean): Load['run'] {
  const part = BIG_BYTES / jobs;
  const options = ['--rw=read', '--bs=1M', `--direct=${isDirect ? 1 : 0}`, `--numjobs=${jobs}`, `--size=${part}`, `--offset_increment=${part}`];
  return async (subject) => (await fio(subject, options)).bw_bytes / GIB;
}

function random(threads: number, pinnedCpu?: number): Load['run'] {
  const options = ['--rw=randread', '--bs=4k', '--direct=1', '--norandommap', `--numjobs=${threads}`, `--size=${BIG_BYTES}`, '--time_based', `--runtime=${RANDOM_TIME}`];
  return async (subject) => {
    if (pinnedCpu !== undefined) pin(subject.pid, String(pinnedCpu));
    try {
      return (await fio(subject, options, pinnedCpu)).iops;
    } finally {
      if (pinnedCpu !== undefined) pin(subject.pid, ALL_CPUS);
    }
  };
}

const ALL_CPUS = '0-1023';
/** All threads of the process. */
const pin = (pid: number, cpus: string): void => void execFileSync('taskset', ['-a', '-c', '-p', cpus, String(pid)], { stdio: 'ignore' });

const smallWarm: Load['run'] = async (subject) => {
  const program = nativeProgram('small-reader');
  const args = [join(subject.directory, 'small'), String(SMALL_FILES)];
  await exec(program, args);
  return Number((await exec(program, args)).stdout);
};

export const LOADS: readonly Load[] = [
  { name: 'sequential cached, 1 job', unit: 'GiB/s', goal: 0.95, remoteGoal: 0.6, run: sequential(1, false) },
  { name: 'sequential O_DIRECT, 1 job', unit: 'GiB/s', goal: 0.95, remoteGoal: 0.35, run: sequential(1, true) },
  { name: 'sequential cached, 4 jobs', unit: 'GiB/s', goal: 1, run: sequential(4, false) },
  { name: 'sequential O_DIRECT, 4 jobs', unit: 'GiB/s', goal: 1, run: sequential(4, true) },
  { name: 'random 4 KiB, queue depth 1, client and daemon pinned', unit: 'IOPS', goal: 0.7, run: random(1, 0) },
  // Pinned to one processor the daemon's socket would pay for a wake-up on the other one with each read, which the co-located figure does not have.
  { name: 'random 4 KiB, queue depth 1', unit: 'IOPS', goal: 0.7, remoteGoal: 0.5, run: random(1) },
  { name: 'random 4 KiB, 16 threads', unit: 'IOPS', goal: 1, remoteGoal: 0.4, run: random(16) },
  { name: '10,000 files of 16 KiB, warm', unit: 'files/s', goal: 0.85, run: smallWarm },
];
