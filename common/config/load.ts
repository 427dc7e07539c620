// Reads settings from all sources, the strongest first (-D, environment, site files), checks them and reports every problem at once.
import { basename } from 'node:path';
import { CacheError } from '../errors/index.ts';
import { Configuration, describeSource, type SettingText, type ValueSource } from './configuration.ts';
import { isFreeForm, looksSecret } from './free-form.ts';
import { nearestName } from './nearest-name.ts';
import { IGNORED_PROPERTIES, UNSUPPORTED_PROPERTIES } from './properties/unsupported.ts';
import type { PropertySpec } from './property.ts';
import { readSiteFile } from './site-file.ts';

export interface ConfigurationSources {
  /** Earlier files beat later ones. Missing files are an error: pass only those that exist. */
  readonly siteFiles?: readonly string[];
  /** `name=value` texts of -D options, or an object. The last one of a name wins. */
  readonly overrides?: readonly string[] | Readonly<Record<string, string>>;
  /** Of the process: `ALLUXIO_WORKER_PAGE_STORE_DIRS` sets `alluxio.worker.page.store.dirs`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

interface Setting extends SettingText {
  readonly name: string;
}

export interface ConfigurationProblem {
  readonly property: string;
  readonly value: string;
  readonly message: string;
  readonly source: ValueSource;
  readonly nearest?: string;
}

export const environmentName = (property: string): string => property.toUpperCase().replace(/[.-]/g, '_');

/** Variables that begin like properties but mean something else. */
const OTHER_VARIABLES = new Set(['ALLUXIO_COORDINATOR', 'ALLUXIO_CONF_DIR', 'ALLUXIO_CONTEXT', 'ALLUXIO_HOME', 'ALLUXIO_JAVA_OPTS', 'ALLUXIO_BUILD']);
/** Kubernetes announces each service in variables; a service called alluxio-worker would otherwise set properties. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP)|_PORT$/;

function overrideSettings(overrides: ConfigurationSources['overrides'], problems: ConfigurationProblem[]): Setting[] {
  const source: ValueSource = { kind: 'command-line' };
  if (overrides === undefined) return [];
  if (!Array.isArray(overrides)) return Object.entries(overrides as Record<string, string>).map(([name, text]) => ({ name, text, source }));
  const settings: Setting[] = [];
  for (const text of overrides as readonly string[]) {
    const equals = text.indexOf('=');
    if (equals <= 0) problems.push({ property: text, value: '', message: 'must be written -Dname=value', source });
    else settings.push({ name: text.slice(0, equals).trim(), text: text.slice(equals + 1), source });
  }
  return settings.reverse();
}

function environmentSettings(env: Readonly<Record<string, string | undefined>>, specs: readonly PropertySpec<unknown>[], warnings: string[]): Setting[] {
  const byVariable = new Map(specs.map((spec) => [environmentName(spec.name), spec.name]));
  const settings: Setting[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('ALLUXIO_') || text === undefined || OTHER_VARIABLES.has(variable)) continue;
    const name = byVariable.get(variable);
    // A link's value is an address: `tcp://10.0.0.1:29999`.
    if (name !== undefined && !/^(tcp|udp):\/\//.test(text)) settings.push({ name, text, source: { kind: 'environment', variable } });
    else if (name === undefined && !SERVICE_LINK.test(variable)) warnings.push(unknownVariable(variable, byVariable.keys()));
  }
  return settings;
}

/** Only a warning: the environment also holds what others put there. */
function unknownVariable(variable: string, known: Iterable<string>): string {
  const nearest = nearestName(variable, known);
  return `The environment variable ${variable} names no property${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
}

function siteSettings(files: readonly string[], problems: ConfigurationProblem[], warnings: string[]): Setting[] {
  const settings: Setting[] = [];
  for (const file of files) {
    const lineOf = new Map<string, number>();
    for (const { name, value, line } of readSiteFile(file).reverse()) {
      const source: ValueSource = { kind: 'site-file', file, line };
      if (name === '') problems.push({ property: value.slice(0, 40), value: '', message: 'is not a property: write name=value', source });
      else if (lineOf.has(name)) warnings.push(`${name} is set twice in ${basename(file)}: line ${lineOf.get(name)} beats line ${line}`);
      else settings.push({ name, text: value, source });
      if (!lineOf.has(name)) lineOf.set(name, line);
    }
  }
  return settings;
}

/** @throws InvalidConfiguration that names every problem: property, value, place, nearest known name */
export function loadSettings(specs: readonly PropertySpec<unknown>[], sources: ConfigurationSources): Configuration {
  const problems: ConfigurationProblem[] = [];
  const warnings: string[] = [];
  const all = [
    ...overrideSettings(sources.overrides, problems),
    ...environmentSettings(sources.env ?? {}, specs, warnings),
    ...siteSettings(sources.siteFiles ?? [], problems, warnings),
  ];
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const settings = new Map<string, SettingText & { readonly value: unknown }>();
  const freeForm = new Map<string, SettingText & { readonly secret: boolean }>();
  for (const setting of all) {
    const spec = byName.get(setting.name);
    if (settings.has(setting.name) || freeForm.has(setting.name)) continue;
    if (spec !== undefined) {
      const parsed = spec.parse(setting.text);
      if ('value' in parsed) settings.set(setting.name, { ...setting, value: parsed.value });
      else problems.push({ property: setting.name, value: spec.secret ? '******' : setting.text, message: parsed.fault, source: setting.source });
    } else if (Object.hasOwn(IGNORED_PROPERTIES, setting.name))
      warnings.push(`${setting.name} (${describeSource(setting.source)}) has no effect: ${IGNORED_PROPERTIES[setting.name]}`);
    else if (isFreeForm(setting.name)) freeForm.set(setting.name, { ...setting, secret: looksSecret(setting.name) });
    else problems.push(unknownProperty(setting, byName));
  }
  if (problems.length > 0) throw configurationError(problems);
  return new Configuration({ specs, settings, freeForm, warnings });
}

function unknownProperty(setting: Setting, known: ReadonlyMap<string, PropertySpec<unknown>>): ConfigurationProblem {
  const nearest = nearestName(setting.name, known.keys());
  // A misspelt secret is still a secret.
  const secret = looksSecret(setting.name) || (nearest !== undefined && known.get(nearest)!.secret);
  const value = secret ? '******' : setting.text;
  const feature = UNSUPPORTED_PROPERTIES[setting.name];
  if (feature !== undefined) return { property: setting.name, value, message: `cannot be set: this build does not have ${feature} yet`, source: setting.source };
  const message = nearest === undefined ? 'is not a known property' : `is not a known property; did you mean ${nearest}?`;
  return { property: setting.name, value, message, source: setting.source, ...(nearest === undefined ? {} : { nearest }) };
}

function sentence(problem: ConfigurationProblem): string {
  const value = problem.value === '' ? '' : ` = ${problem.value}`;
  return `${problem.property}${value} (${describeSource(problem.source)}) ${problem.message}`;
}

function configurationError(problems: readonly ConfigurationProblem[]): CacheError {
  const first = problems[0]!;
  const place = first.source.kind === 'site-file' ? { file: first.source.file, line: first.source.line } : {};
  const lead = problems.length === 1 ? '' : `${problems.length} problems in the configuration: `;
  return new CacheError('InvalidConfiguration', `${lead}${problems.map(sentence).join('; ')}`, {
    source: 'caller',
    context: { property: first.property, value: first.value, ...place, nearest: first.nearest, problems: problems.length },
  });
}
