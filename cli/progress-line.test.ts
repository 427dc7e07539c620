import { describe, expect, it } from '@jest/globals';
import { progressText } from './progress-line.ts';

describe('the progress of a copy', () => {
  it('tells share, rate and time left when the size is known', () => {
    expect(progressText({ bytes: 2 ** 30, bytesTotal: 4 * 2 ** 30, files: 0 }, 2)).toBe('█████··············· 25%  1.0GiB of 4.0GiB  0 files  512MiB/s  6 s left');
  });
  it('tells bytes and files when it is not', () => {
    expect(progressText({ bytes: 1536, bytesTotal: undefined, files: 1 }, 1)).toBe('1.5KiB  1 file  1.5KiB/s');
  });
  it('of nothing is complete', () => expect(progressText({ bytes: 0, bytesTotal: 0, files: 1 }, 1)).toContain('100%'));
});
