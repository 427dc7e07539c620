// Statuses by path with the time of their validation, bounded by bytes, the least recently used leaving first. A missing name is a value too.
import type { ByteName, FileStatus } from '../../common/api/index.ts';

export interface CachedStatus {
  readonly status: FileStatus | undefined;
  /** On the client's monotonic clock. */
  readonly validatedAtMs: number;
}

/** Objects, map entry and numbers of one status, besides its strings. */
const ENTRY_BYTES = 320;

export class StatusCache {
  readonly #bytesMax: number;
  /** Least recently used first. */
  readonly #entries = new Map<ByteName, CachedStatus>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }
  get size(): number {
    return this.#entries.size;
  }

  get(path: ByteName): CachedStatus | undefined {
    const entry = this.#entries.get(path);
    if (entry === undefined) return undefined;
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    return entry;
  }

  /** Keeps the later validation when two arrive out of order. */
  put(path: ByteName, entry: CachedStatus): void {
    const known = this.#entries.get(path);
    if (known !== undefined && known.validatedAtMs > entry.validatedAtMs) return;
    this.delete(path);
    this.#entries.set(path, entry);
    this.#bytes += bytesOf(path, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.delete(oldest);
    }
  }

  delete(path: ByteName): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    this.#entries.delete(path);
    this.#bytes -= bytesOf(path, entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}

function bytesOf(path: ByteName, { status }: CachedStatus): number {
  if (status === undefined) return ENTRY_BYTES + 2 * path.length;
  return (
    ENTRY_BYTES + 2 * (path.length + status.path.length + status.ufsUri.length + status.version.length + status.fileId.length) + (status.userMetadata === undefined ? 0 : 1024)
  );
}
