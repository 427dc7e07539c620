// What a property is: name, type, unit, default, range, meaning. Builders make typed specs; the engine and the reference page read them.
import { CacheError } from '../errors/index.ts';
import { formatBytes, formatDurationMs, parseBytes, parseDurationMs } from './quantity.ts';

export type PropertyType = 'boolean' | 'integer' | 'number' | 'bytes' | 'duration' | 'string' | 'list' | 'sizes' | 'enum' | 'port' | 'path';

/** A parsed value, or why the text is none: a phrase that follows the value, as in "must be …". */
export type Parsed<T> = { readonly value: T } | { readonly fault: string };

export interface PropertySpec<T> {
  readonly name: string;
  readonly type: PropertyType;
  /** As a person would write it; undefined: no default. */
  readonly defaultText: string | undefined;
  /** Range and unit for people: `64KiB … 64MiB, a power of two`. '' when everything of the type goes. */
  readonly rangeText: string;
  readonly doc: string;
  /** Never printed or logged. */
  readonly secret: boolean;
  readonly parse: (text: string) => Parsed<T>;
  /** Value of defaultText. */
  readonly defaultValue: T;
}

interface Options<T> {
  readonly name: string;
  readonly doc: string;
  readonly default?: string;
  readonly secret?: boolean;
  /** Further condition. @returns a phrase like "must be a power of two", or undefined when fine */
  readonly check?: (value: T) => string | undefined;
  /** Shown in the range column beside min and max. */
  readonly range?: string;
}
interface Bounds {
  readonly min?: number;
  readonly max?: number;
}
type WithDefault<O> = O & { readonly default: string };
type Build<T> = (options: Options<T>, type: PropertyType, read: (text: string) => Parsed<T>) => PropertySpec<T>;

function build<T>(options: Options<T>, type: PropertyType, read: (text: string) => Parsed<T>): PropertySpec<T> {
  const parse = (text: string): Parsed<T> => {
    const parsed = read(text.trim());
    if ('fault' in parsed) return parsed;
    const fault = options.check?.(parsed.value);
    return fault === undefined ? parsed : { fault };
  };
  let defaultValue: T | undefined;
  if (options.default !== undefined) {
    const parsed = parse(options.default);
    if ('fault' in parsed) throw new CacheError('Internal', `The default of ${options.name} ${parsed.fault}.`);
    defaultValue = parsed.value;
  }
  return {
    name: options.name,
    type,
    defaultText: options.default,
    rangeText: options.range ?? '',
    doc: options.doc,
    secret: options.secret ?? false,
    parse,
    // Without a default the builders' types say `| undefined`.
    defaultValue: defaultValue as T,
  };
}

interface Scale {
  readonly read: (text: string) => number | undefined;
  readonly format: (value: number) => string;
  readonly what: string;
}

function scaled(options: Options<number> & Bounds, type: PropertyType, scale: Scale): PropertySpec<number> {
  const { min = 0, max = Infinity } = options;
  const bounds = max === Infinity ? `at least ${scale.format(min)}` : `between ${scale.format(min)} and ${scale.format(max)}`;
  const read = (text: string): Parsed<number> => {
    const value = scale.read(text);
    if (value === undefined) return { fault: `must be ${scale.what}` };
    return value < min || value > max ? { fault: `must be ${bounds}` } : { value };
  };
  const range = max === Infinity ? `≥ ${scale.format(min)}` : `${scale.format(min)} … ${scale.format(max)}`;
  return build({ ...options, range: options.range === undefined ? range : `${range}, ${options.range}` }, type, read);
}

const SIZE: Scale = { read: parseBytes, format: formatBytes, what: 'a size such as 4MB or 512KiB' };
const DURATION: Scale = { read: parseDurationMs, format: formatDurationMs, what: 'a duration such as 500ms, 10s or 1h' };
const decimal = (pattern: RegExp) => (text: string) => (pattern.test(text) ? Number(text) : undefined);
const INTEGER: Scale = { read: decimal(/^-?\d+$/), format: String, what: 'a whole number' };
const NUMBER: Scale = { read: decimal(/^-?\d+(\.\d+)?$/), format: String, what: 'a number' };

type NumberOptions = Options<number> & Bounds;
/** Bytes. */
export function bytes(options: WithDefault<NumberOptions>): PropertySpec<number>;
export function bytes(options: NumberOptions): PropertySpec<number | undefined>;
export function bytes(options: NumberOptions): PropertySpec<number | undefined> {
  return scaled(options, 'bytes', SIZE) as PropertySpec<number | undefined>;
}
/** Milliseconds; `never` is Infinity where the range has no upper end. */
export function duration(options: WithDefault<NumberOptions>): PropertySpec<number>;
export function duration(options: NumberOptions): PropertySpec<number | undefined>;
export function duration(options: NumberOptions): PropertySpec<number | undefined> {
  return scaled(options, 'duration', DURATION) as PropertySpec<number | undefined>;
}
export function integer(options: WithDefault<NumberOptions>): PropertySpec<number>;
export function integer(options: NumberOptions): PropertySpec<number | undefined>;
export function integer(options: NumberOptions): PropertySpec<number | undefined> {
  return scaled(options, 'integer', INTEGER) as PropertySpec<number | undefined>;
}
/** A number with a fraction, e.g. a share of 1. */
export function number(options: WithDefault<NumberOptions>): PropertySpec<number>;
export function number(options: NumberOptions): PropertySpec<number | undefined>;
export function number(options: NumberOptions): PropertySpec<number | undefined> {
  return scaled(options, 'number', NUMBER) as PropertySpec<number | undefined>;
}
/** TCP port; 0 takes a free one. */
export const port = (options: WithDefault<Options<number>>): PropertySpec<number> => scaled({ ...options, min: 0, max: 65_535 }, 'port', { ...INTEGER, what: 'a port number' });

export function boolean(options: WithDefault<Options<boolean>>): PropertySpec<boolean> {
  return build({ range: '`true`, `false`', ...options }, 'boolean', (text) => {
    const lower = text.toLowerCase();
    return lower === 'true' || lower === 'false' ? { value: lower === 'true' } : { fault: 'must be true or false' };
  });
}

export function string(options: WithDefault<Options<string>>): PropertySpec<string>;
export function string(options: Options<string>): PropertySpec<string | undefined>;
export function string(options: Options<string>): PropertySpec<string | undefined> {
  return (build as Build<string>)(options, 'string', (text) => ({ value: text })) as PropertySpec<string | undefined>;
}

/** A file or directory; '' is refused. */
export function path(options: WithDefault<Options<string>>): PropertySpec<string>;
export function path(options: Options<string>): PropertySpec<string | undefined>;
export function path(options: Options<string>): PropertySpec<string | undefined> {
  return (build as Build<string>)(options, 'path', (text) => (text === '' ? { fault: 'must not be empty' } : { value: text })) as PropertySpec<string | undefined>;
}

const items = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** Items between commas; white space around them and empty items are dropped. */
export const list = (options: Options<readonly string[]>): PropertySpec<readonly string[]> =>
  build({ ...options, default: options.default ?? '' }, 'list', (text) => ({ value: items(text) }));

/** Sizes between commas, in bytes. */
export const sizes = (options: Options<readonly number[]>): PropertySpec<readonly number[]> =>
  build({ ...options, default: options.default ?? '' }, 'sizes', (text) => {
    const values = items(text).map(parseBytes);
    const wrong = values.indexOf(undefined);
    return wrong < 0 ? { value: values as number[] } : { fault: `must be sizes between commas such as 100GB,200GB: '${items(text)[wrong]}' is none` };
  });

/** One of a closed set; case does not matter. */
export function oneOf<const V extends string>(values: readonly V[], options: WithDefault<Options<V>>): PropertySpec<V> {
  return build({ ...options, range: options.range ?? values.map((value) => `\`${value}\``).join(', ') }, 'enum', (text) => {
    const value = values.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
    return value === undefined ? { fault: `must be ${values.join(' or ')}` } : { value };
  });
}

/** Check for `check:`. */
export const powerOfTwo = (value: number): string | undefined => (Number.isInteger(Math.log2(value)) ? undefined : 'must be a power of two');
