import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CacheError } from '../common/errors/index.ts';
import { errorLine } from '../common/log/index.ts';
import { buildProgram } from './program.ts';
import { runCommand } from './testing/captured-terminal.ts';

let home = '';
let server: Server;
let url = '';
/** What the scripted coordinator answers, and what it was asked. */
let answers: Record<string, { status: number; body: unknown }> = {};
let asked: string[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'alluxio-cli-'));
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push(`${request.method} ${request.url}${body === '' ? '' : ` ${body}`}`);
      const answer = answers[`${request.method} ${request.url?.split('?')[0]}`] ?? { status: 404, body: 'not here' };
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(home, { recursive: true });
});
beforeEach(() => {
  answers = {};
  asked = [];
});

const run = (...args: string[]) => runCommand(args, { HOME: home });
const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];

describe('usage', () => {
  const terminal = { out: { write: () => true }, err: { write: () => true }, env: {}, signal: new AbortController().signal, root: '/', node: 'node' };
  const leaves = everyCommand(buildProgram(terminal, '0')).filter((command) => command.commands.length === 0);

  it('has every command of the reference that this build has', () => {
    const names = leaves.map((command) => `${command.parent?.name()} ${command.name()}`);
    for (const group of [
      'mount add|list|remove',
      'info nodes|version|ring',
      'fs ls|stat|cat|cp|head|tail|check-cached|location|explain',
      'process start|remove-worker',
      'conf get',
      'local start|status|stop',
    ]) {
      const [noun, verbs] = group.split(' ') as [string, string];
      for (const verb of verbs.split('|')) expect(names).toContain(`${noun} ${verb}`);
    }
  });

  it('every command explains itself with examples', async () => {
    for (const command of leaves) {
      const { out, exitCode } = await run(command.parent!.name(), command.name(), '--help');
      expect([exitCode, out]).toEqual([0, expect.stringContaining('Examples:\n  alluxio')]);
    }
  });

  it.each([
    [['fs', 'sl', '/'], "unknown command 'sl'"],
    [['mount', 'add', '--path', '/a'], '--ufs-uri'],
    [['mount', 'list', '-o', 'xml'], 'xml'],
    [['process', 'start', 'master'], 'coordinator, worker, fuse'],
    [['mount', 'add', '--path', '/a', '--ufs-uri', 's3://b', '--option', 'x'], 'not written name=value'],
    [['local', 'start', '--workers', '0'], 'from 1 to 64'],
    [['fs', 'head', '/a', '-c', 'x'], 'not a number of bytes'],
  ])('%j is refused in one line with exit code 64', async (args, text) => {
    const { out, err, exitCode } = await run(...args);
    expect([out, exitCode, err.trimEnd().split('\n').length]).toEqual(['', 64, 1]);
    expect(err).toMatch(/^alluxio: /);
    expect(err).toContain(text);
  });
});

describe('finding the cluster', () => {
  const mounts = { status: 200, body: { mounts: [] } };
  it('goes by flag, then ALLUXIO_COORDINATOR, then the context file', async () => {
    answers['GET /api/v1/mounts'] = mounts;
    const dead = 'http://127.0.0.1:9';
    expect((await runCommand(['mount', 'list', '--coordinator', url], { HOME: home, ALLUXIO_COORDINATOR: dead })).exitCode).toBe(0);
    expect((await runCommand(['mount', 'list'], { HOME: home, ALLUXIO_COORDINATOR: url.replace('http://', '') })).exitCode).toBe(0);
    mkdirSync(join(home, '.alluxio-ts'), { recursive: true });
    writeFileSync(join(home, '.alluxio-ts', 'context.json'), JSON.stringify({ coordinator: url }));
    expect((await run('mount', 'list')).exitCode).toBe(0);
    rmSync(join(home, '.alluxio-ts', 'context.json'));
    expect(asked).toHaveLength(3);
  });

  it('without any of them says how to name one', async () => {
    const { err, exitCode } = await run('mount', 'list');
    expect([exitCode, err]).toEqual([64, expect.stringContaining('alluxio local start')]);
  });

  it('a damaged context file is named', async () => {
    const file = join(home, 'context');
    writeFileSync(file, '{');
    expect(await runCommand(['mount', 'list'], { ALLUXIO_CONTEXT: file })).toMatchObject({ exitCode: 78, err: expect.stringContaining(`${file} is damaged`) });
  });

  it('a coordinator that does not answer is named with the remedy and exit code 69', async () => {
    const { err, exitCode } = await run('info', 'nodes', '--coordinator', '127.0.0.1:9');
    expect([exitCode, err]).toEqual([69, expect.stringMatching(/^alluxio: The coordinator at http:\/\/127.0.0.1:9 does not answer.*\(.*--coordinator.*\)\n$/)]);
  });
});

describe('mounts', () => {
  it('add sends path, URI and options', async () => {
    answers['POST /api/v1/mounts'] = { status: 200, body: {} };
    const { out } = await run('mount', 'add', '--coordinator', url, '--path', '/d', '--ufs-uri', 's3://b/p', '--option', 's3a.secretKey=x=y', '--option', 'a=b');
    expect(asked).toEqual(['POST /api/v1/mounts {"mountPath":"/d","ufsUri":"s3://b/p","options":{"s3a.secretKey":"x=y","a":"b"}}']);
    expect(out).toBe('Mounted s3://b/p at /d\n');
  });

  it('a refusal of the coordinator keeps its code, message and remedy', async () => {
    answers['POST /api/v1/mounts'] = { status: 409, body: { code: 'AlreadyExists', message: 'Mount /d has the path of /d.', context: { remedy: 'Choose another path.' } } };
    const result = await run('mount', 'add', '--coordinator', url, '--path', '/d', '--ufs-uri', 's3://b/p');
    expect(result).toEqual({ out: '', err: 'alluxio: Mount /d has the path of /d (Choose another path.)\n', exitCode: 73 });
  });

  it('list prints a table or JSON and never a secret in the table', async () => {
    answers['GET /api/v1/mounts'] = {
      status: 200,
      body: { mounts: [{ mountPath: '/d', ufsUri: 's3://b/p', options: { 's3a.secretKey': 'hunter2', region: 'x' }, sealedOptions: 'AAAA', generation: 1, owner: 'cli' }] },
    };
    const table = await run('mount', 'list', '--coordinator', url);
    expect(table.out).toMatch(/PATH +UFS +OPTIONS +OWNER\n\/d +s3:\/\/b\/p +s3a.secretKey=\*{6} region=x +cli\n/);
    expect(table.out).not.toContain('hunter2');
    const json = await run('mount', 'list', '--coordinator', url, '-o', 'json');
    expect(JSON.parse(json.out)).toEqual([{ mountPath: '/d', ufsUri: 's3://b/p', options: expect.anything(), owner: 'cli' }]);
  });

  it('an answer of something that is no coordinator is told as such', async () => {
    expect(await run('mount', 'remove', '--path', '/d', '--coordinator', url)).toMatchObject({ exitCode: 70, err: expect.stringContaining('status 404') });
  });
});

describe('conf get', () => {
  it('prints a value alone, or with its source', async () => {
    expect((await run('conf', 'get', 'alluxio.worker.page.store.page.size')).out).toBe('4MB\n');
    expect((await run('-Dalluxio.cluster.name=x', 'conf', 'get', 'alluxio.cluster.name', '--source')).out).toBe('x\tcommand line\n');
  });
  it('lists what is set with its source, secrets masked', async () => {
    writeFileSync(join(home, 'alluxio-site.properties'), 'alluxio.cluster.name=site\ns3a.secretKey=hunter2\n');
    const { out } = await runCommand(['conf', 'get', '--set-only', '-o', 'json', '--conf', home], { HOME: home, ALLUXIO_WORKER_HOSTNAME: 'h' });
    expect(JSON.parse(out)).toEqual([
      { name: 'alluxio.cluster.name', value: 'site', source: `${home}/alluxio-site.properties:1`, isDefault: false },
      { name: 'alluxio.worker.hostname', value: 'h', source: 'environment ALLUXIO_WORKER_HOSTNAME', isDefault: false },
      { name: 's3a.secretKey', value: '******', source: `${home}/alluxio-site.properties:2`, isDefault: false },
    ]);
  });
  it('suggests the nearest name for one that does not exist', async () => {
    expect(await run('conf', 'get', 'alluxio.cluster.nmae')).toMatchObject({ exitCode: 64, err: expect.stringContaining('Did you mean alluxio.cluster.name?') });
  });
  it('a broken site file is told with file and line', async () => {
    writeFileSync(join(home, 'alluxio-site.properties'), '\nalluxio.worker.rpc.port=x\n');
    expect(await run('conf', 'get', '--conf', home)).toMatchObject({ exitCode: 78, err: expect.stringContaining('alluxio-site.properties:2) must be a port number') });
    rmSync(join(home, 'alluxio-site.properties'));
    expect(await run('conf', 'get', '--conf', home)).toMatchObject({ exitCode: 78, err: expect.stringContaining('There is no alluxio-site.properties in') });
  });
});

describe('errors', () => {
  it('are one line without secrets, with the innermost cause where the message does not say it', () => {
    const cause = new Error('fetch failed', { cause: new Error('connect ECONNREFUSED\n127.0.0.1:1 secretKey=hunter2') });
    const line = errorLine(new CacheError('UfsUnavailable', 'The UFS did not answer.', { cause, context: { remedy: 'Try again.' } }));
    expect(line).toBe('The UFS did not answer: connect ECONNREFUSED 127.0.0.1:1 secretKey=****** (Try again.)');
  });
});
