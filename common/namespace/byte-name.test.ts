import { describe, expect, it } from '@jest/globals';
import { compareNames, decodeName, encodeName, isByteName, parsePrintableName, printableName } from './index.ts';

/** Small seeded generator: xorshift32. */
const generator = (seed: number) => () => {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) / 2 ** 32;
};

describe('names stand for bytes', () => {
  it.each([
    ['plain', [0x61, 0x62]],
    ['NFC and NFD forms', [...Buffer.from('\u00e9e\u0301')]],
    ['a lone continuation byte', [0x61, 0x80, 0x62]],
    ['a truncated sequence', [0xf0, 0x9f, 0x98]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x61]],
    ['an invalid byte between emoji', [...Buffer.from('😀'), 0xff, ...Buffer.from('😀')]],
  ])('%s survives the round trip', (_, bytes) => {
    const name = decodeName(Uint8Array.from(bytes));
    expect([...encodeName(name)]).toEqual(bytes);
    expect(isByteName(name)).toBe(true);
    expect([...encodeName(JSON.parse(JSON.stringify(name)) as string)]).toEqual(bytes);
  });

  it('random bytes survive the round trip and keep their order (seed 20260714)', () => {
    const random = generator(20260714);
    const alphabet = [0x00, 0x2f, 0x61, 0x7f, 0x80, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xef, 0xbf, 0xbd, 0xf0, 0x9f, 0x98, 0x80, 0xff];
    const draw = () => Buffer.from(Array.from({ length: Math.floor(random() * 9) }, () => alphabet[Math.floor(random() * alphabet.length)]!));
    for (let round = 0; round < 20_000; round++) {
      const [a, b] = [draw(), draw()];
      const [nameA, nameB] = [decodeName(a), decodeName(b)];
      if (!encodeName(nameA).equals(a)) expect([...encodeName(nameA)]).toEqual([...a]);
      if (Math.sign(compareNames(nameA, nameB)) !== Buffer.compare(a, b)) expect({ a, b, order: compareNames(nameA, nameB) }).toBe('the order of the bytes');
    }
  });

  it('refuses a lone surrogate that stands for no byte', () => {
    expect(() => encodeName('a\ud800')).toThrow('stands for no byte');
    expect(isByteName('a\ud800')).toBe(false);
    expect(isByteName('\udcc3\udca9')).toBe(false); // these bytes are é, whose name is é
  });

  it('prints on one line without control characters, and tells a backslash from an escape', () => {
    expect(printableName('a\nb\u001b[31m')).toBe('a\\x0ab\\x1b[31m');
    expect(printableName('\udcff')).toBe('\\xff');
    expect(printableName('\\xff')).toBe('\\\\xff');
    expect(printableName('é 😀')).toBe('é 😀');
    for (const name of ['a\nb', '\udcff\udc80/é', '\\xff', '\\', 'a\u202eb']) expect(parsePrintableName(printableName(name))).toBe(name);
    expect(parsePrintableName('C:\\dir')).toBe('C:\\dir');
    expect(printableName('a\u202eb')).toBe('a\\xe2\\x80\\xaeb');
  });
});
