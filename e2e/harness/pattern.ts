// Bytes that can be recomputed from (seed, offset): a reader can check any range without keeping the data.

// Looked up once: inside jest every use of a global goes through the sandbox, which makes this loop fifty times slower.
const { imul } = Math;

const mix = (seed: number, index: number): number => {
  let x = imul(index ^ seed, 0x9e3779b1);
  x = imul(x ^ (x >>> 15), 0x85ebca6b) ^ index;
  return x ^ (x >>> 13);
};

/** Bytes [offset, offset + length) of the file with this seed. Any alignment. */
export function patternBytes(seed: number, offset: number, length: number): Buffer {
  const first = Math.floor(offset / 4);
  const words = Math.ceil((offset + length) / 4) - first;
  const out = new Int32Array(words);
  for (let i = 0; i < words; i++) out[i] = mix(seed, first + i);
  return Buffer.from(out.buffer, offset - first * 4, length);
}

/** First differing position of `actual` against the pattern, or -1. */
export function patternMismatch(seed: number, offset: number, actual: Uint8Array): number {
  const expected = patternBytes(seed, offset, actual.length);
  if (expected.equals(actual)) return -1;
  for (let i = 0; i < actual.length; i++) if (actual[i] !== expected[i]) return offset + i;
  return -1;
}

/** Seeded random numbers (mulberry32); print the seed so that a failure can be replayed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = imul(state ^ (state >>> 15), state | 1);
    t = (t + imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
