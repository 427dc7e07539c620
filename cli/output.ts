// How results look: aligned tables for people, one JSON document for programs.
import Table from 'cli-table3';
import { printableName } from '../common/namespace/index.ts';
import type { CommandContext } from './command-context.ts';

const PLAIN = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' };
const INNER = { left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' };

/** Rows under headings; columns whose heading begins with `>` are aligned right. Empty headings everywhere: no heading line. */
export function tableText(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const table = new Table({
    head: headings.every((heading) => /^>?$/.test(heading)) ? [] : headings.map((heading) => heading.replace(/^>/, '')),
    colAligns: headings.map((heading) => (heading.startsWith('>') ? 'right' : 'left')),
    chars: { ...PLAIN, ...INNER },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(row.map((cell) => printableName(String(cell)).replaceAll('\\\\', '\\')));
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

/** Names and values, one per line. */
export function fieldsText(fields: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

/** JSON when asked for, else the text for people. */
export function print(context: CommandContext, json: unknown, text: () => string): void {
  context.terminal.out.write(context.options.output === 'json' ? `${JSON.stringify(json, null, 2)}\n` : text());
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
/** 1536 → `1.5KiB`. */
export function sizeText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)}${UNITS[power]}`;
}
export const timeText = (ms: number): string => (ms === 0 ? '-' : new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z'));
export const shareText = (share: number): string => `${(share * 100).toFixed(1)}%`;
