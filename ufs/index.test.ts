import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { checkUfs, openUfs } from './index.ts';
import { OptionReader } from './mount-options.ts';
import { bucketAddress, s3Settings } from './s3/s3-settings.ts';

const KEYS = { 's3a.accessKeyId': 'AK', 's3a.secretKey': 'SK' };
const open = (ufsUri: string, options: Record<string, string> = {}): unknown => openUfs({ ufsUri, options });
const settings = (ufsUri: string, options: Record<string, string> = {}) => s3Settings(ufsUri, new OptionReader({ ...KEYS, ...options }));
const refusal = (work: () => unknown): { code: string; message: string; context: Record<string, string> } => {
  try {
    work();
  } catch (error) {
    return error as never;
  }
  throw new Error('nothing was refused');
};

describe('opening a UFS', () => {
  it.each([
    ['/dir', 'file:///dir/'],
    ['file:///dir/', 'file:///dir/'],
    ['s3://bucket', 's3://bucket/'],
    ['s3a://bucket/a//b/./c', 's3://bucket/a//b/./c/'],
    ['S3N://bucket/p%20q é', 's3://bucket/p%20q é/'],
  ])('%s has the root %s: the scheme is told one way, keys are left alone', (uri, root) => {
    expect(openUfs({ ufsUri: uri, options: KEYS }).rootUri).toBe(root);
  });

  it('an unknown scheme is refused with those that exist', () => {
    for (const uri of ['gs://b', 'hdfs://n:8020/x', 'constructor://x']) {
      expect(refusal(() => open(uri))).toMatchObject({ code: 'InvalidConfiguration', context: { field: 'ufsUri', remedy: 'Schemes are file://, s3://.' } });
    }
    expect(refusal(() => open('bucket/x')).code).toBe('InvalidArgument');
  });

  it.each([
    ['s3a.accesKeyId', 's3a.accessKeyId'],
    ['s3a.secretkey', 's3a.secretKey'],
    ['alluxio.underfs.s3.endpiont', 'alluxio.underfs.s3.endpoint'],
    ['alluxio.underfs.s3.endpoint.regoin', 'alluxio.underfs.s3.endpoint.region'],
  ])('the unknown option %s is refused with the nearest known one, %s', (wrong, right) => {
    expect(refusal(() => open('s3://bucket', { ...KEYS, [wrong]: 'x' }))).toMatchObject({
      code: 'InvalidConfiguration',
      context: { field: wrong, remedy: `Did you mean ${right}?` },
    });
  });

  it('a mount may have its own freshness, which is checked when it is added', async () => {
    const option = 'alluxio.user.metadata.max.age';
    for (const value of ['never', '2s']) await checkUfs({ ufsUri: '/', options: { [option]: value } });
    expect(open('s3://bucket', { ...KEYS, [option]: '2s' })).toBeDefined();
    await expect(checkUfs({ ufsUri: '/', options: { [option]: 'soon' } })).rejects.toMatchObject({ code: 'InvalidConfiguration', context: { field: option } });
  });

  it('options for other stores pass from the process, not from a mount', async () => {
    const foreign = { 'fs.oss.endpoint': 'x', 'dfs.replication': '3' };
    expect(open('s3://bucket', { ...KEYS, ...foreign })).toBeDefined();
    expect(open('/dir', { ...KEYS })).toBeDefined();
    await expect(checkUfs({ ufsUri: '/', options: foreign })).rejects.toMatchObject({ code: 'InvalidConfiguration', context: { field: 'fs.oss.endpoint' } });
    await checkUfs({ ufsUri: '/', options: {}, processOptions: foreign });
  });

  it.each([
    [{ 'alluxio.underfs.s3.endpoint': 'ftp://host' }, 'alluxio.underfs.s3.endpoint'],
    [{ 'alluxio.underfs.s3.endpoint': 'http://user:pw@host' }, 'alluxio.underfs.s3.endpoint'],
    [{ 'alluxio.underfs.s3.endpoint.region': 'eu west' }, 'alluxio.underfs.s3.endpoint.region'],
    [{ 'alluxio.underfs.s3.disable.dns.buckets': 'maybe' }, 'alluxio.underfs.s3.disable.dns.buckets'],
    [{ 'alluxio.underfs.call.timeout': '5 parsecs' }, 'alluxio.underfs.call.timeout'],
    [{ 'alluxio.underfs.connections.max': '0' }, 'alluxio.underfs.connections.max'],
    [{ 's3a.secretKey': '' }, 's3a.secretKey'],
    [{ 's3a.accessKeyId': '' }, 's3a.accessKeyId'],
    [{ 's3a.anonymous': 'true' }, 's3a.anonymous'],
    [{ 's3a.accessKeyId': '', 's3a.secretKey': '', 's3a.webIdentityTokenFile': '/token' }, 's3a.roleArn'],
    [{ 's3a.accessKeyId': '', 's3a.secretKey': '', 's3a.roleArn': 'arn:x' }, 's3a.webIdentityTokenFile'],
  ])('%j is refused by name with a remedy, secrets not shown', (options, field) => {
    const error = refusal(() => open('s3://bucket', { ...KEYS, ...options }));
    expect(error).toMatchObject({ code: 'InvalidConfiguration', context: { field, remedy: expect.any(String) } });
    expect(JSON.stringify([error.message, error.context])).not.toContain('SK');
  });

  it('refuses what is no bucket name', () => {
    for (const uri of ['s3://', 's3:///key', 's3://b', 's3://a b/c', 's3://user@bucket'])
      expect(refusal(() => open(uri, KEYS))).toMatchObject({ code: 'InvalidConfiguration', context: { field: 'ufsUri' } });
  });
});

describe('where a bucket is', () => {
  const http = 'alluxio.underfs.s3.endpoint';
  it.each([
    ['s3://bucket/x', {}, 'https://bucket.s3.eu-test-1.amazonaws.com', ''],
    ['s3://my.bucket', {}, 'https://s3.eu-test-1.amazonaws.com', '/my.bucket'],
    ['s3://bucket', { [http]: 'http://127.0.0.1:9000' }, 'http://127.0.0.1:9000', '/bucket'],
    ['s3://bucket', { [http]: 'http://[::1]:9000/' }, 'http://[::1]:9000', '/bucket'],
    ['s3://bucket', { [http]: 'http://localhost:9000' }, 'http://localhost:9000', '/bucket'],
    ['s3://bucket', { [http]: 'store.example:8443' }, 'https://bucket.store.example:8443', ''],
    ['s3://bucket', { [http]: 'https://store.example/base/', 'alluxio.underfs.s3.disable.dns.buckets': 'true' }, 'https://store.example', '/base/bucket'],
  ])('%s with %j is at %s%s', (uri, options, origin, basePath) => {
    expect(bucketAddress(settings(uri, options), 'eu-test-1')).toMatchObject({ origin, basePath });
  });
  it('the Chinese partition has a domain of its own', () => {
    expect(bucketAddress(settings('s3://bucket'), 'cn-north-1').origin).toBe('https://bucket.s3.cn-north-1.amazonaws.com.cn');
  });
});

describe('start-up', () => {
  it('given keys and anonymous mounts load no AWS SDK', () => {
    const program = `
      const { registerHooks } = await import('node:module');
      let sdk = 0;
      registerHooks({ resolve: (name, context, next) => { if (name.startsWith('@aws-sdk/')) sdk++; return next(name, context); } });
      const { openUfs } = await import('./ufs/index.ts');
      for (const options of [{ 's3a.accessKeyId': 'a', 's3a.secretKey': 'b' }, { 's3a.anonymous': 'true' }]) {
        const ufs = openUfs({ ufsUri: 's3://bucket', options: { ...options, 'alluxio.underfs.s3.endpoint': 'http://127.0.0.1:1', 'alluxio.underfs.call.timeout': '100ms' } });
        await ufs.status('x').catch((error) => console.log(error.code));
        await ufs.close();
      }
      console.log(sdk);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
    expect(stdout.trim().split('\n')).toEqual(['UfsUnavailable', 'UfsUnavailable', '0']);
  });
});
