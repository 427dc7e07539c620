// What each suite runs. Unit, contract and component tests share the cores; end-to-end tests run one file after another, since they kill and measure processes.
import type { Need } from './prepare.ts';

export interface Suite {
  /** Format, lint and types first. */
  readonly checks: boolean;
  readonly needs: readonly Need[];
  /** Argument lists of jest, one run each. */
  readonly jest: readonly (readonly string[])[];
  readonly env?: Readonly<Record<string, string>>;
  /** Programs that count as one test each: name and node arguments. */
  readonly programs?: readonly (readonly [string, readonly string[]])[];
}
export type SuiteName = 'test' | 'e2e' | 'soak';

export const SUITES: Readonly<Record<SuiteName, Suite>> = {
  test: {
    checks: true,
    needs: ['versitygw', 'etcd', 'fuse'],
    jest: [
      ['--maxWorkers=2', '--testPathIgnorePatterns', '/node_modules/', '/e2e/'],
      ['--runInBand', 'e2e/local'],
    ],
  },
  e2e: {
    checks: false,
    needs: ['versitygw', 'etcd', 'fuse'],
    jest: [['--runInBand', 'e2e/faults', 'e2e/posix']],
    programs: [['make run ARGS=--once shows the product and every step holds', ['tools/show/main.ts', '--once']]],
  },
  soak: {
    checks: false,
    needs: ['versitygw', 'etcd', 'fuse'],
    jest: [['--runInBand', 'e2e']],
    env: { ALLUXIO_TEST_SOAK: '1' },
  },
};
