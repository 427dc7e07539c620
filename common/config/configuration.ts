// Configuration of a process: values from command line, environment and site files, checked against the specs, each with its source.
import type { PropertySpec } from './property.ts';

/** Where a value came from. */
export type ValueSource =
  | { readonly kind: 'default' }
  | { readonly kind: 'site-file'; readonly file: string; readonly line: number }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'command-line' };

export const describeSource = (source: ValueSource): string => {
  if (source.kind === 'site-file') return `${source.file}:${source.line}`;
  if (source.kind === 'environment') return `environment ${source.variable}`;
  return source.kind === 'default' ? 'default' : 'command line';
};

/** A value as it was set. */
export interface SettingText {
  readonly text: string;
  readonly source: ValueSource;
}

/** A row of `conf get`. */
export interface ConfigurationEntry {
  readonly name: string;
  /** As written; '' when unset without default; `******` for secrets. */
  readonly value: string;
  readonly source: string;
  readonly isDefault: boolean;
}

interface ConfigurationParts {
  readonly specs: readonly PropertySpec<unknown>[];
  /** Set and checked properties with a spec, by name. */
  readonly settings: ReadonlyMap<string, SettingText & { readonly value: unknown }>;
  /** Properties below a free-form prefix, by name. */
  readonly freeForm: ReadonlyMap<string, SettingText & { readonly secret: boolean }>;
  readonly warnings: readonly string[];
}

const MASK = '******';

/** Immutable. Built by `loadConfiguration`. */
export class Configuration {
  readonly #parts: ConfigurationParts;

  constructor(parts: ConfigurationParts) {
    this.#parts = parts;
  }

  /** What is odd but does not stop the process: log them once at start. */
  get warnings(): readonly string[] {
    return this.#parts.warnings;
  }

  get<T>(spec: PropertySpec<T>): T {
    const setting = this.#parts.settings.get(spec.name);
    return setting === undefined ? spec.defaultValue : (setting.value as T);
  }

  isSet(spec: PropertySpec<unknown>): boolean {
    return this.#parts.settings.has(spec.name);
  }

  source(spec: PropertySpec<unknown>): ValueSource {
    return this.#parts.settings.get(spec.name)?.source ?? { kind: 'default' };
  }

  /** Options for every UFS of this process: `s3a.accessKeyId`, `alluxio.underfs.…` as they were written, secrets included. A mount's own options beat them. */
  ufsOptions(): Record<string, string> {
    const options: Record<string, string> = {};
    for (const [name, setting] of this.#parts.freeForm) options[name] = setting.text;
    for (const [name, setting] of this.#parts.settings) if (name.startsWith('alluxio.underfs.')) options[name] = setting.text;
    return options;
  }

  /** One row per known property and per free-form one that is set, by name. */
  entries(): ConfigurationEntry[] {
    const rows = this.#parts.specs.map((spec) => this.#entryOf(spec));
    for (const [name, setting] of this.#parts.freeForm) {
      rows.push({ name, value: setting.secret ? MASK : setting.text, source: describeSource(setting.source), isDefault: false });
    }
    return rows.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** undefined: no such property. */
  entry(name: string): ConfigurationEntry | undefined {
    return this.entries().find((row) => row.name === name);
  }

  #entryOf(spec: PropertySpec<unknown>): ConfigurationEntry {
    const setting = this.#parts.settings.get(spec.name);
    const text = setting?.text ?? spec.defaultText ?? '';
    return { name: spec.name, value: spec.secret && text !== '' ? MASK : text, source: describeSource(setting?.source ?? { kind: 'default' }), isDefault: setting === undefined };
  }
}
