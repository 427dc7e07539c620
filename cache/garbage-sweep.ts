// What the disk holds and no record knows: files of lost records, bytes of fills that a crash cut off. Walks one directory in small steps in the background, and puts
// the blocks that files really take in the place of what the start assumed.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Descriptors } from './descriptors.ts';
import type { PageDirectory } from './directory/page-directory.ts';
import type { FileIndex } from './file-table.ts';
import type { Reclaimer } from './reclaimer.ts';
import { FLAG_HANDED_OUT, FLAG_PREVIOUS_LIFE } from './shared-layout.ts';
import type { StoreState } from './store-state.ts';

const FOLDERS = 256;
const FILES_PER_STEP = 128;
/** A file system's own blocks for a file's extents. */
const SLACK_BYTES = 64 * 1024;

export interface Swept {
  filesRemoved: number;
  filesPunched: number;
  /** The sweep got to the end. */
  isWhole: boolean;
}

export class GarbageSweep {
  readonly #state: StoreState;
  readonly #descriptors: Descriptors;
  readonly #reclaimer: Reclaimer;

  constructor(state: StoreState, descriptors: Descriptors, reclaimer: Reclaimer) {
    this.#state = state;
    this.#descriptors = descriptors;
    this.#reclaimer = reclaimer;
  }

  /** Stops early when the signal fires or the directory stops serving. @throws nothing: I/O errors count against the directory's health */
  async run(directory: PageDirectory, signal: AbortSignal): Promise<Swept> {
    const swept: Swept = { filesRemoved: 0, filesPunched: 0, isWhole: false };
    try {
      for (let folder = 0; folder < FOLDERS; folder++) {
        await this.#sweepFolder(directory, join(directory.path, folder.toString(16).padStart(2, '0')), { signal, swept });
        if (signal.aborted || !directory.health.canStore) return swept;
        directory.measureFolder(folder);
      }
      swept.isWhole = true;
    } catch (error) {
      directory.health.noteError(error);
    }
    return swept;
  }

  async #sweepFolder(directory: PageDirectory, path: string, run: { readonly signal: AbortSignal; readonly swept: Swept }): Promise<void> {
    const names = namesIn(path);
    for (let from = 0; from < names.length; from += FILES_PER_STEP) {
      if (run.signal.aborted || !directory.health.canStore) return;
      for (const name of names.slice(from, from + FILES_PER_STEP)) this.#look(directory, join(path, name), run.swept);
      await nextTurn();
    }
  }

  /** No turn of the event loop passes in here: a fill that begins later sees the file gone and makes it anew. */
  #look(directory: PageDirectory, path: string, swept: Swept): void {
    const { files } = this.#state;
    const file = files.find(Buffer.from(path.slice(-32), 'hex'));
    if (file !== undefined && this.#reclaimer.isRetiring(file)) return;
    const isKnown = file !== undefined && files.directory(file) === directory.number && (files.firstPage[file] !== 0 || files.fills[file] !== 0);
    if (!isKnown) {
      rmSync(path, { force: true });
      swept.filesRemoved++;
      return;
    }
    this.#reclaimer.recharge(directory, file);
    if (files.fills[file] === 0 && files.chargedBytes[file]! > this.#expectedBytes(directory, file) + SLACK_BYTES && this.#punchGaps(directory, file)) swept.filesPunched++;
  }

  #expectedBytes(directory: PageDirectory, file: FileIndex): number {
    let bytes = 0;
    for (const slot of this.#state.pages.ofFile(file)) bytes += directory.blocksOf(this.#state.pages.lengthOf(slot));
    return bytes;
  }

  /** Frees everything between the pages that have records. */
  #punchGaps(directory: PageDirectory, file: FileIndex): boolean {
    const { files, pages, calls, pageSizeBytes } = this.#state;
    if (!directory.canPunch) return false;
    this.#descriptors.exclusivity(file);
    if (files.hasFlag(file, FLAG_HANDED_OUT | FLAG_PREVIOUS_LIFE)) return false;
    const indexes = Uint32Array.from(pages.ofFile(file), (slot) => pages.indexOf(slot)).toSorted();
    if (indexes.length === 0) return false;
    const fd = this.#descriptors.forFilling(file);
    let next = 0;
    for (const index of [...indexes, files.pagesTotal(file)]) {
      if (index > next) calls.punchHole(fd, next * pageSizeBytes, (index - next) * pageSizeBytes);
      next = index + 1;
    }
    this.#reclaimer.recharge(directory, file);
    this.#descriptors.doneFilling(file);
    return true;
  }
}

/** Names of page files; anything else in the folder is not ours and stays. */
function namesIn(path: string): string[] {
  try {
    return readdirSync(path).filter((name) => /^[0-9a-f]{32}$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
