// The repository as the tidy rules see it: tracked (and new) TypeScript files with their imports. Text only, nothing is executed.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface SourceFile {
  /** Path from the repository's root. */
  readonly path: string;
  readonly text: string;
  readonly isTest: boolean;
  /** Our files it imports, as paths from the root. */
  readonly imports: readonly string[];
  /** npm packages it imports (name without sub-path), `node:` left out. */
  readonly packages: readonly string[];
}

const SPECIFIER = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+|\brequire\)?\s*\(\s*|import\.meta\.url\)\(\s*|new URL\(\s*)['"]([^'"\n]+)['"]/g;
const GENERATED = /^proto\/gen\//;

export function trackedFiles(): string[] {
  const out = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 });
  return out.split('\n').filter((path) => path !== '' && existsSync(join(ROOT, path)));
}

function packageName(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? `${parts[0]}/${parts[1]}` : parts[0]!;
}

function parse(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const imports = new Set<string>();
  const packages = new Set<string>();
  for (const [, specifier] of text.matchAll(SPECIFIER)) {
    if (specifier!.startsWith('.')) imports.add(normalize(join(dirname(path), specifier!)));
    else if (!specifier!.startsWith('node:') && /^[@a-z]/.test(specifier!) && !specifier!.includes(':')) packages.add(packageName(specifier!));
  }
  return { path, text, isTest: /\.(test|contract)\.ts$/.test(path), imports: [...imports], packages: [...packages] };
}

export function sourceFiles(): SourceFile[] {
  return trackedFiles()
    .filter((path) => path.endsWith('.ts') && !GENERATED.test(path))
    .map(parse);
}

/** `worker/data-plane/epoll.ts` → `worker`; `common/log/index.ts` → `common/log`. */
export function moduleOf(path: string): string {
  const parts = path.split('/');
  return parts[0] === 'common' ? `common/${parts[1]}` : parts[0]!;
}
