// Texts with units: byte sizes and durations. Pure parsing and formatting; who uses which is the specs' business.

const KIB = 1024;
const BYTE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: KIB,
  kb: KIB,
  kib: KIB,
  ki: KIB,
  m: KIB ** 2,
  mb: KIB ** 2,
  mib: KIB ** 2,
  mi: KIB ** 2,
  g: KIB ** 3,
  gb: KIB ** 3,
  gib: KIB ** 3,
  gi: KIB ** 3,
  t: KIB ** 4,
  tb: KIB ** 4,
  tib: KIB ** 4,
  ti: KIB ** 4,
  p: KIB ** 5,
  pb: KIB ** 5,
  pib: KIB ** 5,
  pi: KIB ** 5,
};
const SECOND = 1000;
const DURATION_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  millisecond: 1,
  s: SECOND,
  sec: SECOND,
  second: SECOND,
  m: 60 * SECOND,
  min: 60 * SECOND,
  minute: 60 * SECOND,
  h: 3600 * SECOND,
  hr: 3600 * SECOND,
  hour: 3600 * SECOND,
  d: 86_400 * SECOND,
  day: 86_400 * SECOND,
};
const QUANTITY = /^(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z]*)$/;

/** Bytes of `4MB`, `4MiB`, `1.5g`, `512`; all units are powers of 1024, as in the reference. undefined: not a size */
export function parseBytes(text: string): number | undefined {
  const match = QUANTITY.exec(text.trim());
  const unit = match === null ? undefined : BYTE_UNITS[match[2]!.toLowerCase()];
  if (match === null || unit === undefined) return undefined;
  const bytes = Number(match[1]) * unit;
  return Number.isInteger(bytes) && bytes <= Number.MAX_SAFE_INTEGER ? bytes : undefined;
}

/** Milliseconds of `10s`, `1min`, `500ms`, `1.5h`, `2days`; a bare number is milliseconds; `never` is Infinity. undefined: not a duration */
export function parseDurationMs(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === 'never') return Infinity;
  const match = QUANTITY.exec(trimmed);
  if (match === null) return undefined;
  const unit = DURATION_UNITS[match[2]!] ?? DURATION_UNITS[match[2]!.replace(/s$/, '')];
  return unit === undefined ? undefined : Number(match[1]) * unit;
}

/** Shortest exact text: 4194304 → `4MiB`, 1000 → `1000B`. */
export function formatBytes(bytes: number): string {
  for (const [power, unit] of [
    [5, 'PiB'],
    [4, 'TiB'],
    [3, 'GiB'],
    [2, 'MiB'],
    [1, 'KiB'],
  ] as const) {
    if (bytes >= KIB ** power && bytes % KIB ** power === 0) return `${bytes / KIB ** power}${unit}`;
  }
  return `${bytes}B`;
}

export function formatDurationMs(ms: number): string {
  if (ms === Infinity) return 'never';
  for (const [unit, name] of [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ] as const) {
    if (ms >= unit && ms % unit === 0) return `${ms / unit}${name}`;
  }
  return `${ms}ms`;
}
