// The S3 client against servers: a real one over a file system, and one in memory whose keys are opaque and which checks signatures by itself.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setDefaultCACertificates } from 'node:tls';
import { startVersitygw, type Versitygw } from '../../tools/servers/index.ts';
import { checkUfs, openUfs } from '../index.ts';
import { startScriptedS3 } from '../testing/scripted-s3.ts';
import { selfSigned } from '../testing/self-signed.ts';
import { describeUfsContract, entriesOf, patterned, readAll, versionOf } from '../ufs.contract.ts';

const directory = mkdtempSync(join(tmpdir(), 'alluxio-ufs-s3-'));
let server: Versitygw;
let buckets = 0;
const optionsOf = (gateway: Versitygw): Record<string, string> => ({
  's3a.accessKeyId': gateway.accessKey,
  's3a.secretKey': gateway.secretKey,
  'alluxio.underfs.s3.endpoint': gateway.endpoint,
  'alluxio.underfs.s3.endpoint.region': 'us-east-1',
});

beforeAll(async () => {
  server = await startVersitygw({ directory, buckets: ['bucket'] });
}, 600_000);
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

describeUfsContract(
  's3 at versitygw, a prefix of a bucket',
  async () => {
    const bucket = `contract-${++buckets}`;
    mkdirSync(join(directory, bucket));
    return { ufs: openUfs({ ufsUri: `s3://${bucket}/some/prefix`, options: optionsOf(server) }), close: () => undefined };
  },
  { hasOpaqueKeys: false },
);

describeUfsContract(
  's3 at a server with opaque keys',
  async () => {
    const scripted = await startScriptedS3();
    return { ufs: openUfs({ ufsUri: 's3a://bucket', options: scripted.options }), close: () => scripted.close() };
  },
  { hasOpaqueKeys: true },
);

describeUfsContract(
  's3 at a server with opaque keys, a prefix, temporary credentials',
  async () => {
    const scripted = await startScriptedS3({ sessionToken: 'token/of+session==' });
    return { ufs: openUfs({ ufsUri: 's3://bucket/a/prefix é', options: scripted.options }), close: () => scripted.close() };
  },
  { hasOpaqueKeys: true },
);

describeUfsContract(
  's3 over TLS',
  async () => {
    const tls = selfSigned();
    setDefaultCACertificates([tls.cert]);
    const scripted = await startScriptedS3({ tls });
    return { ufs: openUfs({ ufsUri: 's3://bucket', options: scripted.options }), close: () => scripted.close() };
  },
  { hasOpaqueKeys: true },
);

describe('s3 over TLS', () => {
  it('bodies go out unsigned, and a certificate that nobody vouches for is refused with a remedy', async () => {
    const tls = selfSigned();
    setDefaultCACertificates([tls.cert]);
    const scripted = await startScriptedS3({ tls });
    const ufs = openUfs({ ufsUri: 's3://bucket', options: scripted.options });
    await ufs.write('k', Buffer.from('x'));
    expect(scripted.seen.map(({ op, headers }) => [op, headers['x-amz-content-sha256']?.slice(0, 8)])).toEqual([
      ['PutObject', 'UNSIGNED'],
      ['HeadObject', 'e3b0c442'],
    ]);
    await ufs.close();
    setDefaultCACertificates([]);
    await expect(checkUfs({ ufsUri: 's3://bucket', options: scripted.options, timeoutMs: 300 })).rejects.toMatchObject({
      code: 'UfsUnavailable',
      context: { remedy: expect.any(String) },
    });
    await scripted.close();
  });
});

describe('s3 at versitygw', () => {
  it('tells at mount time what is wrong, in one line with a remedy', async () => {
    const options = optionsOf(server);
    const check = (change: Record<string, string>, ufsUri = 's3://bucket/x'): Promise<void> => checkUfs({ ufsUri, options: { ...options, ...change } });
    await check({});
    const remedy = expect.stringMatching(/^[^\n]+$/);
    await expect(check({ 's3a.secretKey': 'wrong' })).rejects.toMatchObject({ code: 'Unauthenticated', context: { remedy } });
    await expect(check({ 's3a.accessKeyId': 'wrong' })).rejects.toMatchObject({ code: 'Unauthenticated', context: { remedy } });
    await expect(check({ 's3a.accessKeyId': '', 's3a.secretKey': '', 's3a.anonymous': 'true' })).rejects.toMatchObject({ code: 'PermissionDenied', context: { remedy } });
    await expect(check({}, 's3://no-such-bucket')).rejects.toMatchObject({ code: 'PathNotFound', context: { remedy, bucket: 'no-such-bucket' } });
    const down = { ufsUri: 's3://bucket', options: { ...options, 'alluxio.underfs.s3.endpoint': 'http://127.0.0.1:1' }, timeoutMs: 200 };
    await expect(checkUfs(down)).rejects.toMatchObject({ code: 'UfsUnavailable', context: { remedy } });
  });

  it('a missing bucket and wrong keys never pass for a missing file', async () => {
    const wrong = openUfs({ ufsUri: 's3://bucket', options: { ...optionsOf(server), 's3a.accessKeyId': 'wrong' } });
    await expect(wrong.status('any')).rejects.toMatchObject({ code: 'Unauthenticated' });
    const missing = openUfs({ ufsUri: 's3://no-such-bucket', options: optionsOf(server) });
    await expect(missing.status('any')).rejects.toMatchObject({ code: 'PathNotFound', context: { s3Code: 'NoSuchBucket' } });
    await wrong.close();
    await missing.close();
  });

  it('lists more than a page in order, and keeps content type and user metadata', async () => {
    mkdirSync(join(directory, 'pages'));
    const ufs = openUfs({ ufsUri: 's3://pages', options: optionsOf(server) });
    const keys = Array.from({ length: 1203 }, (_, index) => `k/${String(index).padStart(5, '0')}`);
    const pending = [...keys];
    const writer = async (): Promise<void> => {
      for (let key = pending.pop(); key !== undefined; key = pending.pop()) await ufs.write(key, Buffer.from(key), { contentType: 'text/plain', userMetadata: { Owner: 'a b' } });
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    expect((await entriesOf(ufs.list('k/', { recursive: true }))).map(({ key }) => key)).toEqual(keys);
    expect((await entriesOf(ufs.list('k/', { recursive: false, startAfter: 'k/01100' }))).map(({ key }) => key)).toEqual(keys.slice(1101));
    expect(await ufs.status('k/00001')).toMatchObject({ contentType: 'text/plain', userMetadata: { owner: 'a b' } });
    await ufs.rename('k/00001', 'renamed');
    expect(await ufs.status('renamed')).toMatchObject({ contentType: 'text/plain', userMetadata: { owner: 'a b' } });
    await ufs.close();
  }, 30_000);

  it('an object that is overwritten again and again is read in one version or not at all', async () => {
    const ufs = openUfs({ ufsUri: 's3://bucket/swap', options: optionsOf(server) });
    const versions = [patterned(2_000_000, 1), patterned(2_000_000, 2)];
    await ufs.write('object', versions[0]!);
    let isDone = false;
    const writing = (async () => {
      for (let round = 1; !isDone; round++) await ufs.write('object', versions[round % 2]!);
    })();
    let reads = 0;
    try {
      for (let round = 0; round < 60; round++) {
        const file = await versionOf(ufs, 'object');
        try {
          const bytes = await readAll(ufs, file);
          reads++;
          const whole = versions.find((version) => version.equals(bytes));
          expect(whole).toBeDefined();
        } catch (error) {
          expect(error).toMatchObject({ code: 'UfsObjectChanged' });
        }
      }
    } finally {
      isDone = true;
      await writing;
    }
    expect(reads).toBeGreaterThan(0);
    await ufs.close();
  }, 60_000);
});
