// The two servers of the data-plane bench, and connections to them that the C client inherits.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { descriptorCalls, inetAddress, socketCalls } from '../../common/syscall/index.ts';
import { ClientHello, helloLength } from '../../proto/frames/index.ts';
import type { Cleanup } from '../cleanup.ts';
import { nativeProgram } from '../native-program.ts';

const TICKS_PER_SECOND = 100;
const MSG_WAITALL = 0x100;

export interface Server {
  readonly pid: number;
  readonly port: number;
  /** The C server has no sessions. */
  readonly needsHello: boolean;
}
export interface ServedFile {
  readonly fileId: string;
  readonly fileBytes: number;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! });
  return await new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`a server of the bench ended with ${code}`)));
  });
}

function start(cleanup: Cleanup, command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  cleanup.add(async () => {
    if (child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin!.end();
    await ended;
  });
  return child;
}

/** Ours, in a process of its own, and the file that it serves. */
export async function startOurs(cleanup: Cleanup, options: { readonly directory: string; readonly threads: number; readonly pages: number }): Promise<Server & ServedFile> {
  const script = fileURLToPath(new URL('./served-store.ts', import.meta.url));
  const child = start(cleanup, process.execPath, [script, options.directory, String(options.threads), String(options.pages)]);
  const { port, fileId, fileBytes } = JSON.parse(await firstLine(child)) as ServedFile & { port: number };
  return { pid: child.pid!, port, needsHello: true, fileId, fileBytes };
}

/** The C server on the very page file that ours serves. */
export async function startCeiling(cleanup: Cleanup, directory: string, fileBytes: number): Promise<Server> {
  const pageFile = globSync(join(directory, 'pages/**/*')).find((path) => statSync(path).isFile() && statSync(path).size === fileBytes);
  if (pageFile === undefined) throw new Error('the page file of the bench is missing');
  const child = start(cleanup, nativeProgram('data-server'), [pageFile]);
  return { pid: child.pid!, port: Number(await firstLine(child)), needsHello: false };
}

/** Connects and, where the server wants it, says hello. @returns descriptors in blocking mode, to be closed by the caller */
export function connectTo(server: Server, count: number): number[] {
  return Array.from({ length: count }, () => {
    const address = inetAddress('127.0.0.1', server.port)!;
    const fd = socketCalls!.open(address);
    if (socketCalls!.connect(fd, address) < 0) throw new Error('a server of the bench takes no connection');
    if (server.needsHello) greet(fd);
    return fd;
  });
}

function greet(fd: number): void {
  const hello = new ClientHello({ keys: { clusterUid: 'bench', dataPlaneKey: Buffer.alloc(32, 1) }, role: 'cli', identity: 'cli/bench' });
  for (let message: Buffer | undefined = hello.first; message !== undefined; ) {
    socketCalls!.send(fd, message, message.length, 0);
    const length = Buffer.alloc(4);
    socketCalls!.recv(fd, length, 4, MSG_WAITALL);
    const body = Buffer.alloc(helloLength(length));
    socketCalls!.recv(fd, body, body.length, MSG_WAITALL);
    message = hello.answer(body);
  }
}

export interface Load {
  readonly file: ServedFile;
  readonly descriptors: readonly number[];
  readonly readBytes: number;
  readonly milliseconds: number;
}
export interface LoadResult {
  readonly seconds: number;
  readonly bytes: number;
  readonly requests: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of the server meanwhile. */
  readonly cpuSeconds: number;
}

let lastFirstId = 0;

/** Runs the C client on the connections. */
export async function load(server: Server, { file, descriptors, readBytes, milliseconds }: Load): Promise<LoadResult> {
  const before = cpuSeconds(server.pid);
  lastFirstId += 1e9;
  const args = [descriptors.length, readBytes, file.fileBytes, file.fileId, milliseconds, lastFirstId].map(String);
  const child = spawn(nativeProgram('data-client'), args, { stdio: ['ignore', 'pipe', 'inherit', ...descriptors] });
  const result = JSON.parse(await firstLine(child)) as Omit<LoadResult, 'cpuSeconds'>;
  if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
  return { ...result, cpuSeconds: cpuSeconds(server.pid) - before };
}

export function closeAll(descriptors: readonly number[]): void {
  for (const fd of descriptors)
    if (descriptorCalls === undefined) closeSync(fd);
    else descriptorCalls.close(fd);
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export const threadsOf = (pid: number): number => Number(/Threads:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
