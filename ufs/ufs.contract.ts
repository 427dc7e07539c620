// What every under file system promises, as tests: called from the test of each implementation.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compareNames } from '../common/namespace/index.ts';
import type { UfsEntry, UfsKey, UnderFileSystem, VersionedFile } from './under-file-system.ts';

export interface UfsStage {
  readonly ufs: UnderFileSystem;
  close(): Promise<void> | void;
}
export interface UfsTraits {
  /** Keys that are no file names exist: `a//b`, `..`, `a/` beside `a`. */
  readonly hasOpaqueKeys: boolean;
}

const utf8 = (text: string): Buffer => Buffer.from(text);
/** Bytes that differ at every offset and from key to key. */
export function patterned(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export async function versionOf(ufs: UnderFileSystem, key: UfsKey): Promise<VersionedFile> {
  const status = await ufs.status(key);
  if (status?.type !== 'file') throw new Error(`no file ${key}`);
  return { key, version: status.version, length: status.length };
}
export async function readAll(ufs: UnderFileSystem, file: VersionedFile): Promise<Buffer> {
  const into = Buffer.alloc(file.length);
  expect(await ufs.read(file, 0, into)).toBe(file.length);
  return into;
}
export async function entriesOf(batches: AsyncIterable<readonly UfsEntry[]>): Promise<UfsEntry[]> {
  const entries: UfsEntry[] = [];
  for await (const batch of batches) entries.push(...batch);
  return entries;
}
const shown = (entries: readonly UfsEntry[]): string[] => entries.map(({ key, status }) => (status.type === 'directory' ? `${key}/` : key));
const keysOf = async (batches: AsyncIterable<readonly UfsEntry[]>): Promise<string[]> => shown(await entriesOf(batches));

const ODD_NAMES = ['é', 'e\u0301', 'a b', 'a+b', 'a%20b', 'a%2Fb', '100%', 'q\'uo"te', 'x&y=z?#', 'new\nline', 'tab\t', '~-_.', '\u{1F600}', '\uFF5E', '(a)*!', 'x'.repeat(255)];

export function describeUfsContract(name: string, make: () => Promise<UfsStage>, traits: UfsTraits): void {
  describe(`${name}: contract of under file systems`, () => {
    let stage: UfsStage;
    let ufs: UnderFileSystem;
    beforeEach(async () => {
      stage = await make();
      ufs = stage.ufs;
    });
    afterEach(async () => {
      await ufs.close();
      await stage.close();
    });

    it.each([0, 1, 65_536, 4 * 2 ** 20 + 1])('an object of %i bytes comes back as it was written, whole and in any range', async (length) => {
      const bytes = patterned(length, length + 1);
      const status = await ufs.write('dir/object', bytes);
      expect(status).toMatchObject({ path: '', type: 'file', length, ufsUri: `${ufs.rootUri}dir/object` });
      expect(await ufs.status('dir/object')).toEqual(status);
      const file = await versionOf(ufs, 'dir/object');
      expect((await readAll(ufs, file)).equals(bytes)).toBe(true);
      for (const [offset, count] of [
        [0, 1],
        [length >> 1, 1000],
        [Math.max(0, length - 3), 10],
        [length, 5],
        [length + 100, 5],
      ] as const) {
        const into = Buffer.alloc(count, 0xee);
        const expected = bytes.subarray(offset, offset + count);
        expect(await ufs.read(file, offset, into)).toBe(expected.length);
        expect(into.subarray(0, expected.length).equals(expected)).toBe(true);
        expect(into.subarray(expected.length).every((byte) => byte === 0xee)).toBe(true);
      }
    });

    it('progress only grows and ends with what was read', async () => {
      await ufs.write('object', patterned(300_000, 1));
      const seen: number[] = [];
      const count = await ufs.read(await versionOf(ufs, 'object'), 100, Buffer.alloc(200_000), { onProgress: (received) => seen.push(received) });
      expect(seen.at(-1)).toBe(count);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    });

    it('refuses offsets that are no byte positions', async () => {
      await ufs.write('object', utf8('text'));
      const file = await versionOf(ufs, 'object');
      for (const offset of [-1, 0.5, Number.NaN, 2 ** 53]) await expect(ufs.read(file, offset, Buffer.alloc(1))).rejects.toMatchObject({ code: 'RangeInvalid' });
    });

    it('a read is pinned: an overwritten, deleted or otherwise long object gives UfsObjectChanged and no byte', async () => {
      await ufs.write('object', utf8('the first version'));
      const first = await versionOf(ufs, 'object');
      const into = Buffer.alloc(17, 0xee);
      await expect(ufs.read({ ...first, length: 18 }, 0, into)).rejects.toMatchObject({ code: 'UfsObjectChanged' });
      await ufs.write('object', utf8('version number two'));
      await expect(ufs.read(first, 0, into)).rejects.toMatchObject({ code: 'UfsObjectChanged' });
      const second = await versionOf(ufs, 'object');
      expect(second.version).not.toBe(first.version);
      expect((await readAll(ufs, second)).toString()).toBe('version number two');
      await ufs.delete('object');
      await expect(ufs.read(second, 0, into)).rejects.toMatchObject({ code: 'UfsObjectChanged' });
      expect(into.every((byte) => byte === 0xee)).toBe(true);
    });

    it('what is not there has no status, and listing it lists nothing', async () => {
      await ufs.write('there', utf8('x'));
      expect(await ufs.status('missing')).toBeUndefined();
      expect(await ufs.status('there/below')).toBeUndefined();
      expect(await keysOf(ufs.list('missing/', { recursive: true }))).toEqual([]);
      expect(await keysOf(ufs.list('missing/', { recursive: false }))).toEqual([]);
      expect(await keysOf(ufs.list('there/', { recursive: false }))).toEqual([]);
    });

    it('odd names are kept apart, byte by byte', async () => {
      for (const [index, odd] of ODD_NAMES.entries()) await ufs.write(`odd/${odd}`, patterned(10 + index, index));
      const sorted = ODD_NAMES.map((odd) => `odd/${odd}`).toSorted(compareNames);
      expect(await keysOf(ufs.list('odd/', { recursive: true, batchSize: 3 }))).toEqual(sorted);
      expect(await keysOf(ufs.list('odd/', { recursive: false }))).toEqual(sorted);
      for (const [index, odd] of ODD_NAMES.entries()) {
        const file = await versionOf(ufs, `odd/${odd}`);
        expect((await readAll(ufs, file)).equals(patterned(10 + index, index))).toBe(true);
      }
      const listedStatus = await entriesOf(ufs.list('odd/', { recursive: true }));
      for (const { key, status } of listedStatus) expect(await ufs.status(key)).toMatchObject({ version: status.version, length: status.length, fileId: status.fileId });
    });

    it('lists one level with each directory once, or everything below a prefix, also one that ends within a name', async () => {
      for (const key of ['a.txt', 'a/1', 'a/2', 'a/deep/er/3', 'b', 'ab/4']) await ufs.write(key, utf8(key));
      expect((await keysOf(ufs.list('', { recursive: false }))).toSorted()).toEqual(['a.txt', 'a/', 'ab/', 'b']);
      expect(await keysOf(ufs.list('a/', { recursive: false }))).toEqual(['a/1', 'a/2', 'a/deep/']);
      expect(await keysOf(ufs.list('', { recursive: true }))).toEqual(['a.txt', 'a/1', 'a/2', 'a/deep/er/3', 'ab/4', 'b']);
      expect(await keysOf(ufs.list('a/d', { recursive: true }))).toEqual(['a/deep/er/3']);
      expect(await keysOf(ufs.list('a/d', { recursive: false }))).toEqual(['a/deep/']);
    });

    it('a listing resumes after any of its keys (seeded tree)', async () => {
      let state = 20_261_125;
      const random = (n: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % n;
      const names = ['a', 'a-', 'a.', 'a0', 'b', 'é', '\u{1F600}'];
      const keys = new Set<string>();
      while (keys.size < 40) keys.add(`t/${Array.from({ length: 1 + random(3) }, () => names[random(names.length)]).join('/')}${random(1000)}`);
      for (const key of keys) await ufs.write(key, utf8(''));
      const sorted = [...keys].toSorted(compareNames);
      expect(await keysOf(ufs.list('t/', { recursive: true, batchSize: 7 }))).toEqual(sorted);
      for (const [index, key] of sorted.entries()) expect(await keysOf(ufs.list('t/', { recursive: true, startAfter: key, batchSize: 50 }))).toEqual(sorted.slice(index + 1));
      for (const recursive of [true, false]) {
        const whole = shown(await entriesOf(ufs.list('t/', { recursive })));
        for (const size of [1, 2, 5]) {
          const batches: string[] = [];
          for await (const batch of ufs.list('t/', { recursive, batchSize: size })) {
            expect(batch.length).toBeLessThanOrEqual(size);
            batches.push(...shown(batch));
          }
          expect(batches).toEqual(whole);
        }
      }
    });

    it('writes only what does not exist when asked so', async () => {
      await ufs.write('once', utf8('first'), { ifNoneMatch: '*' });
      await expect(ufs.write('once', utf8('second'), { ifNoneMatch: '*' })).rejects.toMatchObject({ code: 'PreconditionFailed' });
      expect((await readAll(ufs, await versionOf(ufs, 'once'))).toString()).toBe('first');
    });

    it('joins parts in the order of their numbers and shows nothing before', async () => {
      const [one, two] = [patterned(5 * 2 ** 20, 1), patterned(1000, 2)];
      const upload = await ufs.createMultipart('multi/part');
      const second = await ufs.uploadPart(upload, 2, two);
      const first = await ufs.uploadPart(upload, 1, one);
      expect(await ufs.status('multi/part')).toBeUndefined();
      await expect(ufs.completeMultipart(upload, [second, first])).rejects.toMatchObject({ code: 'InvalidArgument' });
      const status = await ufs.completeMultipart(upload, [first, second]);
      expect(status.length).toBe(one.length + two.length);
      expect((await readAll(ufs, await versionOf(ufs, 'multi/part'))).equals(Buffer.concat([one, two]))).toBe(true);
      await expect(ufs.uploadPart(upload, 0, two)).rejects.toMatchObject({ code: 'InvalidArgument' });
    });

    it('an aborted upload is gone, and aborting it again succeeds', async () => {
      const upload = await ufs.createMultipart('multi');
      await ufs.uploadPart(upload, 1, utf8('x'));
      await ufs.abortMultipart(upload);
      await ufs.abortMultipart(upload);
      await expect(ufs.uploadPart(upload, 1, utf8('x'))).rejects.toMatchObject({ code: 'UploadNotFound' });
      expect(await keysOf(ufs.list('', { recursive: true }))).toEqual([]);
    });

    it('deletes twice without complaint and renames over what exists', async () => {
      await ufs.write('from', utf8('moved'));
      await ufs.write('to', utf8('replaced'));
      await ufs.rename('from', 'to');
      await ufs.rename('to', 'new/place');
      expect(await keysOf(ufs.list('', { recursive: true }))).toEqual(['new/place']);
      expect((await readAll(ufs, await versionOf(ufs, 'new/place'))).toString()).toBe('moved');
      await ufs.delete('new/place');
      await ufs.delete('new/place');
      expect(await ufs.status('new/place')).toBeUndefined();
      await expect(ufs.rename('from', 'to')).rejects.toMatchObject({ code: 'PathNotFound' });
    });

    it('a cancelled call sends nothing and says Cancelled', async () => {
      await ufs.write('object', utf8('x'));
      const file = await versionOf(ufs, 'object');
      const signal = AbortSignal.abort();
      await expect(ufs.status('object', { signal })).rejects.toMatchObject({ code: 'Cancelled' });
      await expect(ufs.read(file, 0, Buffer.alloc(1), { signal })).rejects.toMatchObject({ code: 'Cancelled' });
      await expect(keysOf(ufs.list('', { recursive: true, signal }))).rejects.toMatchObject({ code: 'Cancelled' });
      await expect(ufs.write('other', utf8('x'), { signal })).rejects.toMatchObject({ code: 'Cancelled' });
    });

    if (traits.hasOpaqueKeys) {
      it('keys are opaque: none is normalised, each object has its own bytes', async () => {
        const keys = ['a', 'a/', 'a/b', 'a//b', 'a/./b', 'a/../b', '..', '.', '/lead', '//', 'nul\0', 'end/', 'a\u0001b', '%2E%2E'];
        for (const key of keys) await ufs.write(key, utf8(`<${key}>`));
        for (const key of keys) expect((await readAll(ufs, await versionOf(ufs, key))).toString()).toBe(`<${key}>`);
        expect((await entriesOf(ufs.list('', { recursive: true }))).map(({ key }) => key)).toEqual(keys.toSorted(compareNames));
        await ufs.delete('a/../b');
        await ufs.rename('a//b', 'a/.../b');
        expect((await readAll(ufs, await versionOf(ufs, 'a/b'))).toString()).toBe('<a/b>');
        expect(await ufs.status('a//b')).toBeUndefined();
      });
    }
  });
}
