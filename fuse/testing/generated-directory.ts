// A client whose one directory has as many entries as asked for, made as they are listed.
import type { CacheClient, ListPage, ListPathOptions } from '../../client/index.ts';
import type { FileStatus } from '../../common/api/index.ts';

export const NAME_DIGITS = 8;
export const nameOf = (number: number): string => String(number).padStart(NAME_DIGITS, '0');

export class GeneratedDirectory {
  readonly count: number;
  /** Entries of the largest page that was asked for. */
  largestPage = 0;
  pages = 0;

  constructor(count: number) {
    this.count = count;
  }

  list(path: string, options: ListPathOptions = {}): Promise<ListPage> {
    const limit = options.limit ?? 1000;
    const from = options.startAfter === undefined ? 0 : Number(options.startAfter) + 1;
    const to = Math.min(this.count, from + limit);
    this.pages++;
    this.largestPage = Math.max(this.largestPage, to - from);
    const entries = Array.from({ length: Math.max(0, to - from) }, (_, i) => this.#file(`${path}/${nameOf(from + i)}`));
    return Promise.resolve({ entries, truncated: to < this.count, hidden: 0, ...(to < this.count && { next: nameOf(to - 1) }) });
  }

  /** As the client of a cluster whose `/data` is this directory. */
  over(client: CacheClient): CacheClient {
    const lookup: CacheClient['lookup'] = (path) => {
      const isFile = path.startsWith('/data/');
      return Promise.resolve({ status: isFile ? this.#file(path) : { ...this.#file(path), type: 'directory', version: '', fileId: '' }, ageMs: 0, maxAgeMs: 60_000 });
    };
    const list: CacheClient['list'] = (path, options) => (path === '/data' ? this.list(path, options) : client.list(path, options));
    return new Proxy(client, {
      get: (target, name) => {
        if (name === 'lookup') return lookup;
        if (name === 'list') return list;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  #file(path: string): FileStatus {
    return { path, ufsUri: `s3://bucket${path}`, type: 'file', length: 1, mtimeMs: 1, version: 'v', fileId: '00'.repeat(16) };
  }
}
