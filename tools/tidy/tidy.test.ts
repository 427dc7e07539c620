import { describe, expect, it } from '@jest/globals';
import { ERROR_TABLE } from '../../common/errors/index.ts';
import * as rules from './rules.ts';
import ratchet from './ratchet.json' with { type: 'json' };
import { sourceFiles } from './source-tree.ts';

const files = sourceFiles();

describe('the tree is tidy', () => {
  it('keeps to the import table', () => expect([...rules.brokenImports(files), ...rules.s3ImportedElsewhere(files)]).toEqual([]));
  it('reaches each npm package through its door', () => expect(rules.packagesOutsideDoors(files)).toEqual([]));
  it('keeps files small, beyond a list that only shrinks', () => expect([...rules.oversizedFiles(files, ratchet), ...rules.looseRatchet(files, ratchet)]).toEqual([]));
  it('names files by nouns', () => expect(rules.bannedNames(files)).toEqual([]));
  it('leaves console, env, argv and exit to main.ts and throws CacheErrors only', () => expect(rules.bannedCalls(files)).toEqual([]));
  it('has no file that nothing reaches', () => expect(rules.unreachedFiles(files)).toEqual([]));
  it('lists every error code in docs/reference/errors.md and no other', () => expect(rules.catalogueAgainstPage(Object.keys(ERROR_TABLE), 'docs/reference/errors.md')).toEqual([]));
  it('lists every metric in docs/reference/metrics.md and no other', () => expect(rules.catalogueAgainstPage(rules.metricNames(files), 'docs/reference/metrics.md')).toEqual([]));
  it('holds no large file and no registry host', () => expect(rules.unfitFiles()).toEqual([]));
});

describe('the tidy rules', () => {
  const file = (path: string, text: string, imports: string[] = [], packages: string[] = []) => ({ path, text, imports, packages, isTest: path.endsWith('.test.ts') });
  it('see a forbidden import, a package outside its door and a lonely file', () => {
    expect(rules.brokenImports([file('cache/a.ts', '', ['worker/b.ts'])])).toHaveLength(1);
    expect(rules.packagesOutsideDoors([file('cache/a.ts', '', [], ['winston']), file('cache/b.ts', '', [], ['left-pad'])])).toHaveLength(2);
    expect(rules.unreachedFiles([file('cache/a.ts', ''), file('cache/b.test.ts', '')])).toHaveLength(1);
  });
  it('see banned calls in code but not in comments or tests', () => {
    expect(rules.bannedCalls([file('cache/a.ts', "throw new Error('x')"), file('cache/b.ts', '// console.log()'), file('cache/c.test.ts', 'process.exit(1)')])).toHaveLength(1);
  });
  it('see an oversized file and a ratchet that could be tighter', () => {
    expect(rules.oversizedFiles([file('cache/a.ts', '\n'.repeat(501))], {})).toHaveLength(1);
    expect(rules.looseRatchet([file('cache/a.ts', '\n'.repeat(501))], { 'cache/a.ts': 502 })).toHaveLength(1);
  });
});
