// How pages leave: eviction for space, dropping on request, waiting for pins, unlinking files that others still have open.
//
// A page goes in this order: claimed (DOOMED) by compare-and-swap with no pins → handed-out flag of its file looked at (Dekker with PageTableReader.handOut) →
// tombstone in the log → its blocks punched, or the whole file unlinked → record given back. A page that is pinned when it must go is DOOMED with its pins: no reader
// finds it any more, and its bytes stay until the last pin is gone.
import { closeSync, fstatSync } from 'node:fs';
import type { PageSlot } from './contracts.ts';
import type { Descriptors } from './descriptors.ts';
import { allocatedBytesOf, openForReading, uninterrupted, unlinkPageFile } from './directory/page-files.ts';
import type { PageDirectory } from './directory/page-directory.ts';
import type { FileIndex } from './file-table.ts';
import { DOOMED, FILE_EVICTING, FLAG_HANDED_OUT, FLAG_PREVIOUS_LIFE, type RESIDENT, type UNVERIFIED } from './shared-layout.ts';
import { directoryOf, HAND_OUT_GRACE_SECONDS, type StoreState } from './store-state.ts';

const VICTIMS_MAX = 256;
const TRIES_MAX = 4096;
/** What does not fit after so many rounds (a capacity made much smaller) is evicted in the background. */
const ROUNDS_MAX = 8;

/** An unlinked file that someone else may still have open. */
interface Lingering {
  readonly directory: PageDirectory;
  readonly bytes: number;
  /** Never given away: tells whether the others are gone. undefined: nothing can tell. */
  readonly probeFd: number | undefined;
  /** Given away: closed when nobody can be duplicating it any more. */
  givenFd: number | undefined;
  readonly closeGivenAtMs: number;
}

interface Claim {
  readonly slot: PageSlot;
  readonly state: typeof RESIDENT | typeof UNVERIFIED;
}

function appendTo<K>(lists: Map<K, PageSlot[]>, key: K, slot: PageSlot): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [slot]);
  else list.push(slot);
}

export class Reclaimer {
  readonly #state: StoreState;
  readonly #descriptors: Descriptors;
  /** DOOMED pages that were pinned. */
  readonly #waiting = new Set<PageSlot>();
  /** Pages without an index record: aborted fills. */
  readonly #unrecorded = new Set<PageSlot>();
  /** Files unlinked whose descriptor a reader was using. */
  readonly #retiring = new Map<FileIndex, { readonly probeFd: number | undefined; readonly directory: PageDirectory; readonly bytes: number }>();
  readonly #lingering = new Set<Lingering>();
  /** A file has no pages any more. */
  readonly #onEmpty: (file: FileIndex) => void;

  constructor(state: StoreState, descriptors: Descriptors, onEmpty: (file: FileIndex) => void) {
    this.#state = state;
    this.#descriptors = descriptors;
    this.#onEmpty = onEmpty;
  }

  /** Blocks of pages that have gone for the readers but not yet from the disk. */
  get evictingBytes(): number {
    let bytes = 0;
    for (const { bytes: b } of this.#lingering) bytes += b;
    for (const { bytes: b } of this.#retiring.values()) bytes += b;
    for (const slot of this.#waiting) bytes += this.#state.pages.lengthOf(slot);
    return bytes;
  }

  isRetiring(file: FileIndex): boolean {
    return this.#retiring.has(file);
  }

  /** Evicts until `bytes` more fit into the directory. false: what is left cannot go. */
  makeRoom(directory: PageDirectory, bytes: number): boolean {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const deficit = bytes - directory.freeBytes;
      if (deficit <= 0) return true;
      if (round === 0) this.settle();
      else if (!this.evict(directory, deficit)) return false;
    }
    return false;
  }

  /** Evicts about `bytes`. false: nothing could go. */
  evict(directory: PageDirectory, bytes: number): boolean {
    if (directory.health.state === 'read-only' || !directory.health.canServe) return false;
    const victims: PageSlot[] = [];
    let freed = 0;
    for (let tries = 0; freed < bytes && tries < TRIES_MAX && victims.length < VICTIMS_MAX; tries++) {
      const slot = directory.evictor.next();
      if (slot === undefined) break;
      const before = victims.length;
      this.#claimVictims(directory, slot, victims);
      if (victims.length === before) directory.evictor.hit(slot); // it cannot go now
      for (const victim of victims.slice(before)) freed += directory.blocksOf(this.#state.pages.lengthOf(victim));
    }
    if (victims.length === 0) return false;
    this.#drop(directory, victims);
    this.#state.emit({ kind: 'evicted', bytes: freed, pages: victims.length });
    return true;
  }

  /** Drops pages whatever their pins. @returns their bytes */
  dropPages(slots: readonly PageSlot[], options: { readonly isRecorded: boolean } = { isRecorded: true }): number {
    const { pages, files } = this.#state;
    let bytes = 0;
    const byDirectory = new Map<PageDirectory, PageSlot[]>();
    for (const slot of slots) {
      if (pages.stateOf(slot) === DOOMED) continue;
      const file = pages.fileOf(slot);
      const directory = directoryOf(this.#state, file)!;
      directory.evictor.removed(slot);
      files.count(file, FILE_EVICTING, 1);
      pages.doom(slot);
      bytes += pages.lengthOf(slot);
      if (!options.isRecorded) this.#unrecorded.add(slot);
      if (pages.pinsOf(slot) > 0) this.#waiting.add(slot);
      else appendTo(byDirectory, directory, slot);
    }
    for (const [directory, gone] of byDirectory) this.#drop(directory, gone);
    return bytes;
  }

  /** What waited for readers: pages whose pins have gone, files whose descriptor is free, unlinked files that nobody has open any more. */
  settle(): void {
    const { pages } = this.#state;
    const ready = new Map<PageDirectory, PageSlot[]>();
    for (const slot of this.#waiting) {
      if (pages.pinsOf(slot) > 0) continue;
      this.#waiting.delete(slot);
      appendTo(ready, directoryOf(this.#state, pages.fileOf(slot))!, slot);
    }
    for (const [directory, slots] of ready) this.#drop(directory, slots);
    for (const file of this.#retiring.keys()) this.#retire(file);
    for (const entry of this.#lingering) this.#probe(entry);
  }

  /** Closes what lingers; only when the store ends. */
  close(): void {
    for (const { probeFd, givenFd } of this.#lingering) {
      if (probeFd !== undefined) closeSync(probeFd);
      if (givenFd !== undefined) closeSync(givenFd);
    }
    for (const { probeFd } of this.#retiring.values()) if (probeFd !== undefined) closeSync(probeFd);
    this.#lingering.clear();
    this.#retiring.clear();
    this.#waiting.clear();
  }

  /** Charges what the file's blocks really take, the allocations of its fills excepted. */
  recharge(directory: PageDirectory, file: FileIndex): void {
    const { files } = this.#state;
    const fd = files.writeDescriptor[file] === 0 ? files.descriptor(file) : files.writeDescriptor[file]! - 1;
    try {
      const bytes = fd === undefined ? allocatedBytesOf(directory.fileOf(files.fileId(file))) : fstatSync(fd).blocks * 512;
      directory.charge(files, file, Math.max(0, bytes - files.reservedBytes[file]!));
    } catch (error) {
      directory.health.noteError(error);
    }
  }

  #claimVictims(directory: PageDirectory, slot: PageSlot, victims: PageSlot[]): void {
    const { pages } = this.#state;
    const file = pages.fileOf(slot);
    if (pages.pinsOf(slot) > 0) return;
    const exclusivity = this.#descriptors.exclusivity(file);
    if (exclusivity === 'shared' || !pages.isComplete(slot)) return; // unlinking what others have open frees nothing; the file may have gone while it was looked at
    if (exclusivity === 'exclusive' && directory.canPunch) this.#claimOnePage(directory, slot, victims);
    else this.#claimWholeFile(directory, file, victims);
  }

  #claimOnePage(directory: PageDirectory, slot: PageSlot, victims: PageSlot[]): void {
    const { pages, files } = this.#state;
    const file = pages.fileOf(slot);
    files.count(file, FILE_EVICTING, 1);
    const state = pages.claim(slot);
    if (state !== undefined && !files.hasFlag(file, FLAG_HANDED_OUT)) {
      directory.evictor.removed(slot);
      victims.push(slot);
      return;
    }
    if (state !== undefined) pages.unclaim(slot, state); // it was handed out between the look and the claim
    files.count(file, FILE_EVICTING, -1);
  }

  #claimWholeFile(directory: PageDirectory, file: FileIndex, victims: PageSlot[]): void {
    const { pages, files } = this.#state;
    const slots = [...pages.ofFile(file)];
    const claims: Claim[] = [];
    files.count(file, FILE_EVICTING, slots.length);
    for (const slot of slots) {
      const state = pages.claim(slot);
      if (state === undefined) break;
      claims.push({ slot, state });
    }
    if (claims.length < slots.length || files.hasFlag(file, FLAG_HANDED_OUT)) {
      for (const { slot, state } of claims) pages.unclaim(slot, state);
      files.count(file, FILE_EVICTING, -slots.length);
      return;
    }
    for (const slot of slots) directory.evictor.removed(slot);
    victims.push(...slots);
  }

  /** Of DOOMED pages without pins: tombstones, then blocks, then records. */
  #drop(directory: PageDirectory, slots: readonly PageSlot[]): void {
    const byFile = new Map<FileIndex, PageSlot[]>();
    for (const slot of slots) appendTo(byFile, this.#state.pages.fileOf(slot), slot);
    const whole = new Set<FileIndex>();
    for (const [file, gone] of byFile) if (this.#isAll(file, gone.length)) whole.add(file);
    if (directory.health.canServe) {
      for (const [file, gone] of byFile) this.#logTombstones(directory, { file, gone, isWhole: whole.has(file) });
      directory.log.flush(); // before a block goes; if it cannot be written, the checksum tells after a restart
    }
    for (const [file, gone] of byFile) {
      if (!whole.has(file)) this.#punch(directory, file, gone);
      for (const slot of gone) this.#forget(slot);
      if (whole.has(file)) this.#unlink(directory, file);
    }
  }

  #isAll(file: FileIndex, count: number): boolean {
    let records = 0;
    for (const _ of this.#state.pages.ofFile(file)) if (++records > count) return false;
    return true;
  }

  #logTombstones(directory: PageDirectory, drop: { readonly file: FileIndex; readonly gone: readonly PageSlot[]; readonly isWhole: boolean }): void {
    const { files, pages } = this.#state;
    if (files.isRecorded[drop.file] === 0) return;
    const fileId = files.fileId(drop.file);
    if (drop.isWhole) {
      directory.log.fileGone(fileId);
      files.isRecorded[drop.file] = 0;
      return;
    }
    for (const slot of drop.gone) if (!this.#unrecorded.has(slot)) directory.log.pageGone(fileId, pages.indexOf(slot));
  }

  /** Files that may be open elsewhere keep their blocks until they go whole. */
  #punch(directory: PageDirectory, file: FileIndex, slots: readonly PageSlot[]): void {
    const { files, pages, calls, pageSizeBytes } = this.#state;
    if (!directory.canPunch || !directory.health.canServe || files.hasFlag(file, FLAG_HANDED_OUT | FLAG_PREVIOUS_LIFE)) return;
    try {
      const fd = this.#descriptors.forFilling(file);
      for (const slot of slots) {
        const result = uninterrupted(() => calls.punchHole(fd, pages.indexOf(slot) * pageSizeBytes, pageSizeBytes));
        if (result !== 0) directory.health.noteError({ code: 'EIO' });
      }
      this.recharge(directory, file);
      this.#descriptors.doneFilling(file);
    } catch (error) {
      directory.health.noteError(error);
    }
  }

  #forget(slot: PageSlot): void {
    const { files, pages } = this.#state;
    const file = pages.fileOf(slot);
    this.#unrecorded.delete(slot);
    pages.remove(slot);
    files.count(file, FILE_EVICTING, -1);
  }

  #unlink(directory: PageDirectory, file: FileIndex): void {
    const { files, calls } = this.#state;
    const bytes = files.chargedBytes[file]!;
    const path = directory.fileOf(files.fileId(file));
    let probeFd: number | undefined;
    if (directory.health.canServe) {
      try {
        if (calls.native && files.hasFlag(file, FLAG_HANDED_OUT | FLAG_PREVIOUS_LIFE)) probeFd = this.#openProbe(directory, path);
        unlinkPageFile(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') directory.health.noteError(error);
      }
    }
    this.#retiring.set(file, { probeFd, directory, bytes });
    this.#retire(file);
  }

  /** undefined: it cannot be told when others close the file, which is no reason to leave it in the directory. */
  #openProbe(directory: PageDirectory, path: string): number | undefined {
    try {
      return openForReading(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') directory.health.noteError(error);
      return undefined;
    }
  }

  /** Of an unlinked file: takes its descriptor from the readers; until that is possible the file gets no new pages. */
  #retire(file: FileIndex): void {
    const { files } = this.#state;
    const { probeFd, directory, bytes } = this.#retiring.get(file)!;
    const isOpen = files.descriptor(file) !== undefined;
    const givenFd = isOpen ? this.#descriptors.withdraw(file) : undefined;
    if (isOpen && givenFd === undefined) return;
    this.#retiring.delete(file);
    const handedOutAtMs = files.handedOutAtSeconds(file) * 1000;
    const wasHandedOut = files.hasFlag(file, FLAG_HANDED_OUT);
    files.clearFlags(file);
    files.isRecorded[file] = 0;
    directory.charge(files, file, 0);
    files.setDirectory(file, undefined);
    const entry = { directory, bytes, probeFd, givenFd, closeGivenAtMs: wasHandedOut ? handedOutAtMs + HAND_OUT_GRACE_SECONDS * 1000 : 0 };
    this.#lingering.add(entry);
    directory.lingeringBytes += bytes;
    this.#probe(entry);
    this.#onEmpty(file);
  }

  #probe(entry: Lingering): void {
    if (entry.givenFd !== undefined) {
      if (Date.now() < entry.closeGivenAtMs) return;
      closeSync(entry.givenFd);
      entry.givenFd = undefined;
    }
    if (entry.probeFd !== undefined) {
      if (this.#state.calls.isOnlyOpener(entry.probeFd) === false) return;
      closeSync(entry.probeFd);
    }
    this.#lingering.delete(entry);
    entry.directory.lingeringBytes -= entry.bytes;
  }
}
