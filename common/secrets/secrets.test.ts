import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyFile, isKeyFileExposed, readKeyFile, SealingKey } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'secrets-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('a key file', () => {
  it('is made once, closed to others, and leaves no draft', () => {
    const path = join(directory, 'key');
    createKeyFile(path);
    const first = readKeyFile(path);
    createKeyFile(path);
    expect(readKeyFile(path)).toEqual(first);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(isKeyFileExposed(path)).toBe(false);
    expect(readdirSync(directory)).toEqual(['key']);
  });
  it('that is missing or of another length is refused with file and remedy', () => {
    expect(() => readKeyFile(join(directory, 'none'))).toThrow(/none cannot be read \(ENOENT\)/);
    writeFileSync(join(directory, 'short'), 'abc');
    expect(() => readKeyFile(join(directory, 'short'))).toThrow(/has 3 bytes, not 32/);
    expect(() => createKeyFile(join(directory, 'no', 'such', 'key'))).toThrow(/cannot be written/);
  });
});

describe('sealed secrets', () => {
  const key = new SealingKey(new Uint8Array(32).fill(7));
  const secrets = { 's3a.secretKey': 'p\u{1F511}ss', token: '' };
  it('open to what was sealed and show nothing of it', () => {
    const sealed = key.seal(secrets);
    expect(key.open(sealed)).toEqual(secrets);
    expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('secretKey');
    expect(key.seal(secrets)).not.toBe(sealed);
  });
  it('are refused under another key, and when a byte was changed', () => {
    const sealed = key.seal(secrets);
    expect(() => new SealingKey(new Uint8Array(32)).open(sealed)).toThrow(/cannot be opened/);
    const bytes = Buffer.from(sealed, 'base64');
    bytes[bytes.length - 1]! ^= 1;
    expect(() => key.open(bytes.toString('base64'))).toThrow(/cannot be opened/);
    expect(() => key.open('AAAA')).toThrow(/cannot be opened/);
  });
  it('of an empty set are an empty text', () => {
    expect(key.seal({})).toBe('');
    expect(key.open('')).toEqual({});
  });
});
