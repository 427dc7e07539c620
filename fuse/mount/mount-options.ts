// Mount options as people write them (`allow_other`, `attr_timeout=60`, …), sorted into what the kernel is told and what the daemon does itself.
import { Property } from '../../common/config/index.ts';
import { CacheError } from '../../common/errors/index.ts';

export interface MountOptions {
  readonly allowOther: boolean;
  /** The kernel checks mode bits. */
  readonly defaultPermissions: boolean;
  readonly nonEmpty: boolean;
  readonly noExec: boolean;
  readonly attrTimeoutMs: number | undefined;
  readonly entryTimeoutMs: number | undefined;
  /** Accepted and without effect here. */
  readonly ignored: readonly string[];
}

/** Options of libfuse or of Alluxio's tables that this daemon needs not: what they ask for is so anyway, or is decided otherwise. */
const WITHOUT_EFFECT = new Set([
  'ro',
  'big_writes',
  'kernel_cache',
  'auto_cache',
  'max_idle_threads',
  'max_background',
  'async_read',
  'noatime',
  'nosuid',
  'nodev',
  'rw',
  'fsname',
  'subtype',
  'exec',
]);
const FLAGS = new Set(['allow_other', 'default_permissions', 'nodefault_permissions', 'nonempty', 'noexec']);
const SECONDS = new Set(['attr_timeout', 'entry_timeout']);

const refuse = (option: string, why: string): CacheError =>
  new CacheError('InvalidConfiguration', `The mount option '${option}' ${why}.`, {
    source: 'caller',
    context: {
      field: Property.fuseMountOptions.name,
      value: option,
      remedy: `Known options: ${[...FLAGS, ...[...SECONDS].map((name) => `${name}=SECONDS`)].join(', ')}.`,
    },
  });

/** @throws InvalidConfiguration for the first option that is unknown or malformed */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const flags = new Set<string>();
  const seconds = new Map<string, number>();
  const ignored: string[] = [];
  for (const option of options) {
    const [name = '', value] = option.split('=', 2);
    if (SECONDS.has(name)) {
      if (value === undefined || !/^\d+(\.\d+)?$/.test(value)) throw refuse(option, 'needs a number of seconds');
      seconds.set(name, Number(value) * 1000);
    } else if (FLAGS.has(name) && value === undefined) flags.add(name);
    else if (WITHOUT_EFFECT.has(name)) ignored.push(option);
    else throw refuse(option, 'is not known');
  }
  return {
    allowOther: flags.has('allow_other'),
    defaultPermissions: !flags.has('nodefault_permissions'),
    nonEmpty: flags.has('nonempty'),
    noExec: flags.has('noexec'),
    attrTimeoutMs: seconds.get('attr_timeout'),
    entryTimeoutMs: seconds.get('entry_timeout'),
    ignored,
  };
}
