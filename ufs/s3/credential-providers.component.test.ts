// Credentials that the AWS SDK's own providers find: profile, environment, web identity. The token service is a small server of ours.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openUfs, type UnderFileSystem } from '../index.ts';
import { type ScriptedS3, startScriptedS3 } from '../testing/scripted-s3.ts';

const ENVIRONMENT = [
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONFIG_FILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_ENDPOINT_URL_STS',
  'AWS_EC2_METADATA_DISABLED',
];

describe('provided credentials', () => {
  const before = new Map<string, string | undefined>();
  let directory: string;
  let server: ScriptedS3;
  let ufs: UnderFileSystem | undefined;
  const open = (options: Record<string, string>): UnderFileSystem => {
    const { 's3a.accessKeyId': _key, 's3a.secretKey': _secret, 's3a.sessionToken': _token, ...rest } = server.options;
    return (ufs = openUfs({ ufsUri: 's3://bucket', options: { ...rest, ...options } }));
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'alluxio-ufs-keys-'));
    for (const name of ENVIRONMENT) {
      before.set(name, process.env[name]);
      delete process.env[name];
    }
    process.env['AWS_SHARED_CREDENTIALS_FILE'] = join(directory, 'credentials');
    process.env['AWS_CONFIG_FILE'] = join(directory, 'config');
    process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
  });
  afterEach(async () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await ufs?.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('a profile of the shared credentials file signs', async () => {
    server = await startScriptedS3({ sessionToken: 'of-the-profile' });
    const lines = ['[trainer]', `aws_access_key_id = ${server.accessKey}`, `aws_secret_access_key = ${server.secretKey}`, 'aws_session_token = of-the-profile', ''];
    writeFileSync(join(directory, 'credentials'), lines.join('\n'));
    expect(await open({ 's3a.profile': 'trainer' }).write('k', Buffer.from('x'))).toMatchObject({ length: 1 });
    const missing = open({ 's3a.profile': 'nobody' });
    await expect(missing.status('k')).rejects.toMatchObject({ code: 'Unauthenticated', context: { remedy: expect.stringContaining('s3a.profile') } });
  });

  it.each([{ 's3a.profile': 'default' }, {}])(
    'keys of a file that were replaced before they were to expire are read again when the store refuses the old ones (%j)',
    async (options) => {
      server = await startScriptedS3({ sessionToken: 'first' });
      const replace = (token: string): void => {
        server.sessionToken = token;
        const lines = ['[default]', `aws_access_key_id = ${server.accessKey}`, `aws_secret_access_key = ${server.secretKey}`, `aws_session_token = ${token}`, ''];
        writeFileSync(join(directory, 'credentials'), lines.join('\n'));
      };
      replace('first');
      const opened = open(options);
      const { version } = await opened.write('k', Buffer.from('x'));
      replace('second');
      const into = Buffer.alloc(1);
      expect(await opened.read({ key: 'k', version, length: 1 }, 0, into)).toBe(1);
      expect(into.toString()).toBe('x');
      expect(await opened.status('k')).toMatchObject({ length: 1 });
      server.sessionToken = 'third'; // which no file has: the second refusal is the answer
      await expect(opened.read({ key: 'k', version, length: 1 }, 0, into)).rejects.toMatchObject({ code: 'Unauthenticated' });
    },
  );

  it('a HEAD, whose refusal says no reason, is sent again with replaced keys', async () => {
    server = await startScriptedS3({ sessionToken: 'first' });
    const write = (token: string): void =>
      writeFileSync(join(directory, 'credentials'), `[p]\naws_access_key_id = ${server.accessKey}\naws_secret_access_key = ${server.secretKey}\naws_session_token = ${token}\n`);
    write('first');
    const opened = open({ 's3a.profile': 'p' });
    await opened.write('k', Buffer.from('x'));
    server.sessionToken = 'second';
    write('second');
    expect(await opened.status('k')).toMatchObject({ length: 1 });
  });

  it('without any option the environment is asked', async () => {
    server = await startScriptedS3();
    process.env['AWS_ACCESS_KEY_ID'] = server.accessKey;
    process.env['AWS_SECRET_ACCESS_KEY'] = server.secretKey;
    expect(await open({}).write('k', Buffer.from('x'))).toMatchObject({ length: 1 });
  });

  it('a web identity is exchanged for keys, which are used until they expire', async () => {
    server = await startScriptedS3({ sessionToken: 'assumed' });
    const asked: URLSearchParams[] = [];
    const sts: Server = createServer((req, res) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
        asked.push(new URLSearchParams(Buffer.concat(chunks).toString()));
        const keys = `<AccessKeyId>${server.accessKey}</AccessKeyId><SecretAccessKey>${server.secretKey}</SecretAccessKey><SessionToken>assumed</SessionToken>`;
        const expiry = `<Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration>`;
        const result = `<AssumeRoleWithWebIdentityResult><Credentials>${keys}${expiry}</Credentials></AssumeRoleWithWebIdentityResult>`;
        res.end(`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}</AssumeRoleWithWebIdentityResponse>`);
      })();
    }).listen(0, '127.0.0.1');
    await once(sts, 'listening');
    process.env['AWS_ENDPOINT_URL_STS'] = `http://127.0.0.1:${(sts.address() as AddressInfo).port}`;
    writeFileSync(join(directory, 'token'), 'the.web.token');
    const identity = { 's3a.webIdentityTokenFile': join(directory, 'token'), 's3a.roleArn': 'arn:aws:iam::1:role/reader', 's3a.roleSessionName': 'node-7' };
    const opened = open(identity);
    await Promise.all([opened.write('k', Buffer.from('x')), opened.write('l', Buffer.from('y'))]);
    expect(await opened.status('k')).toMatchObject({ length: 1 });
    expect(asked.map((query) => Object.fromEntries(query))).toMatchObject([
      { RoleArn: 'arn:aws:iam::1:role/reader', RoleSessionName: 'node-7', WebIdentityToken: 'the.web.token' },
    ]);
    sts.closeAllConnections();
    sts.close();
  });
});
