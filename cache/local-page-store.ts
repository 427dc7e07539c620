// The page store of a worker: tables, directories and the parts that fill, evict and verify, behind the PageStore interface. Main thread only.
import { readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CacheError } from '../common/errors/index.ts';
import { encodeName } from '../common/namespace/index.ts';
import { Admission } from './admission.ts';
import type { CachedFile, FileResidency, FileSlot, PageSlot, PageStore, PageStoreUsage, Refusal, Reservation, SharedPageTable } from './contracts.ts';
import { Descriptors } from './descriptors.ts';
import type { HealthState } from './directory/directory-health.ts';
import type { PageDirectory } from './directory/page-directory.ts';
import type { FileIndex } from './file-table.ts';
import { GarbageSweep } from './garbage-sweep.ts';
import type { HitRings } from './hit-rings.ts';
import { snapshotOf } from './index-log/table-restorer.ts';
import { Reclaimer } from './reclaimer.ts';
import { FILLING, RESIDENT } from './shared-layout.ts';
import { SlotOrder } from './slot-order.ts';
import { directoryOf, type StoreState } from './store-state.ts';
import { Verifier } from './verifier.ts';

const DRAIN_MS = 100;
/** File records without pages that are kept: their slots are in somebody's hands. */
const IDLE_FILES_MAX = 65_536;
const FILES_PER_TURN = 1000;
const SHRINK_PAGES = 64;
const EMPTYING_ROUNDS = 4096;

/** Up to 16 TiB, the longest file of ext4; identities are kept with 16-bit lengths. */
const FILE_BYTES_MAX = 2 ** 44;
const IDENTITY_BYTES_MAX = 0xffff;

function checkFile(file: CachedFile): void {
  const refuse = (field: string, value: number, remedy: string): never => {
    throw new CacheError('InvalidArgument', `The page store cannot keep a file whose ${field} is ${value} (${remedy}).`, { source: 'caller', context: { field, value, remedy } });
  };
  if (file.fileId.length !== 16) refuse('fileId', file.fileId.length, 'it has 16 bytes');
  if (!Number.isInteger(file.lengthBytes) || file.lengthBytes < 0 || file.lengthBytes > FILE_BYTES_MAX)
    refuse('lengthBytes', file.lengthBytes, 'it is 0 to 16 TiB: read it unstored');
  for (const field of ['ufsUri', 'version'] as const) {
    const bytes = encodeName(file[field]).length;
    if (bytes > IDENTITY_BYTES_MAX) refuse(`${field} length`, bytes, 'it is at most 65535 bytes: read the file unstored');
  }
}

export interface LocalPageStoreParts {
  readonly state: StoreState;
  readonly shared: SharedPageTable;
  readonly rings: HitRings;
  readonly descriptorsMax: number;
  readonly probeIntervalMs: number;
}

export class LocalPageStore implements PageStore {
  readonly pageSizeBytes: number;
  readonly shared: SharedPageTable;
  readonly #state: StoreState;
  readonly #rings: HitRings;
  readonly #descriptors: Descriptors;
  readonly #reclaimer: Reclaimer;
  readonly #admission: Admission;
  readonly #verifier: Verifier;
  readonly #sweep: GarbageSweep;
  readonly #idle: SlotOrder;
  /** Directories whose garbage is not all collected. */
  readonly #unswept = new Set<PageDirectory>();
  readonly #timers: NodeJS.Timeout[];
  readonly #ending = new AbortController();
  readonly #background = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(parts: LocalPageStoreParts) {
    const { state } = parts;
    this.pageSizeBytes = state.pageSizeBytes;
    this.shared = parts.shared;
    this.#state = state;
    this.#rings = parts.rings;
    this.#idle = new SlotOrder(state.files.filesMax);
    this.#descriptors = new Descriptors(state, { openMax: parts.descriptorsMax, onMissing: (file) => this.#dropFile(file) });
    this.#reclaimer = new Reclaimer(state, this.#descriptors, (file) => this.#becameEmpty(file));
    this.#admission = new Admission(state, this.#descriptors, this.#reclaimer);
    this.#verifier = new Verifier(state, this.#descriptors, this.#reclaimer);
    this.#sweep = new GarbageSweep(state, this.#descriptors, this.#reclaimer);
    for (const file of state.files.indexes()) if (state.files.firstPage[file] === 0) this.#idle.append(file);
    for (const directory of state.directories) this.#sweepLater(directory);
    this.#timers = [setInterval(() => this.#tick(), DRAIN_MS).unref(), setInterval(() => this.#probe(), parts.probeIntervalMs).unref()];
  }

  admitFile(file: CachedFile): FileSlot {
    const { files } = this.#state;
    const known = files.find(file.fileId);
    if (known !== undefined) {
      files.checkIdentity(known, file);
      if (files.firstPage[known] !== 0) this.#descriptors.ensure(known);
      return files.slotOf(known);
    }
    checkFile(file);
    this.#makeFileRecord();
    const index = files.add(file);
    this.#becameEmpty(index);
    return files.slotOf(index);
  }

  findFile(fileId: Uint8Array): FileSlot | undefined {
    const file = this.#state.files.find(fileId);
    return file === undefined ? undefined : this.#state.files.slotOf(file);
  }

  read(file: FileSlot, pageIndex: number, offset: number, into: Uint8Array): number | undefined {
    const { pages } = this.#state;
    const slot = this.#find(file, pageIndex);
    if (slot === undefined) return undefined;
    const state = pages.stateOf(slot);
    const length = Math.min(into.length, pages.lengthOf(slot) - offset);
    const readable = state === RESIDENT ? pages.lengthOf(slot) : state === FILLING ? pages.watermarkOf(slot) : -1;
    if (length < 0 || offset + length > readable) return undefined;
    const fd = this.#descriptors.ensure(pages.fileOf(slot));
    if (fd === undefined || !this.#readAll(slot, { fd, offset, into: into.subarray(0, length) })) return undefined;
    directoryOf(this.#state, pages.fileOf(slot))?.evictor.hit(slot);
    return length;
  }

  async verify(file: FileSlot, pageIndex: number): Promise<boolean> {
    const slot = this.#find(file, pageIndex);
    return slot !== undefined && (await this.#verifier.verify(slot));
  }

  checksum(file: FileSlot, pageIndex: number): bigint | undefined {
    const slot = this.#find(file, pageIndex);
    return slot === undefined || !this.#state.pages.isComplete(slot) ? undefined : this.#state.pages.checksum(slot);
  }

  isResident(file: FileSlot, pageIndex: number): boolean {
    const slot = this.#find(file, pageIndex);
    return slot !== undefined && this.#state.pages.isComplete(slot);
  }

  reserve(file: FileSlot, pageIndex: number): Reservation | Refusal {
    if (this.#closing !== undefined) return 'no-healthy-directory';
    this.#drain();
    const result = this.#admission.reserve(file, pageIndex);
    if (typeof result === 'string') this.#state.emit({ kind: 'refused', reason: result });
    else this.#idle.remove(this.#state.files.indexOf(file)!);
    return result;
  }

  residency(file: FileSlot): FileResidency {
    const index = this.#state.files.indexOf(file);
    return index === undefined ? { pagesResident: 0, pagesTotal: 0, bytesResident: 0 } : this.#state.files.residency(index);
  }

  async free(selection: { readonly fileId: Uint8Array } | { readonly ufsUriPrefix: string }): Promise<number> {
    const { files } = this.#state;
    if ('fileId' in selection) {
      const file = files.find(selection.fileId);
      return file === undefined ? 0 : this.#dropFile(file);
    }
    const prefix = encodeName(selection.ufsUriPrefix);
    let bytes = 0;
    let sinceTurn = 0;
    for (const file of files.indexes()) {
      if (prefix.equals(files.identityBytes(file).uri.subarray(0, prefix.length))) bytes += this.#dropFile(file);
      if (++sinceTurn % FILES_PER_TURN === 0) await nextTurn();
    }
    return bytes;
  }

  usage(): PageStoreUsage {
    const { directories, pages, files } = this.#state;
    const sum = (of: (directory: PageDirectory) => number): number => directories.reduce((total, directory) => total + of(directory), 0);
    return {
      capacityBytes: sum((d) => d.capacityBytes),
      usedBytes: sum((d) => d.usedBytes),
      reservedBytes: sum((d) => d.reservedBytes),
      evictingBytes: this.#reclaimer.evictingBytes,
      pages: pages.complete,
      files: files.size,
      directories: directories.map((d) => ({ path: d.path, capacityBytes: d.capacityBytes, usedBytes: d.usedBytes, health: d.health.state })),
    };
  }

  *files(): IterableIterator<CachedFile & { readonly residency: FileResidency }> {
    const { files } = this.#state;
    for (const file of files.indexes()) {
      yield { fileId: files.fileId(file), ...files.identity(file), lengthBytes: files.lengthBytes(file), residency: files.residency(file) };
    }
  }

  flush(): Promise<void> {
    const failed = this.#state.directories.filter((directory) => directory.health.canServe && !directory.log.flush());
    if (failed.length === 0) return Promise.resolve();
    return Promise.reject(new CacheError('Internal', 'The page-store index could not be written.', { source: 'worker', context: { path: failed[0]!.path } }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** A directory's health changed; the opener wires it to DirectoryHealth. */
  healthChanged(directory: PageDirectory, state: HealthState, before: HealthState): void {
    this.#state.emit({ kind: 'directory-health', path: directory.path, health: state });
    if (state === 'failed') queueMicrotask(() => this.#abandon(directory)); // not in the middle of the call that met the error
    if (state !== 'healthy') return;
    if (before === 'failed') this.#snapshot(directory); // what lies on its disk is unknown by now: an empty index, and the sweep takes the files away
    if (before === 'failed' || this.#unswept.has(directory)) this.#sweepLater(directory);
  }

  async #close(): Promise<void> {
    this.#ending.abort();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#verifier.idle();
    await Promise.allSettled(this.#background);
    this.#admission.abortAll();
    this.#reclaimer.settle();
    for (const directory of this.#state.directories) {
      if (directory.health.canStore) await directory.log.snapshot(snapshotOf(this.#state, directory.number)).catch(() => undefined);
      await directory.close();
    }
    this.#reclaimer.close();
    this.#descriptors.closeAll();
  }

  #find(file: FileSlot, pageIndex: number): PageSlot | undefined {
    const index = this.#state.files.indexOf(file);
    return index === undefined ? undefined : this.#state.pages.find(index, pageIndex);
  }

  #readAll(slot: PageSlot, range: { readonly fd: number; readonly offset: number; readonly into: Uint8Array }): boolean {
    const start = this.#state.pages.indexOf(slot) * this.pageSizeBytes + range.offset;
    try {
      for (let at = 0; at < range.into.length; ) {
        const bytes = readSync(range.fd, range.into, at, range.into.length - at, start + at);
        if (bytes === 0) return this.#dropUnreadable(slot);
        at += bytes;
      }
      return true;
    } catch (error) {
      directoryOf(this.#state, this.#state.pages.fileOf(slot))?.health.noteError(error);
      return this.#dropUnreadable(slot);
    }
  }

  #dropUnreadable(slot: PageSlot): false {
    const { pages } = this.#state;
    if (pages.isComplete(slot)) {
      this.#state.emit({ kind: 'corrupt', bytes: pages.lengthOf(slot) });
      this.#reclaimer.dropPages([slot]);
    }
    return false;
  }

  /** @returns bytes of its complete pages; those being filled stay */
  #dropFile(file: FileIndex): number {
    const { pages } = this.#state;
    return this.#reclaimer.dropPages([...pages.ofFile(file)].filter((slot) => pages.isComplete(slot)));
  }

  #becameEmpty(file: FileIndex): void {
    this.#idle.append(file);
    if (this.#idle.size > IDLE_FILES_MAX) this.#removeIdle();
  }

  #removeIdle(): void {
    const file = this.#idle.first!;
    this.#idle.remove(file);
    if (this.#descriptors.close(file)) this.#state.files.remove(file);
    else this.#idle.append(file); // a thread looks at it this moment
  }

  #makeFileRecord(): void {
    const { files, directories } = this.#state;
    for (let round = 0; files.isFull && this.#idle.size === 0 && round < EMPTYING_ROUNDS; round++) for (const directory of directories) this.#reclaimer.evict(directory, 1);
    if (!files.isFull) return;
    if (this.#idle.size > 0) this.#removeIdle();
    if (files.isFull) throw new CacheError('CacheFull', 'The page store knows as many files as it can, and none can go.', { source: 'worker', context: { files: files.size } });
  }

  #drain(): void {
    const { pages, directories, files } = this.#state;
    this.#rings.drain((slot) => {
      if (!pages.isUsed(slot)) return;
      const file = pages.fileOf(slot);
      const directory = files.directory(file);
      if (directory !== undefined) directories[directory]!.evictor.hit(slot);
      this.#descriptors.touch(file);
    });
  }

  #tick(): void {
    this.#drain();
    this.#reclaimer.settle();
    for (const directory of this.#state.directories) {
      if (directory.log.wantsSnapshot && directory.health.canStore) this.#snapshot(directory);
      if (directory.freeBytes < 0) this.#reclaimer.evict(directory, Math.min(-directory.freeBytes, SHRINK_PAGES * this.pageSizeBytes)); // a capacity made smaller
    }
  }

  #snapshot(directory: PageDirectory): void {
    const work = directory.log.snapshot(snapshotOf(this.#state, directory.number)).catch((error: unknown) => directory.health.noteError(error));
    this.#inBackground(work);
  }

  #probe(): void {
    for (const directory of this.#state.directories) directory.health.probe();
  }

  /** A failed directory's pages are lost, and nothing else. */
  #abandon(directory: PageDirectory): void {
    const { files } = this.#state;
    for (const file of files.indexes()) {
      if (files.directory(file) !== directory.number) continue;
      files.isRecorded[file] = 0; // its index begins anew when it comes back
      this.#dropFile(file);
    }
  }

  #sweepLater(directory: PageDirectory): void {
    this.#unswept.add(directory);
    const work = this.#sweep.run(directory, this.#ending.signal).then(({ isWhole }) => isWhole && this.#unswept.delete(directory));
    this.#inBackground(work);
  }

  #inBackground(work: Promise<unknown>): void {
    const tracked = work.finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
  }
}
