// node bench/main.ts NAME… [--json FILE]: runs bench/NAME.ts, prints its rows as they come, writes them all as JSON.
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench, BenchRow } from './row.ts';

const BENCHES = ['ring', 'page-store', 'data-plane', 'fuse-read', 'cold-read'] as const;
type BenchName = (typeof BENCHES)[number];
const isBench = (name: string): name is BenchName => (BENCHES as readonly string[]).includes(name);

const number = (value: number | null): string => {
  if (value === null) return '-';
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : Math.abs(value) >= 1 ? 2 : 4;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits });
};
const ratio = (row: BenchRow): string => {
  if (row.ratio === null) return '-';
  return row.interval === undefined ? `${row.ratio.toFixed(2)}x` : `${row.ratio.toFixed(2)}x [${row.interval[0].toFixed(2)}, ${row.interval[1].toFixed(2)}]`;
};
const line = (row: BenchRow): string =>
  `  ${row.name.padEnd(58)} ${number(row.value).padStart(14)} ${row.unit.padEnd(10)} ${number(row.baseline).padStart(14)} ${ratio(row).padStart(22)}  ${row.note ?? ''}`.trimEnd();

async function* rowsOf(bench: Bench): AsyncGenerator<BenchRow> {
  const rows = bench.run();
  if (Symbol.asyncIterator in rows) yield* rows;
  else yield* await rows;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } });
  const unknown = positionals.find((name) => !isBench(name));
  if (unknown !== undefined || positionals.length === 0) {
    console.error(`usage: npm run bench -- ${BENCHES.join('|')} … [--json FILE]${unknown === undefined ? '' : ` (there is no bench '${unknown}')`}`);
    return 64;
  }
  const results: (BenchRow & { readonly bench: string })[] = [];
  const failed: BenchName[] = [];
  console.log(`${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, Linux ${release()}, Node ${process.versions.node}`);
  for (const name of positionals.filter(isBench)) {
    console.log(`\n${name}\n  ${'figure'.padEnd(58)} ${'value'.padStart(14)} ${'unit'.padEnd(10)} ${'baseline'.padStart(14)} ${'ratio'.padStart(22)}`);
    try {
      const bench = (await import(`./${name}.ts`)) as Bench;
      for await (const row of rowsOf(bench)) {
        console.log(line(row));
        results.push({ bench: name, ...row });
        // After every row: a run that is cut short keeps what it has measured.
        if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 1)}\n`);
      }
    } catch (error) {
      // The others are still worth their figures.
      failed.push(name);
      console.error(`bench ${name}: ${(error as Error).message}`);
    }
  }
  return failed.length === 0 ? 0 : 1;
}

process.exit(await main());
