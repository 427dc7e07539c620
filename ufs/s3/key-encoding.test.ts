import { describe, expect, it } from '@jest/globals';
import { decodeListedKey, encodeKey, encodeQuery, queryString } from './key-encoding.ts';

describe('keys in URLs', () => {
  it.each([
    ['a/b', 'a/b'],
    ['a//b/./../c/', 'a//b/./../c/'],
    ['a b+c', 'a%20b%2Bc'],
    ['é\u{1F600}', '%C3%A9%F0%9F%98%80'],
    ["~-_.!*'()", '~-_.%21%2A%27%28%29'],
    ['%2F', '%252F'],
    ['\n\0', '%0A%00'],
    ['a\udcff', 'a%FF'],
  ])('%j goes out as %s', (key, encoded) => {
    expect(encodeKey(key)).toBe(encoded);
    expect(decodeListedKey(encoded)).toBe(key);
  });
  it('a plus sign in a listing is a space', () => {
    expect(decodeListedKey('a+b%2Bc')).toBe('a b+c');
  });
  it('queries are in order and have no bare slash', () => {
    expect(encodeQuery('a/b')).toBe('a%2Fb');
    expect(queryString({ uploads: '', 'list-type': '2', prefix: 'a/é' })).toBe('?list-type=2&prefix=a%2F%C3%A9&uploads=');
    expect(queryString({})).toBe('');
  });
});
