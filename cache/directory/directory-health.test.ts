import { describe, expect, it } from '@jest/globals';
import { DirectoryHealth, ERRORS_IN_A_ROW, type HealthState } from './directory-health.ts';

const errorOf = (code: string): Error => Object.assign(new Error(code), { code });

function stage(probe: () => void): { readonly health: DirectoryHealth; readonly changes: HealthState[] } {
  const changes: HealthState[] = [];
  return { health: new DirectoryHealth({ path: '/pages', onChange: (state) => changes.push(state), probe }), changes };
}

describe('health of a page-store directory', () => {
  it('is suspect after one error, failed after several in a row, and healthy after a probe', () => {
    let fault: Error | undefined = errorOf('EIO');
    const { health, changes } = stage(() => {
      if (fault !== undefined) throw fault;
    });
    for (let i = 0; i < ERRORS_IN_A_ROW; i++) health.noteError(errorOf('EIO'));
    health.probe();
    fault = undefined;
    health.probe();
    expect(changes).toEqual(['suspect', 'failed', 'healthy']);
  });

  it.each(['ENOSPC', 'EDQUOT'])('comes back on a full disk (%s): only a store that stores makes room', (code) => {
    const { health, changes } = stage(() => {
      throw errorOf(code);
    });
    health.noteError(errorOf('EIO'));
    health.probe();
    expect(changes).toEqual(['suspect', 'healthy']);
  });

  it('learns nothing from a probe for which the process had no descriptor, nor from errors that are no fault of the disk', () => {
    const { health, changes } = stage(() => {
      throw errorOf('EMFILE');
    });
    for (const code of ['ENOSPC', 'EMFILE', 'EFBIG', 'ESTALE']) expect(health.noteError(errorOf(code))).toBe(false);
    health.noteError(errorOf('EIO'));
    health.probe();
    expect(changes).toEqual(['suspect']);
  });
});
