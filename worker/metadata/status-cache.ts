// Byte-bounded LRU of statuses and negative entries with the time each was validated. An entry is one flat string, not a tree of objects.
// Not here: how old an answer may be, who asks the under file system.
import type { FileStatus } from '../../common/api/index.ts';

export interface CachedStatus {
  /** undefined: nothing is there. */
  readonly status: FileStatus | undefined;
  /** Monotonic; when the request that validated it was sent. */
  readonly validatedAtMs: number;
}

/** Map slot, two string headers and the entry's share of the table: measured per entry, rounded up. */
const ENTRY_OVERHEAD_BYTES = 112;
// eslint-disable-next-line no-control-regex -- one-byte strings hold exactly these
const ONE_BYTE = /^[\0-\u00ff]*$/;

const stringBytes = (text: string): number => (ONE_BYTE.test(text) ? text.length : text.length * 2);
const costOf = (key: string, record: string): number => stringBytes(key) + stringBytes(record) + ENTRY_OVERHEAD_BYTES;

export class StatusCache {
  readonly #limitBytes: number;
  /** In order of use, the oldest first. Value: `<validatedAtMs>` or `<validatedAtMs> <JSON without the path>`. */
  readonly #entries = new Map<string, string>();
  #usedBytes = 0;
  #evictions = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get size(): number {
    return this.#entries.size;
  }
  get usedBytes(): number {
    return this.#usedBytes;
  }
  get evictions(): number {
    return this.#evictions;
  }

  /** @param path put into the status: it is not stored twice */
  get(key: string, path: string): CachedStatus | undefined {
    const record = this.#entries.get(key);
    if (record === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, record);
    const at = record.indexOf(' ');
    if (at < 0) return { status: undefined, validatedAtMs: Number(record) };
    const status = JSON.parse(record.slice(at + 1)) as Omit<FileStatus, 'path'>;
    return { status: { ...status, path }, validatedAtMs: Number(record.slice(0, at)) };
  }

  /** An older validation never replaces a newer one. */
  set(key: string, { status, validatedAtMs }: CachedStatus): void {
    const known = this.#entries.get(key);
    if (known !== undefined && Number.parseFloat(known) > validatedAtMs) return;
    const record = status === undefined ? String(validatedAtMs) : `${validatedAtMs} ${JSON.stringify({ ...status, path: undefined })}`;
    this.delete(key);
    const cost = costOf(key, record);
    if (cost > this.#limitBytes) return;
    this.#entries.set(key, record);
    this.#usedBytes += cost;
    this.#evict();
  }

  delete(key: string): void {
    const record = this.#entries.get(key);
    if (record === undefined) return;
    this.#entries.delete(key);
    this.#usedBytes -= costOf(key, record);
  }

  #evict(): void {
    for (const key of this.#entries.keys()) {
      if (this.#usedBytes <= this.#limitBytes) return;
      this.delete(key);
      this.#evictions++;
    }
  }
}
