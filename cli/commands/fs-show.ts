// alluxio fs ls | stat | check-cached | location | explain: what is there and where it lies.
import type { Command } from 'commander';
import type { CacheClient, PathResidency, RouteTarget } from '../../client/cache-client.ts';
import type { FileStatus, MembershipView } from '../../common/api/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { baseName, joinPath, printableName } from '../../common/namespace/index.ts';
import { pathArgument, withClient } from '../cluster/file-access.ts';
import type { CommandContext } from '../command-context.ts';
import { fieldsText, print, shareText, sizeText, tableText, timeText } from '../output.ts';
import { examples, type Runner } from '../runner.ts';

/** Runs work with a client and the namespace path of the first argument. */
export const withPath = (context: CommandContext, argument: string, work: (client: CacheClient, path: string, view: MembershipView) => Promise<void>): Promise<void> =>
  withClient(context, (client, view) => work(client, pathArgument(argument, view), view));

/** @throws PathNotFound */
export async function existingStatus(client: CacheClient, path: string, context: CommandContext): Promise<FileStatus> {
  const status = await client.status(path, { signal: context.terminal.signal });
  if (status !== undefined) return status;
  throw new CacheError('PathNotFound', `${printableName(path)} does not exist.`, { source: 'caller', context: { path: printableName(path) } });
}

/** Entries of a directory, page by page. */
export async function* entriesOf(client: CacheClient, path: string, context: CommandContext): AsyncGenerator<FileStatus> {
  let startAfter: string | undefined;
  for (;;) {
    const page = await client.list(path, { signal: context.terminal.signal, ...(startAfter === undefined ? {} : { startAfter }) });
    yield* page.entries;
    if (page.hidden > 0) context.terminal.err.write(`alluxio: ${page.hidden} keys in ${printableName(path)} have names that only S3 and Python can show\n`);
    if (!page.truncated) return;
    startAfter = page.next ?? baseName(page.entries.at(-1)?.path ?? '');
  }
}

const shown = (status: FileStatus) => ({ path: status.path, type: status.type, length: status.length, mtimeMs: status.mtimeMs });
const row = (status: FileStatus): (string | number)[] => [
  status.type === 'directory' ? 'd' : '-',
  status.type === 'directory' ? '-' : status.length,
  timeText(status.mtimeMs),
  status.path,
];

/** Writes a listing of any length: rows leave in batches, JSON as one array. */
class ListingWriter {
  readonly #context: CommandContext;
  readonly #batch: FileStatus[] = [];
  #written = 0;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  add(entry: FileStatus): void {
    this.#batch.push(entry);
    if (this.#batch.length >= ROWS_AT_ONCE) this.#flush();
  }
  end(): void {
    this.#flush();
    if (this.#json) this.#context.terminal.out.write(this.#written === 0 ? '[]\n' : '\n]\n');
  }

  get #json(): boolean {
    return this.#context.options.output === 'json';
  }
  #flush(): void {
    const entries = this.#batch.splice(0);
    if (entries.length === 0) return;
    const lines = entries.map((entry) => ` ${JSON.stringify(shown(entry))}`).join(',\n');
    this.#context.terminal.out.write(this.#json ? `${this.#written === 0 ? '[\n' : ',\n'}${lines}` : tableText(['', '>', '', ''], entries.map(row)));
    this.#written += entries.length;
  }
}
const ROWS_AT_ONCE = 1000;

async function list(context: CommandContext, client: CacheClient, path: string, recursive: boolean): Promise<void> {
  const writer = new ListingWriter(context);
  const status = path === '/' ? undefined : await existingStatus(client, path, context);
  const pending = status?.type === 'file' ? [] : [path];
  if (status?.type === 'file') writer.add(status);
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const below: string[] = [];
    for await (const entry of entriesOf(client, directory, context)) {
      writer.add(entry);
      if (recursive && entry.type === 'directory') below.push(entry.path);
    }
    pending.push(...below.reverse());
  }
  writer.end();
}

const residencyRow = (holder: PathResidency) => ({
  workerId: holder.workerId,
  pagesResident: holder.pagesResident,
  pagesTotal: holder.pagesTotal,
  bytesResident: holder.bytesResident,
});

async function checkCached(context: CommandContext, client: CacheClient, path: string): Promise<void> {
  const report = await client.residency(path, { signal: context.terminal.signal });
  const { length } = report.status;
  const best = Math.max(0, ...report.holders.map((holder) => holder.bytesResident));
  const json = {
    path,
    length,
    version: report.status.version,
    ownerId: report.ownerId,
    cachedShare: length === 0 ? 1 : best / length,
    holders: report.holders.map(residencyRow),
    silentWorkers: report.silentWorkers,
  };
  print(context, json, () => {
    const rows = report.holders.map((h) => [
      h.workerId,
      h.workerId === report.ownerId ? 'owner' : '',
      `${h.pagesResident}/${h.pagesTotal}`,
      sizeText(h.bytesResident),
      shareText(length === 0 ? 1 : h.bytesResident / length),
    ]);
    const silent = report.silentWorkers.length === 0 ? '' : `Did not answer, so this is a lower bound: ${report.silentWorkers.join(', ')}\n`;
    return tableText(['Worker', '', '>Pages', '>Bytes', '>Cached'], rows) + silent;
  });
}

const targetRow = (target: RouteTarget) => ({
  workerId: target.workerId,
  kind: target.kind,
  address: `${target.endpoint.host}:${target.endpoint.port}`,
  online: target.online,
  suspect: target.suspect,
  coLocated: target.coLocated,
});
const stateText = (target: RouteTarget): string =>
  [target.online ? 'online' : 'offline', target.suspect ? 'suspect' : '', target.coLocated ? 'this host' : ''].filter((word) => word !== '').join(', ');
const targetsText = (targets: readonly RouteTarget[]): string =>
  tableText(
    ['Order', 'Worker', 'Role', 'Data address', 'State'],
    targets.map((t, i) => [i + 1, t.workerId, t.kind, `${t.endpoint.host}:${t.endpoint.port}`, stateText(t)]),
  );

async function explain(context: CommandContext, client: CacheClient, path: string): Promise<void> {
  const route = client.route(path);
  const status = await existingStatus(client, path, context);
  const held = status.type === 'file' ? await client.residency(path, { signal: context.terminal.signal }) : undefined;
  const json = {
    path,
    mount: route.mount?.mountPath,
    ufsUri: status.ufsUri,
    type: status.type,
    length: status.length,
    version: status.version,
    viewRevision: route.viewRevision,
    ownerId: route.owner?.workerId,
    targets: route.targets.map(targetRow),
    ufsFallback: true,
    holders: held?.holders.map(residencyRow) ?? [],
  };
  print(context, json, () => {
    const lines: [string, string | number][] = [
      ['path', printableName(path)],
      ['mount', printableName(route.mount?.mountPath ?? '-')],
      ['UFS', printableName(status.ufsUri)],
      ['version', status.version || '-'],
      ['length', status.length],
      ['owner', route.owner?.workerId ?? 'none: the ring is empty'],
      ['cached', (held?.holders ?? []).map((h) => `${h.pagesResident}/${h.pagesTotal} pages on ${h.workerId}`).join('; ') || '-'],
    ];
    return `${fieldsText(lines)}\nA read asks, in this order, and then the UFS itself:\n${targetsText(route.targets)}`;
  });
}

export function fsShowCommands(fs: Command, runner: Runner): void {
  fs.command('ls')
    .description('list a directory, or show a file')
    .argument('<path>', 'path, or UFS URI below a mount')
    .option('-R, --recursive', 'directories below too')
    .addHelpText('after', examples('alluxio fs ls /data', 'alluxio fs ls -R s3://bucket/train'))
    .action(runner((context, [path], flags: { recursive?: boolean }) => withPath(context, path!, (client, name) => list(context, client, name, flags.recursive === true))));

  fs.command('stat')
    .description('what is known of a file or directory')
    .argument('<path>', 'path, or UFS URI below a mount')
    .addHelpText('after', examples('alluxio fs stat /data/train/0.jpg -o json'))
    .action(
      runner((context, [path]) =>
        withPath(context, path!, async (client, name) => {
          const status = await existingStatus(client, name, context);
          const fields = Object.entries(status).map(([key, value]) => [key, printableName(typeof value === 'object' ? JSON.stringify(value) : String(value))] as const);
          print(context, status, () => fieldsText(fields));
        }),
      ),
    );

  fs.command('check-cached')
    .description('which workers hold pages of a file, counted by them')
    .argument('<path>', 'path, or UFS URI below a mount')
    .addHelpText('after', examples('alluxio fs check-cached /data/train/0.jpg'))
    .action(runner((context, [path]) => withPath(context, path!, (client, name) => checkCached(context, client, name))));

  fs.command('location')
    .description('the workers that a read of the path asks, in order')
    .argument('<path>', 'path, or UFS URI below a mount')
    .addHelpText('after', examples('alluxio fs location /data/train/0.jpg'))
    .action(
      runner((context, [path]) =>
        withPath(context, path!, (client, name) => {
          const { owner, targets, mount } = client.route(name);
          if (mount === undefined)
            throw new CacheError('MountNotFound', `No mount covers ${printableName(name)}.`, { source: 'caller', context: { remedy: 'See alluxio mount list.' } });
          print(context, { path: joinPath('/', name.slice(1)), ownerId: owner?.workerId, targets: targets.map(targetRow) }, () => targetsText(targets));
          return Promise.resolve();
        }),
      ),
    );

  fs.command('explain')
    .description('how a read of the path would go, and why: mount, version, owner, order of workers, what is cached')
    .argument('<path>', 'path, or UFS URI below a mount')
    .addHelpText('after', examples('alluxio fs explain /data/train/0.jpg'))
    .action(runner((context, [path]) => withPath(context, path!, (client, name) => explain(context, client, name))));
}
