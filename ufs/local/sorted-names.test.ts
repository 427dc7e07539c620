import { describe, expect, it } from '@jest/globals';
import { NameCollector } from './sorted-names.ts';

describe('sorted names', () => {
  it('any number of names in any order comes back in byte order, from any name on (seeded)', () => {
    let state = 7;
    const random = (n: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % n;
    for (const count of [0, 1, 2, 8191, 8192, 8193, 40_000]) {
      const names = new Set<string>();
      while (names.size < count) names.add(String.fromCharCode(...Array.from({ length: 1 + random(12) }, () => 1 + random(255))));
      const collector = new NameCollector();
      for (const name of names) collector.add(name);
      const sorted = collector.finish();
      const expected = [...names].toSorted((a, b) => Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')));
      expect(sorted.count).toBe(count);
      expect([...sorted.from('')]).toEqual(expected);
      for (const from of [expected[count >> 1] ?? 'x', '\u0080', `${expected[count >> 2] ?? 'x'}\u0001`])
        expect([...sorted.from(from)]).toEqual(expected.filter((name) => name >= from));
    }
  });

  it('1,000,000 names are 24 MB, not a million objects', () => {
    const collector = new NameCollector();
    for (let index = 0; index < 1_000_000; index++) collector.add(`file-${String((index * 7919) % 1_000_000).padStart(10, '0')}.data`);
    const names = collector.finish();
    expect(names.sizeBytes).toBeLessThan(25_000_000);
    expect(names.from('file-0000999999').next().value).toBe('file-0000999999.data');
  });
});
