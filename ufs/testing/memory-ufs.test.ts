import { describe, expect, it } from '@jest/globals';
import type { UfsEntry } from '../under-file-system.ts';
import { describeUfsContract } from '../ufs.contract.ts';
import { createMemoryUfs } from './memory-ufs.ts';

describeUfsContract('memory', async () => ({ ufs: createMemoryUfs(), close: () => undefined }), { hasOpaqueKeys: true });

const collect = async (batches: AsyncIterable<readonly UfsEntry[]>): Promise<string[]> => {
  const keys: string[] = [];
  for await (const batch of batches) keys.push(...batch.map(({ key, status }) => `${status.type[0] ?? ''}:${key}`));
  return keys;
};
const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('memory UFS', () => {
  it('keeps keys that paths would fold together apart', async () => {
    const keys = ['a', 'a/b', 'a//b', 'a/./b', 'a/', '..'];
    const ufs = createMemoryUfs({ objects: Object.fromEntries(keys.map((key) => [key, bytes(`<${key}>`)])) });
    for (const key of keys) {
      const status = await ufs.status(key);
      const into = new Uint8Array(20);
      const count = await ufs.read({ key, version: status?.version ?? '', length: status?.length ?? -1 }, 0, into);
      expect(Buffer.from(into.subarray(0, count)).toString()).toBe(`<${key}>`);
    }
  });

  it('refuses a read of an overwritten, a deleted and a wrongly sized object', async () => {
    const ufs = createMemoryUfs();
    const { version, length } = await ufs.write('k', bytes('one'));
    await expect(ufs.read({ key: 'k', version, length: length + 1 }, 0, new Uint8Array(1))).rejects.toMatchObject({ code: 'UfsObjectChanged' });
    await ufs.write('k', bytes('one'));
    await expect(ufs.read({ key: 'k', version, length }, 0, new Uint8Array(1))).rejects.toMatchObject({ code: 'UfsObjectChanged' });
    await ufs.delete('k');
    await expect(ufs.read({ key: 'k', version, length }, 0, new Uint8Array(1))).rejects.toMatchObject({ code: 'UfsObjectChanged' });
  });

  it('reads short only at the end of the object', async () => {
    const ufs = createMemoryUfs();
    const { version, length } = await ufs.write('k', bytes('0123456789'));
    const file = { key: 'k', version, length };
    expect(await ufs.read(file, 8, new Uint8Array(4))).toBe(2);
    expect(await ufs.read(file, 10, new Uint8Array(4))).toBe(0);
    expect(await ufs.read(file, 2, new Uint8Array(4))).toBe(4);
  });

  it('lists in byte order, one level with each directory once, and resumes after a key', async () => {
    const ufs = createMemoryUfs({ objects: { 'd/2': bytes(''), 'd/1': bytes(''), '\u{1f600}': bytes(''), '\uff5e': bytes(''), b: bytes('') } });
    expect(await collect(ufs.list('', { recursive: false }))).toEqual(['f:b', 'd:d', 'f:\uff5e', 'f:\u{1f600}']);
    expect(await collect(ufs.list('', { recursive: true, startAfter: 'd/1', batchSize: 1 }))).toEqual(['f:d/2', 'f:\uff5e', 'f:\u{1f600}']);
    expect(await collect(ufs.list('missing/', { recursive: true }))).toEqual([]);
  });

  it('joins parts in order and forgets an aborted upload', async () => {
    const ufs = createMemoryUfs();
    const upload = await ufs.createMultipart('k');
    const second = await ufs.uploadPart(upload, 2, bytes('b'));
    const first = await ufs.uploadPart(upload, 1, bytes('a'));
    await expect(ufs.completeMultipart(upload, [second, first])).rejects.toMatchObject({ code: 'InvalidArgument' });
    expect((await ufs.completeMultipart(upload, [first, second])).length).toBe(2);
    const other = await ufs.createMultipart('k');
    await ufs.abortMultipart(other);
    await expect(ufs.uploadPart(other, 1, bytes('a'))).rejects.toMatchObject({ code: 'UploadNotFound' });
    await expect(ufs.write('k', bytes(''), { ifNoneMatch: '*' })).rejects.toMatchObject({ code: 'PreconditionFailed' });
  });
});
