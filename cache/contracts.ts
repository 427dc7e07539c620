// What the page store offers: to the worker's main thread (PageStore), to threads that only read (PageTableReader), to evictors.

/** Index of a file or page record in the shared table; valid while pinned or on the main thread until removed. */
export type FileSlot = number;
export type PageSlot = number;

export interface CachedFile {
  /** 16 bytes. */
  readonly fileId: Uint8Array;
  readonly ufsUri: string;
  readonly version: string;
  readonly lengthBytes: number;
}

/** Why a page was not admitted. The read goes on, unstored. */
export type Refusal = 'full' | 'no-healthy-directory' | 'filtered' | 'quota' | 'already-filling';

/** A page being filled. Exactly one of commit or abort ends it. */
export interface Reservation {
  readonly file: FileSlot;
  readonly page: PageSlot;
  readonly pageIndex: number;
  /** Bytes of this page: the page size, less for the last page. */
  readonly lengthBytes: number;
  /** Writes `bytes` at `offset` in the page, then publishes the watermark: readers may use what lies below it. Offsets only grow. @throws on a disk error, after which abort is the only call. */
  write(offset: number, bytes: Uint8Array): void;
  /** Checks that the whole page was written, computes the checksum from `bytes` (the whole page) and makes the page resident. */
  commit(bytes: Uint8Array): void;
  abort(): void;
}

export interface PageStoreUsage {
  readonly capacityBytes: number;
  /** Real blocks, index and margin included. */
  readonly usedBytes: number;
  readonly reservedBytes: number;
  readonly evictingBytes: number;
  readonly pages: number;
  readonly files: number;
  readonly directories: readonly {
    readonly path: string;
    readonly capacityBytes: number;
    readonly usedBytes: number;
    readonly health: 'healthy' | 'suspect' | 'read-only' | 'failed';
  }[];
}

export interface FileResidency {
  readonly pagesResident: number;
  readonly pagesTotal: number;
  readonly bytesResident: number;
}

/** Main thread of the worker. */
export interface PageStore {
  readonly pageSizeBytes: number;
  /** Transferable description for `attachPageTable` in other threads (SharedArrayBuffers and numbers only). */
  readonly shared: SharedPageTable;

  /** The file's slot, created when absent. Two records of one fileId with different uri, version or length: PageCorrupt. */
  admitFile(file: CachedFile): FileSlot;
  findFile(fileId: Uint8Array): FileSlot | undefined;
  /** Copies bytes of a resident (or filled beyond the range) page. undefined: miss. */
  read(file: FileSlot, pageIndex: number, offset: number, into: Uint8Array): number | undefined;
  /** Resident but not yet verified in this life (after a restart): verify now. false: it was bad, dropped and counted. */
  verify(file: FileSlot, pageIndex: number): Promise<boolean>;
  checksum(file: FileSlot, pageIndex: number): bigint | undefined;
  isResident(file: FileSlot, pageIndex: number): boolean;
  reserve(file: FileSlot, pageIndex: number): Reservation | Refusal;
  residency(file: FileSlot): FileResidency;
  /** Drops pages: of one file, or of all whose ufsUri starts with a prefix. @returns bytes freed */
  free(selection: { readonly fileId: Uint8Array } | { readonly ufsUriPrefix: string }): Promise<number>;
  usage(): PageStoreUsage;
  /** Files known, for listings by prefix (bounded batches). */
  files(): IterableIterator<CachedFile & { readonly residency: FileResidency }>;
  /** Writes what is pending of the index log. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** SharedArrayBuffers and sizes; opaque to everyone but cache/. */
export interface SharedPageTable {
  readonly pageSizeBytes: number;
  readonly buffers: Readonly<Record<string, SharedArrayBuffer>>;
  readonly numbers: Readonly<Record<string, number>>;
  /** Index of the ring in which this thread reports hits; each thread attaches with its own. */
  readonly hitRings: number;
}

/**
 * One per thread that serves cached bytes. No call allocates, blocks or throws.
 * Protocol with the evictor (single writer on the main thread): acquire pins by compare-and-swap on the page's state word; a page is claimed for
 * eviction by compare-and-swap from (resident, 0 pins); file records are pinned likewise, so a descriptor is never closed under a reader.
 */
export interface PageTableReader {
  /** Pins the page when bytes [offset, offset+length) of it are readable (resident and verified, or filled beyond them). @returns slot or -1 */
  acquire(fileId: Uint8Array, pageIndex: number, offset: number, length: number): PageSlot;
  /** Open descriptor of the page's file. The page's bytes lie at pageIndex × pageSizeBytes + offset. */
  descriptor(slot: PageSlot): number;
  /** Bytes of the page (the last one of a file is shorter). */
  lengthBytes(slot: PageSlot): number;
  /** Ends the pin and reports a hit. */
  release(slot: PageSlot): void;
  /**
   * Marks a complete and verified file as handed out and returns its descriptor (dup it or send it; the store keeps its own), else -1.
   * From then on the file is never punched, only unlinked.
   */
  handOut(fileId: Uint8Array): number;
}

/** Eviction order. Called on the main thread only. */
export interface Evictor {
  admitted(slot: PageSlot): void;
  hit(slot: PageSlot): void;
  removed(slot: PageSlot): void;
  /** The next page to go; the caller calls removed when it has gone, or `hit` when it could not go (pinned). */
  next(): PageSlot | undefined;
}

export type PageStoreEvent =
  | { readonly kind: 'evicted'; readonly bytes: number; readonly pages: number }
  | { readonly kind: 'admitted'; readonly bytes: number }
  | { readonly kind: 'refused'; readonly reason: Refusal }
  | { readonly kind: 'corrupt'; readonly bytes: number }
  /** A file of the index did not end with a whole record: what it said after that is lost and refetched. */
  | { readonly kind: 'index-damaged'; readonly path: string }
  | { readonly kind: 'directory-health'; readonly path: string; readonly health: string };

export interface PageStoreOptions {
  readonly directories: readonly { readonly path: string; readonly capacityBytes: number }[];
  readonly pageSizeBytes: number;
  readonly evictor: string;
  /** Stamp: refused when a directory belongs to another. */
  readonly clusterUid: string;
  readonly workerUuid: string;
  /** Bytes kept free of each directory's capacity for index and margin; default 1 %. */
  readonly marginShare?: number;
  readonly hitRings: number;
  readonly onEvent?: (event: PageStoreEvent) => void;
  /** Empty a directory that was written with another page size instead of refusing it. Default false. */
  readonly reinitialise?: boolean;
  /** Without libc calls, as on macOS: whole files are unlinked instead of punched, nothing is handed out. Default: only where there is no koffi. */
  readonly portable?: boolean;
  /** Bounds of the shared table; by default as many as the directories can hold, up to 32 Mi pages and 16 Mi files. */
  readonly pagesMax?: number;
  readonly filesMax?: number;
  /** Descriptors kept open for readers; default half of the process's limit, at most 64 Ki. */
  readonly descriptorsMax?: number;
  /** How often a directory that is not healthy is tried again; default 5 s. */
  readonly probeIntervalMs?: number;
}
