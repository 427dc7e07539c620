// One open directory as a sequence of numbered entries, listed page by page: two pages in memory, and for each page that has passed the place where it began,
// so that a cookie stays good for as long as the handle is open (telldir, seekdir).
import type { CacheClient, ListPage } from '../../client/index.ts';
import type { ByteName, FileStatus } from '../../common/api/index.ts';

interface Checkpoint {
  /** Number of the page's first entry. */
  readonly first: number;
  /** `startAfter` of the page; undefined: the beginning. */
  readonly startAfter: ByteName | undefined;
}

interface LoadedPage {
  readonly entries: readonly FileStatus[];
  readonly isLast: boolean;
  /** performance.now() at which the statuses were certainly not older than `ageMs`. */
  readonly loadedAtMs: number;
  readonly ageMs: number;
}

export interface StreamEntry {
  readonly status: FileStatus;
  /** Since the UFS was asked. */
  readonly ageMs: number;
}

const PAGES_KEPT = 2;
const PAGE_ENTRIES = 1000;

export class DirectoryStream {
  readonly path: ByteName;
  readonly #client: Pick<CacheClient, 'list'>;
  readonly #onHidden: (count: number) => void;
  #checkpoints: Checkpoint[] = [{ first: 0, startAfter: undefined }];
  readonly #pages = new Map<number, LoadedPage>();

  constructor(options: { readonly path: ByteName; readonly client: Pick<CacheClient, 'list'>; readonly onHidden: (count: number) => void }) {
    this.path = options.path;
    this.#client = options.client;
    this.#onHidden = options.onHidden;
  }

  /** Entries in memory. */
  get held(): number {
    return [...this.#pages.values()].reduce((sum, page) => sum + page.entries.length, 0);
  }

  /** As rewinddir: what is listed from now on is asked anew. */
  rewind(): void {
    this.#checkpoints = [{ first: 0, startAfter: undefined }];
    this.#pages.clear();
  }

  /** Entry of this number; undefined: behind the end. @throws the client's errors */
  async at(number: number, signal: AbortSignal): Promise<StreamEntry | undefined> {
    for (;;) {
      const index = this.#pageOf(number);
      const { first } = this.#checkpoints[index]!;
      const page = this.#pages.get(index) ?? (await this.#load(index, signal));
      if (page === undefined) continue; // it was empty: its place is taken by the next one
      const status = page.entries[number - first];
      if (status !== undefined) return { status, ageMs: page.ageMs + performance.now() - page.loadedAtMs };
      if (page.isLast || index + 1 >= this.#checkpoints.length) return undefined;
    }
  }

  /** The entry when it needs no request; 'ask' otherwise. */
  peek(number: number): StreamEntry | undefined | 'ask' {
    const index = this.#pageOf(number);
    const page = this.#pages.get(index);
    if (page === undefined) return 'ask';
    const status = page.entries[number - this.#checkpoints[index]!.first];
    if (status !== undefined) return { status, ageMs: page.ageMs + performance.now() - page.loadedAtMs };
    return page.isLast ? undefined : 'ask';
  }

  /** The last page that begins at or before the entry. */
  #pageOf(number: number): number {
    let low = 0;
    let high = this.#checkpoints.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#checkpoints[middle]!.first <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** @returns undefined: the page is empty and has a successor */
  async #load(index: number, signal: AbortSignal): Promise<LoadedPage | undefined> {
    const checkpoint = this.#checkpoints[index]!;
    const { first, startAfter } = checkpoint;
    const loadedAtMs = performance.now();
    const page = await this.#client.list(this.path, { signal, limit: PAGE_ENTRIES, ...(startAfter !== undefined && { startAfter }) });
    // Another request of the same handle was faster, or rewound.
    if (this.#checkpoints[index] !== checkpoint) return undefined;
    const isLast = !page.truncated || page.next === undefined;
    if (index === this.#checkpoints.length - 1) {
      this.#onHidden(page.hidden);
      if (!isLast) this.#advance(index, page);
    }
    if (page.entries.length === 0 && !isLast) return undefined;
    const loaded = { entries: page.entries, isLast, loadedAtMs, ageMs: page.ageMs ?? 0 };
    this.#keep(index, loaded);
    return first === checkpoint.first ? loaded : undefined;
  }

  #advance(index: number, page: ListPage): void {
    const { first } = this.#checkpoints[index]!;
    const next = { first: first + page.entries.length, startAfter: page.next };
    if (page.entries.length === 0) this.#checkpoints[index] = next;
    else this.#checkpoints.push(next);
  }

  #keep(index: number, page: LoadedPage): void {
    this.#pages.delete(index);
    this.#pages.set(index, page);
    while (this.#pages.size > PAGES_KEPT) this.#pages.delete(this.#pages.keys().next().value!);
  }
}
