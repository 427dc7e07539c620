import { describe, expect, it } from '@jest/globals';
import { ScriptedUfs } from '../client/testing/scripted-ufs.ts';
import { isPosixName } from '../common/namespace/index.ts';
import { MemoryUfs } from './testing/memory-ufs.ts';
import { isPosixKey, projectList, projectStatus, type ProjectedPage } from './projection.ts';
import type { UnderFileSystem } from './under-file-system.ts';

function storeOf(...keys: string[]): ScriptedUfs {
  const ufs = new ScriptedUfs();
  for (const key of keys) ufs.put(key, key.endsWith('/') ? '' : key);
  return ufs;
}

async function listAll(ufs: UnderFileSystem, dirKey: string, limit: number): Promise<{ names: string[]; hidden: number; pages: number }> {
  const names: string[] = [];
  let hidden = 0;
  let pages = 0;
  let page: ProjectedPage | undefined;
  do {
    page = await projectList(ufs, dirKey, { limit, ...(page?.next !== undefined && { startAfter: page.next }) });
    expect(page.entries.length).toBeLessThanOrEqual(limit);
    names.push(...page.entries.map((entry) => (entry.status.type === 'directory' ? `${entry.name}/` : entry.name)));
    hidden += page.hidden;
    pages++;
  } while (page.truncated);
  return { names, hidden, pages };
}

describe('status', () => {
  it('shows the directory where an object has the same name', async () => {
    const ufs = storeOf('a', 'a/b');
    expect(await projectStatus(ufs, 'a')).toMatchObject({ type: 'directory', ufsUri: 's3://bucket/a', version: '' });
    expect(await projectStatus(ufs, 'a/b')).toMatchObject({ type: 'file', length: 3 });
  });

  it('takes a zero-byte object with a closing slash for a directory', async () => {
    expect(await projectStatus(storeOf('empty/'), 'empty')).toMatchObject({ type: 'directory' });
  });

  it('finds nothing where only a longer name exists', async () => {
    expect(await projectStatus(storeOf('abc', 'ab-/c'), 'ab')).toBeUndefined();
  });

  it('answers the exact object for a key that POSIX cannot show', async () => {
    const ufs = storeOf('a//b', 'a/./b', 'a/b', '..');
    for (const key of ['a//b', 'a/./b', '..']) expect(await projectStatus(ufs, key)).toMatchObject({ type: 'file', length: key.length });
  });

  it('reads by name with credentials that may not list, and says so when that leaves nothing', async () => {
    const { CacheError } = await import('../common/errors/index.ts');
    const ufs = storeOf('a');
    ufs.before = (op) => {
      if (op === 'list') throw new CacheError('PermissionDenied', 'no list');
    };
    expect(await projectStatus(ufs, 'a')).toMatchObject({ type: 'file' });
    await expect(projectStatus(ufs, 'b')).rejects.toMatchObject({ code: 'PermissionDenied' });
  });

  it('the root is a directory without a request', async () => {
    const ufs = storeOf();
    expect(await projectStatus(ufs, '')).toMatchObject({ type: 'directory' });
    expect(ufs.requests).toMatchObject({ status: 0, list: 0 });
  });

  it('tells keys that POSIX can show', () => {
    for (const key of ['', 'a', 'a/b', 'é/\udcff']) expect(isPosixKey(key)).toBe(true);
    for (const key of ['/', 'a/', 'a//b', './a', '../a', 'a\0', 'x'.repeat(256)]) expect(isPosixKey(key)).toBe(false);
  });
});

describe('list', () => {
  it('hides and counts what POSIX cannot show', async () => {
    const ufs = storeOf('d/', 'd/a', 'd//b', 'd/./c', 'd/../e', 'd/..', `d/${'x'.repeat(256)}`, 'd/nul\0', 'd/z/');
    expect(await listAll(ufs, 'd', 10)).toMatchObject({ names: ['a', 'z/'], hidden: 6 });
  });

  it('shows a directory once and hides the object of its name, also when the two are pages apart', async () => {
    const between = Array.from({ length: 50 }, (_, i) => `d/a-${String(i).padStart(2, '0')}`);
    const ufs = storeOf('d/a', ...between, 'd/a/below', 'd/a-07/below', 'd/b');
    for (const limit of [1, 2, 3, 7, 999]) {
      const { names, hidden } = await listAll(ufs, 'd', limit);
      expect(names.filter((name) => name.startsWith('a/') || name === 'a')).toEqual(['a/']);
      expect(names.filter((name) => name.startsWith('a-07'))).toEqual(['a-07/']);
      expect(names).toHaveLength(52);
      expect(hidden).toBe(2);
    }
  });

  it.each(['a slash behind directories, as S3', 'plain names'])(
    'lists each visible name exactly once for every page size where the store sorts by %s (seeded trees)',
    async (order) => {
      const seed = 20_261_124;
      let state = seed;
      const random = (n: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % n;
      const alphabet = ['a', '-', '.', '/', 'é', '\u{1F600}', '0', '\0'];
      for (let tree = 0; tree < 400; tree++) {
        const keys = new Set(Array.from({ length: 1 + random(30) }, () => Array.from({ length: 1 + random(5) }, () => alphabet[random(alphabet.length)]).join('')));
        const objects = Object.fromEntries([...keys].map((key) => [`d/${key}`, Buffer.from(key)]));
        const ufs = order === 'plain names' ? new MemoryUfs({ objects }) : new ScriptedUfs();
        if (ufs instanceof ScriptedUfs) for (const [key, bytes] of Object.entries(objects)) ufs.put(key, bytes);
        const first = new Set([...keys].map((key) => key.split('/')[0]!).filter(isPosixName));
        const expected = [...first].map((name) => ([...keys].some((key) => key.startsWith(`${name}/`)) ? `${name}/` : name)).toSorted();
        const { names } = await listAll(ufs, 'd', 1 + random(6));
        expect({ seed, tree, names: names.toSorted() }).toEqual({ seed, tree, names: expected });
      }
    },
  );

  it('needs one request for a page of plain names', async () => {
    const ufs = storeOf(...Array.from({ length: 2500 }, (_, i) => `d/${String(i).padStart(6, '0')}.jpg`));
    const { names, pages } = await listAll(ufs, 'd', 1000);
    expect(names).toHaveLength(2500);
    expect(ufs.requests.list).toBe(pages);
  });

  it('tells a missing directory from an empty one and from a file', async () => {
    const ufs = storeOf('empty/', 'file');
    expect(await projectList(ufs, 'empty')).toEqual({ entries: [], truncated: false, hidden: 0 });
    expect(await projectList(storeOf(), '')).toEqual({ entries: [], truncated: false, hidden: 0 });
    await expect(projectList(ufs, 'missing')).rejects.toMatchObject({ code: 'PathNotFound' });
    await expect(projectList(ufs, 'file')).rejects.toMatchObject({ code: 'NotADirectory' });
    await expect(projectList(ufs, 'a//b')).rejects.toMatchObject({ code: 'PathNotFound' });
  });
});
