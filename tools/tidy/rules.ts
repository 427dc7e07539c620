// Style as checks: each rule returns the places that break it, as lines a person can act on.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DOORS_OF_PACKAGES, IMPORT_TABLE } from './import-table.ts';
import { moduleOf, ROOT, type SourceFile, trackedFiles } from './source-tree.ts';

export type Violation = string;

const BANNED_NAMES = /^(utils?|helpers?|misc|types|managers?|common)\.ts$/;
const FILE_LINES_MAX = 500;
const TEST_LINES_MAX = 800;
const TEXT_BYTES_MAX = 400_000;

const code = (file: SourceFile): string => file.text.replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, ' ')).replace(/(^|\s)\/\/[^\n]*/g, '$1');
const isMain = (path: string): boolean => basename(path) === 'main.ts';
const inside = (path: string, folders: readonly string[]): boolean => folders.includes('*') || folders.some((folder) => path.startsWith(`${folder}/`));

export function brokenImports(files: readonly SourceFile[]): Violation[] {
  const out: Violation[] = [];
  for (const file of files.filter((f) => !f.isTest && !f.path.includes('/testing/'))) {
    const from = moduleOf(file.path);
    const allowed = IMPORT_TABLE[from] ?? [];
    for (const target of file.imports) {
      const to = moduleOf(target);
      if (to === from || allowed.includes('*') || allowed.includes(to) || !target.endsWith('.ts')) continue;
      out.push(`${file.path} imports ${target}: ${from} may not import ${to} (tools/tidy/import-table.ts)`);
    }
  }
  return out;
}

/** s3 is mounted by worker/main.ts alone; nobody else crosses from one process folder to another. */
export function s3ImportedElsewhere(files: readonly SourceFile[]): Violation[] {
  return files
    .filter((f) => !f.isTest && moduleOf(f.path) === 'worker' && f.path !== 'worker/main.ts' && f.imports.some((i) => i.startsWith('s3/')))
    .map((f) => `${f.path} imports s3/: only worker/main.ts may`);
}

export function packagesOutsideDoors(files: readonly SourceFile[]): Violation[] {
  const out: Violation[] = [];
  for (const file of files) {
    for (const name of file.packages) {
      const doors = DOORS_OF_PACKAGES[name];
      if (doors === undefined) out.push(`${file.path} imports ${name}, which has no door in tools/tidy/import-table.ts`);
      else if (!inside(file.path, doors)) out.push(`${file.path} imports ${name}: its door is ${doors.join(', ')}`);
    }
  }
  return out;
}

export function oversizedFiles(files: readonly SourceFile[], ratchet: Readonly<Record<string, number>>): Violation[] {
  return files.flatMap((file) => {
    const lines = file.text.split('\n').length - 1;
    const limit = ratchet[file.path] ?? (file.isTest ? TEST_LINES_MAX : FILE_LINES_MAX);
    return lines > limit ? [`${file.path} has ${lines} lines, at most ${limit}: split it by nouns`] : [];
  });
}

/** A ratchet entry that is no longer needed must go, so that the list only shrinks. */
export function looseRatchet(files: readonly SourceFile[], ratchet: Readonly<Record<string, number>>): Violation[] {
  return Object.entries(ratchet).flatMap(([path, limit]) => {
    const file = files.find((f) => f.path === path);
    const lines = file === undefined ? 0 : file.text.split('\n').length - 1;
    return lines < limit ? [`ratchet.json allows ${path} ${limit} lines but it has ${lines}: lower or remove the entry`] : [];
  });
}

export function bannedNames(files: readonly SourceFile[]): Violation[] {
  return files.filter((f) => BANNED_NAMES.test(basename(f.path)) || !/^[a-z0-9.-]+$/.test(basename(f.path))).map((f) => `${f.path}: name the file by its noun, in kebab-case`);
}

export function bannedCalls(files: readonly SourceFile[]): Violation[] {
  const product = files.filter((f) => !f.isTest && !isMain(f.path) && !f.path.includes('/testing/') && !/^(tools|bench|e2e)\//.test(f.path));
  const patterns: readonly (readonly [RegExp, string])[] = [
    [/\bconsole\.\w+\(/, 'console.* belongs to main.ts: use the logger'],
    [/\bprocess\.exit\(/, 'process.exit belongs to main.ts'],
    [/\bprocess\.env\b/, 'process.env belongs to main.ts'],
    [/\bprocess\.argv\b/, 'process.argv belongs to main.ts'],
    [/\bthrow new Error\(/, 'throw a CacheError with a code'],
    [/\bexport default\b/, 'named exports only'],
  ];
  return product.flatMap((file) => {
    const text = code(file);
    return patterns.filter(([pattern]) => pattern.test(text)).map(([, why]) => `${file.path}: ${why}`);
  });
}

/** Files that no entry point, test or bench reaches by imports. */
export function unreachedFiles(files: readonly SourceFile[]): Violation[] {
  const byPath = new Map(files.map((f) => [f.path, f]));
  const seen = new Set<string>();
  const queue = files.filter((f) => isMain(f.path) || f.path.endsWith('.test.ts') || /^bench\/[^/]+\.ts$/.test(f.path) || /^tools\/(docs|show)\//.test(f.path)).map((f) => f.path);
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const next of byPath.get(path)?.imports ?? []) if (!seen.has(next)) queue.push(next);
  }
  return files.filter((f) => !seen.has(f.path)).map((f) => `${f.path}: nothing imports it`);
}

const doc = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Names in a catalogue that the page lacks, and names on the page (`code` in the first table column) that no catalogue has. */
export function catalogueAgainstPage(catalogue: readonly string[], page: string): Violation[] {
  const onPage = new Set([...doc(page).matchAll(/^\| `([A-Za-z0-9_.]+)/gm)].map((m) => m[1]!));
  return [
    ...catalogue.filter((name) => !onPage.has(name)).map((name) => `${name} is missing from ${page}`),
    ...[...onPage].filter((name) => !catalogue.includes(name)).map((name) => `${page} lists ${name}, which the code does not have`),
  ];
}

export function metricNames(files: readonly SourceFile[]): string[] {
  const names = new Set<string>();
  for (const file of files.filter((f) => basename(f.path) === 'metrics.ts' && !f.isTest)) {
    for (const [, name] of code(file).matchAll(/name:\s*'([a-z][a-z0-9_]+)'/g)) names.add(name!);
  }
  return [...names];
}

export function unfitFiles(): Violation[] {
  return trackedFiles().flatMap((path) => {
    if (path === 'package-lock.json')
      return /"resolved": "https?:/.test(doc(path)) ? ['package-lock.json names a registry host: .npmrc needs omit-lockfile-registry-resolved=true'] : [];
    const bytes = readFileSync(join(ROOT, path)).length;
    return bytes > TEXT_BYTES_MAX ? [`${path} has ${bytes} bytes: too large for the repository`] : [];
  });
}
