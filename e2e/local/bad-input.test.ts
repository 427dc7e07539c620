// What people get wrong: each mistake is one clear line with the remedy and a non-zero exit code, and nothing is half done.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type Bucket, startBucket } from '../harness/bucket.ts';
import { type Cluster, HOST, startCluster } from '../harness/cluster.ts';
import { runToEnd } from '../harness/process.ts';
import { FUSE_AVAILABLE } from '../harness/requirements.ts';
import { scratchDirectory } from '../harness/scratch.ts';

type Role = 'coordinator' | 'worker' | 'fuse';

describe('bad input', () => {
  let bucket: Bucket;
  let cluster: Cluster;
  let scratch: string;
  let taken: Server;
  let takenPort: number;
  const mounted: string[] = [];

  beforeAll(async () => {
    bucket = await startBucket();
    scratch = scratchDirectory('bad-input');
    cluster = await startCluster({ workers: 1, ufs: bucket.ufs, directoriesPerWorker: 1, pageStoreBytes: 64 << 20 });
    taken = createServer().listen(0, HOST);
    await once(taken, 'listening');
    takenPort = (taken.address() as { port: number }).port;
  }, 120_000);
  afterAll(async () => {
    for (const path of mounted) execFileSync('umount', ['-l', path]);
    taken?.close();
    await cluster?.stop();
    await bucket?.close();
  }, 30_000);

  /** Starts a process that must end by itself. @returns its last line on stderr */
  async function refused(role: Role, properties: readonly string[], conf?: string): Promise<string> {
    const args = conf === undefined ? cluster.processArguments(properties) : ['--conf', conf, ...properties.map((text) => `-D${text}`)];
    const { code, stdout, stderr } = await runToEnd(`${role}/main.ts`, args, 20_000);
    expect({ code: typeof code === 'number' && code > 0, stdout, stderr }).toEqual({ code: true, stdout: '', stderr });
    const own = stderr.split('\n').filter((line) => line.startsWith(`alluxio ${role}: `));
    expect({ lines: own.length, stderr }).toEqual({ lines: 1, stderr });
    return own[0]!;
  }
  /** A worker with a new identity and directory, but for what the properties say. */
  function worker(name: string, ...properties: string[]): string[] {
    const directory = join(scratch, name);
    mkdirSync(directory, { recursive: true });
    const own = [
      `alluxio.worker.identity.uuid.file.path=${directory}/worker_identity`,
      `alluxio.worker.page.store.dirs=${directory}/pages`,
      'alluxio.worker.page.store.sizes=64MB',
    ];
    const given = new Set(properties.map((text) => text.slice(0, text.indexOf('='))));
    const store = cluster.workerArguments(0).filter((text) => text.startsWith('alluxio.metadata.'));
    return [...store.filter((text) => !given.has(text.slice(0, text.indexOf('=')))), ...own.filter((text) => !given.has(text.slice(0, text.indexOf('=')))), ...properties];
  }
  const confWith = (name: string, ...lines: string[]): string => {
    const directory = join(scratch, `conf-${name}`);
    mkdirSync(directory);
    writeFileSync(join(directory, 'alluxio-site.properties'), `${readFileSync(join(cluster.confDir, 'alluxio-site.properties'), 'utf8')}${lines.join('\n')}\n`);
    return directory;
  };

  describe('property files', () => {
    it.each([
      [
        'an unknown name is named with the nearest known one',
        'alluxio.worker.page.store.dir=/x',
        /alluxio\.worker\.page\.store\.dir\b.*alluxio-site\.properties:\d+.*alluxio\.worker\.page\.store\.dirs/,
      ],
      ['a malformed value is named with its place', 'alluxio.worker.data.port=many', /alluxio\.worker\.data\.port.*many.*alluxio-site\.properties:\d+/],
      ['a value out of range is named with the range', 'alluxio.worker.page.store.page.size=3MB', /page\.size.*3MB.*power of two/],
      ['a line that is no property is named', 'this is no property', /this.*is no property.*alluxio-site\.properties:\d+/],
    ])('%s', async (_title, line, message) => {
      expect(await refused('worker', worker('site'), confWith(String(line.length), line))).toMatch(message);
    });

    it('all problems are named at once', async () => {
      const line = await refused('coordinator', ['alluxio.coordinator.rpc.port=-1', 'alluxio.cluster.name=a b', 'alluxio.nonsense=1']);
      for (const name of ['alluxio.coordinator.rpc.port', 'alluxio.cluster.name', 'alluxio.nonsense']) expect(line).toContain(name);
    });

    it('a directory without a property file, and an unknown argument', async () => {
      expect(await refused('worker', [], scratch)).toMatch(/no alluxio-site\.properties/);
      const { code, stderr } = await runToEnd('worker/main.ts', ['--config', 'x']);
      expect([code! > 0, stderr]).toEqual([true, expect.stringMatching(/^alluxio worker: .*--config.*\n$/)]);
    });
  });

  describe('page-store directories', () => {
    it('one that cannot be written, and one below a file', async () => {
      expect(await refused('worker', worker('unwritable', 'alluxio.worker.page.store.dirs=/proc/alluxio'))).toMatch(/\/proc\/alluxio/);
      writeFileSync(join(scratch, 'file'), '');
      expect(await refused('worker', worker('below-file', `alluxio.worker.page.store.dirs=${scratch}/file/pages`))).toMatch(/file\/pages/);
    });

    (process.getuid?.() === 0 ? it : it.skip)('one on a full disk', async () => {
      const disk = join(scratch, 'full');
      mkdirSync(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      mounted.push(disk);
      execFileSync('sh', ['-c', `head -c 65536 /dev/zero > ${disk}/filler || true`], { stdio: 'ignore' });
      expect(await refused('worker', worker('full-disk', `alluxio.worker.page.store.dirs=${disk}`))).toMatch(/full|space|size/i);
    });

    it('one of another format version: refused, and left as it was', async () => {
      const pages = join(scratch, 'other-format');
      cpSync(cluster.workers[0]!.pageDirectories[0]!, pages, { recursive: true });
      const stamp = JSON.parse(readFileSync(join(pages, 'stamp.json'), 'utf8')) as Record<string, unknown>;
      const changed = JSON.stringify({ ...stamp, formatVersion: 99 });
      writeFileSync(join(pages, 'stamp.json'), changed);
      expect(await refused('worker', worker('format', `alluxio.worker.page.store.dirs=${pages}`))).toMatch(/format version.*99/);
      expect(readFileSync(join(pages, 'stamp.json'), 'utf8')).toBe(changed);
    });

    it('another worker’s, and one that a running worker uses', async () => {
      const pages = join(scratch, 'other-worker');
      cpSync(cluster.workers[0]!.pageDirectories[0]!, pages, { recursive: true });
      expect(await refused('worker', worker('stranger', `alluxio.worker.page.store.dirs=${pages}`))).toMatch(/another worker|worker/i);
      const used = cluster.workers[0]!;
      expect(
        await refused(
          'worker',
          worker('twin', `alluxio.worker.page.store.dirs=${used.pageDirectories[0]}`, `alluxio.worker.identity.uuid.file.path=${used.directory}/worker_identity`),
        ),
      ).toMatch(/in use|lock/i);
    });

    it('sizes that do not fit the directories', async () => {
      expect(await refused('worker', worker('sizes', 'alluxio.worker.page.store.sizes=64MB,64MB'))).toMatch(/sizes/);
      expect(await refused('worker', worker('small', 'alluxio.worker.page.store.sizes=1MB'))).toMatch(/64 ?MiB/);
    });
  });

  describe('ports, keys and stores', () => {
    it.each<[Role, string]>([
      ['worker', 'alluxio.worker.data.port'],
      ['worker', 'alluxio.worker.web.port'],
      ['coordinator', 'alluxio.coordinator.rpc.port'],
      ['coordinator', 'alluxio.coordinator.web.port'],
    ])('a port in use: the %s names it (%s)', async (role, property) => {
      const others = role === 'worker' ? worker('ports') : ['alluxio.metadata.store.type=EMBEDDED', `alluxio.metadata.store.path=${scratch}/store`];
      const line = await refused(role, [...others, `${property}=${takenPort}`]);
      expect(line).toContain(String(takenPort));
    });

    it('a key file that is missing or too short', async () => {
      expect(await refused('worker', worker('no-key', `alluxio.security.data.plane.key.file=${scratch}/nowhere`))).toMatch(/nowhere.*(ENOENT|not)/);
      writeFileSync(join(scratch, 'short.key'), 'short');
      expect(await refused('worker', worker('short-key', `alluxio.security.data.plane.key.file=${scratch}/short.key`))).toMatch(/short\.key.*5 bytes/);
    });

    it('no address of a metadata store', async () => {
      expect(await refused('worker', worker('no-store', 'alluxio.metadata.store.type=ETCD'))).toMatch(/alluxio\.etcd\.endpoints/);
      const remote = worker('no-address').filter((text) => !text.startsWith('alluxio.metadata.store.address'));
      expect(await refused('worker', remote)).toMatch(/alluxio\.metadata\.store\.address/);
    });
  });

  describe('mounts', () => {
    const add = async (path: string, uri: string, options: Readonly<Record<string, string>> = {}): Promise<string> => {
      const before = await cluster.api.mounts();
      const { code, stdout, stderr } = await cluster.cli(
        'mount',
        'add',
        '--path',
        path,
        '--ufs-uri',
        uri,
        ...Object.entries(options).flatMap(([name, value]) => ['--option', `${name}=${value}`]),
      );
      expect({ code: code !== 0, stdout, lines: stderr.trim().split('\n').length }).toEqual({ code: true, stdout: '', lines: 1 });
      expect(await cluster.api.mounts()).toEqual(before);
      return stderr;
    };

    it('an unknown scheme, a missing bucket, wrong keys, a directory that is not there', async () => {
      const { options = {} } = bucket.ufs;
      expect(await add('/x', 'gopher://bucket/')).toMatch(/gopher.*s3:\/\//);
      expect(await add('/x', 's3://no-such-bucket/', options)).toMatch(/no-such-bucket/);
      const wrong = await add('/x', 's3://another-bucket/', { ...options, 's3a.secretKey': 'wrong-secret' });
      expect(wrong).toMatch(/key|signature|credential/i);
      expect(wrong).not.toContain('wrong-secret');
      expect(await add('/x', `file://${scratch}/nowhere/`)).toMatch(/nowhere/);
      expect(await add('/x', `file://${scratch}/`, { 'alluxio.underfs.s3.endpont': 'x' })).toMatch(/endpont.*alluxio\.underfs\.s3\.endpoint/);
    });

    it('overlapping in the namespace or in the UFS, nested, or at the root', async () => {
      const { options = {} } = bucket.ufs;
      const directory = `file://${scratch}/`;
      expect(await add('/data', directory)).toMatch(/\/data/);
      expect(await add('/', directory)).toMatch(/\//);
      expect(await add('/data/below', directory)).toMatch(/\/data\/below/);
      expect(await add('/y', 's3://bucket/below/', options)).toMatch(/s3:\/\/bucket\//);
      expect(await add('/y', 's3://bucket/', options)).toMatch(/\/data/);
      expect(await add('relative', directory)).toMatch(/relative/);
    });
  });

  describe('the mount point of FUSE', () => {
    const fuse = (path: string): string[] => [`alluxio.fuse.mount.point=${path}`, `alluxio.user.worker.endpoints=${HOST}:${cluster.workers[0]!.ports['data']}`];

    (FUSE_AVAILABLE ? it : it.skip)(
      'busy, a file, or missing workers',
      async () => {
        await cluster.startFuse();
        expect(await refused('fuse', fuse(cluster.mount))).toMatch(/mount/i);
        writeFileSync(join(scratch, 'a-file'), '');
        expect(await refused('fuse', fuse(join(scratch, 'a-file')))).toMatch(/a-file/);
        mkdirSync(join(scratch, 'free'));
        expect(await refused('fuse', [`alluxio.fuse.mount.point=${scratch}/free`])).toMatch(/alluxio\.user\.worker\.endpoints/);
        expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(`${scratch}/free`);
        expect(existsSync(join(cluster.mount, 'data'))).toBe(true);
      },
      60_000,
    );
  });

  describe('commands', () => {
    it.each([
      ['a path that is not there', ['fs', 'cat', '/data/nowhere'], /nowhere/],
      ['a path below no mount', ['fs', 'ls', '/elsewhere'], /elsewhere/],
      ['a path that is not absolute', ['fs', 'ls', 'data'], /data.*\/data/],
      ['a command that does not exist', ['fs', 'lss', '/'], /lss/],
      ['a mount that does not exist', ['mount', 'remove', '--path', '/nothing'], /nothing/],
      ['a worker that does not exist', ['process', 'remove-worker', '--worker', '00000000-0000-4000-8000-000000000000'], /00000000-0000-4000-8000-000000000000/],
    ])('%s', async (_title, args, message) => {
      const { code, stdout, stderr } = await cluster.cli(...args);
      expect({ failed: code !== 0 && code !== null, stdout, stderr }).toEqual({ failed: true, stdout: '', stderr: expect.stringMatching(message) });
      expect(stderr).not.toMatch(/\n\s+at /);
    });

    it('a coordinator that does not answer', async () => {
      const { code, stderr } = await runToEnd('cli/main.ts', ['info', 'nodes', '--coordinator', `http://${HOST}:1`]);
      expect([code! > 0, stderr.trim().split('\n').length, stderr]).toEqual([true, 1, expect.stringMatching(/127\.0\.0\.1:1.*--coordinator/)]);
    });
  });

  it('none of it disturbed the cluster', async () => {
    expect((await cluster.members()).map((member) => member.online)).toEqual([true]);
    expect((await cluster.api.mounts()).map((mount) => mount.mountPath)).toEqual(['/data']);
  });
});
