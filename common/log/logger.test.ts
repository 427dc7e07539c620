import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CacheError } from '../errors/index.ts';
import { createLogger, errorLine, redactText } from './index.ts';

const collecting = () => {
  const lines: string[] = [];
  return {
    lines,
    log: createLogger({ component: 'worker', fields: { workerId: 'w1' }, sink: (line) => lines.push(line) }),
    parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
};

describe('lines', () => {
  it('are JSON with level, constant message, component and the fields of every ancestor', () => {
    const { log, parsed } = collecting();
    log.child({ mountPath: '/data' }).info('Mount added.', { revision: 7n, bytes: Buffer.alloc(3), nothing: undefined });
    expect(parsed()[0]).toMatchObject({ level: 'info', message: 'Mount added.', component: 'worker', workerId: 'w1', mountPath: '/data', revision: '7', bytes: '<3 bytes>' });
    expect(Object.keys(parsed()[0]!)).not.toContain('nothing');
  });

  it('keep code, stack, context and the whole chain of causes of an error, and the message of the line', () => {
    const { log, parsed } = collecting();
    const root = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    log.failure(
      'Reading failed.',
      new CacheError('UfsUnavailable', 'The UFS did not answer.', { source: 'ufs', context: { path: '/a' }, cause: new Error('wrapped', { cause: root }) }),
    );
    const line = parsed()[0]!;
    expect(line).toMatchObject({ level: 'warn', message: 'Reading failed.', errorCode: 'UfsUnavailable' });
    expect(line['error']).toMatchObject({
      code: 'UfsUnavailable',
      source: 'ufs',
      context: { path: '/a' },
      stack: expect.stringContaining('CacheError'),
      causes: [{ message: 'wrapped' }, { code: 'ECONNREFUSED' }],
    });
  });

  it('survive an error that is its own cause, and things thrown that are no errors', () => {
    const { log, parsed } = collecting();
    const loop = new Error('a');
    loop.cause = loop;
    log.error('Odd.', { error: loop });
    log.error('Odder.', { error: 'just text' });
    expect(parsed().map((line) => (line['error'] as { message: string }).message)).toEqual(['a', 'just text']);
  });

  it('follow a change of level at run time, children included', () => {
    const { log, lines } = collecting();
    const child = log.child({});
    child.debug('hidden');
    log.level = 'debug';
    expect(child.isDebugEnabled).toBe(true);
    child.debug('shown');
    log.level = 'error';
    child.warn('hidden');
    expect(lines).toHaveLength(1);
  });

  it('go to a file that is complete once the logger is closed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'alluxio-log-'));
    const file = join(directory, 'logs', 'worker.log');
    const log = createLogger({ component: 'worker', file });
    for (let i = 0; i < 500; i++) log.info('Line.', { i });
    await log.close();
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(500);
    rmSync(directory, { recursive: true });
  });
});

describe('an error as one line', () => {
  it('tells the remedy once, also when the message has it', () => {
    const remedy = 'create /a, or correct the path';
    expect(errorLine(new CacheError('InvalidConfiguration', `Its parent does not exist (${remedy}).`, { context: { remedy } }))).toBe(`Its parent does not exist (${remedy})`);
    expect(errorLine(new CacheError('InvalidConfiguration', 'Its parent does not exist.', { context: { remedy } }))).toBe(`Its parent does not exist (${remedy})`);
  });
});

describe('the redactor', () => {
  it.each([
    ['a signed URL', 'GET https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA/x&X-Amz-Signature=abcdef&x=1', 'x=1'],
    ['a bearer token', 'Authorization: Bearer abcdef0123456789abcdef', 'Bearer'],
    ['a signature header', 'AWS4-HMAC-SHA256 Credential=abcdef/2026, Signature=abcdef', 'AWS4'],
    ['credentials in a URL', 'http://user:abcdef@host/x', 'host/x'],
    ['a property', 's3a.secretKey=abcdef next', 'next'],
    ['JSON', '{"password": "abcdef", "a": 1}', '"a": 1'],
    ['an access key id', 'key AKIAABCDEFABCDEFABCD used', 'used'],
    ['a PEM key', '-----BEGIN PRIVATE KEY-----\nabcdef\n-----END PRIVATE KEY-----', '******'],
  ])('hides the secret of %s and nothing else', (_, text, kept) => {
    const shown = redactText(text);
    expect(shown).not.toMatch(/abcdef/i);
    expect(shown).toContain(kept);
  });
  it('leaves ordinary text alone', () => {
    const text = 'Basic operations on s3://bucket/token-data/secretive.jpg took 5 ms';
    expect(redactText(text)).toBe(text);
  });
  it('masks fields with telling names at any depth, in messages and errors too', () => {
    const { log, lines } = collecting();
    log.info('Mounted with secret=abcdef.', { options: { 's3a.secretKey': 'abcdef', nested: { sessionToken: 'abcdef' } }, error: new Error('password=abcdef') });
    expect(lines[0]).not.toContain('abcdef');
  });
});
