// Names that need no spec of their own: options that a UFS understands, by prefix.

const PREFIXES = ['s3a.', 'fs.', 'dfs.', 'hadoop.', 'alluxio.underfs.'] as const;
const SECRET = /secret|accesskey|access\.key|password|passwd|token|credential|private.?key|account.?key|sas/i;

export const FREE_FORM_PREFIXES: readonly string[] = PREFIXES;
export const isFreeForm = (name: string): boolean => PREFIXES.some((prefix) => name.startsWith(prefix) && name.length > prefix.length);
/** Whether a free-form value must not be shown: asks too much rather than too little. */
export const looksSecret = (name: string): boolean => SECRET.test(name);
