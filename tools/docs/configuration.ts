// Renders docs/reference/configuration.md from the property specs.
import { FREE_FORM_PREFIXES, PROPERTY_GROUPS, type PropertySpec } from '../../common/config/index.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ');

function row(spec: PropertySpec<unknown>): string {
  const standard = spec.defaultText === undefined || spec.defaultText === '' ? '-' : `\`${spec.defaultText}\``;
  const range = spec.rangeText === '' ? '-' : spec.rangeText;
  return `| \`${spec.name}\` | ${spec.type} | ${standard} | ${cell(range)} | ${cell(spec.doc)}${spec.secret ? ' Secret.' : ''} |`;
}

function group(title: string, specs: readonly PropertySpec<unknown>[]): string[] {
  const rows = specs.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(row);
  return [`## ${title[0]!.toUpperCase()}${title.slice(1)}`, '', '| property | type | default | range | meaning |', '|---|---|---|---|---|', ...rows, ''];
}

export function configurationPage(): string {
  return [
    '# Configuration',
    '',
    'Generated from `common/config/properties/` by `node tools/docs/main.ts`. `alluxio conf get` shows the values in force and where each comes from.',
    '',
    'A value comes from, the strongest first: `-Dname=value` on the command line; the environment (`alluxio.worker.page.store.dirs` is `ALLUXIO_WORKER_PAGE_STORE_DIRS`);',
    '`alluxio-site.properties` in the directory given by `--conf` or `ALLUXIO_CONF_DIR` (Java properties format); the default. Unknown and malformed properties stop the process: the message',
    'names each with its value, file and line, and the nearest known name.',
    '',
    '- bytes: `512`, `64KB`, `4MiB`, `1.5GB`; all units are powers of 1024. duration: `250` (ms), `500ms`, `10s`, `1min`, `2h`, `7d`, `never`. list, sizes: items between commas. port: 0 takes a free one.',
    `- Options that only a UFS understands pass by prefix: ${FREE_FORM_PREFIXES.map((prefix) => `\`${prefix}\``).join(', ')}. Options of a mount beat those of the process.`,
    '- Properties of the reference whose features this build does not have are refused by name; those without meaning here (licence, JVM) are accepted with a warning.',
    '',
    ...Object.entries(PROPERTY_GROUPS).flatMap(([title, specs]) => group(title, Object.values(specs) as unknown as PropertySpec<unknown>[])),
  ].join('\n');
}
