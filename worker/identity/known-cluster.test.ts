import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readKnownCluster, writeKnownCluster } from './known-cluster.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'known-cluster-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('what a worker last knew of its cluster', () => {
  it('is told again for the same name only, and leaves no draft behind', () => {
    const file = join(directory, 'id');
    expect(readKnownCluster(file, 'a')).toBeUndefined();
    writeKnownCluster(file, { clusterName: 'a', clusterUid: 'u' });
    expect(readKnownCluster(file, 'a')).toEqual({ clusterName: 'a', clusterUid: 'u' });
    expect(readKnownCluster(file, 'b')).toBeUndefined();
    expect(readdirSync(directory)).toEqual(['id.cluster']);
  });

  it('counts as unknown when the file is damaged', () => {
    const file = join(directory, 'id');
    for (const text of ['', '{', 'null', '{"clusterName":"a"}']) {
      writeFileSync(`${file}.cluster`, text);
      expect(readKnownCluster(file, 'a')).toBeUndefined();
    }
  });

  it('names the directory when it cannot be written', () => {
    expect(() => writeKnownCluster(join(directory, 'no', 'id'), { clusterName: 'a', clusterUid: 'u' })).toThrow(expect.objectContaining({ code: 'InvalidConfiguration' }));
  });
});
