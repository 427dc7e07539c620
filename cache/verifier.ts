// First read of a page after a restart: its bytes against its checksum, off the main thread as far as reading goes, a bounded number at a time.
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { Semaphore } from '../common/async/index.ts';
import { pageChecksum } from '../common/hash/index.ts';
import type { PageSlot } from './contracts.ts';
import type { Descriptors } from './descriptors.ts';
import type { Reclaimer } from './reclaimer.ts';
import { RESIDENT, UNVERIFIED } from './shared-layout.ts';
import { directoryOf, type StoreState } from './store-state.ts';

const readAt = promisify(read);
const CHUNK_BYTES = 1024 * 1024;
const MEMORY_BYTES = 64 * 1024 * 1024;
const CONCURRENCY_MAX = 8;

export class Verifier {
  readonly #state: StoreState;
  readonly #descriptors: Descriptors;
  readonly #reclaimer: Reclaimer;
  readonly #permits: Semaphore;
  readonly #running = new Map<PageSlot, Promise<boolean>>();

  constructor(state: StoreState, descriptors: Descriptors, reclaimer: Reclaimer) {
    this.#state = state;
    this.#descriptors = descriptors;
    this.#reclaimer = reclaimer;
    this.#permits = new Semaphore(Math.max(1, Math.min(CONCURRENCY_MAX, Math.floor(MEMORY_BYTES / state.pageSizeBytes))));
  }

  /** Callers of one page share the work. @returns whether the page is resident and right; a bad one is dropped and told */
  verify(slot: PageSlot): Promise<boolean> {
    const running = this.#running.get(slot);
    if (running !== undefined) return running;
    const { pages } = this.#state;
    if (!pages.isComplete(slot) || this.#descriptors.ensure(pages.fileOf(slot)) === undefined) return Promise.resolve(false);
    if (pages.stateOf(slot) === RESIDENT) return Promise.resolve(true);
    if (!pages.pin(slot)) return Promise.resolve(false);
    const work = this.#check(slot).finally(() => {
      pages.unpin(slot);
      this.#running.delete(slot);
      this.#reclaimer.settle(); // a bad page waited for this pin
    });
    this.#running.set(slot, work);
    return work;
  }

  /** All that run have ended. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  async #check(slot: PageSlot): Promise<boolean> {
    const { pages, emit } = this.#state;
    const release = await this.#permits.acquire();
    const bytes = await this.#read(slot).finally(release);
    if (pages.stateOf(slot) !== UNVERIFIED || bytes === 'not now') return false; // dropped meanwhile, or no descriptor to be had: nothing speaks against the page
    if (bytes !== undefined && pageChecksum(bytes) === pages.checksum(slot)) {
      pages.verified(slot);
      return true;
    }
    emit({ kind: 'corrupt', bytes: pages.lengthOf(slot) });
    this.#reclaimer.dropPages([slot]);
    return false;
  }

  /** The page pinned keeps the file's record; the pin of its descriptor is the reader's kind. undefined: it cannot be read. */
  async #read(slot: PageSlot): Promise<Buffer | 'not now' | undefined> {
    const { pages, files, pageSizeBytes } = this.#state;
    const file = pages.fileOf(slot);
    const fd = this.#descriptors.ensure(file);
    if (fd === undefined) return 'not now';
    const bytes = Buffer.allocUnsafe(pages.lengthOf(slot));
    const start = pages.indexOf(slot) * pageSizeBytes;
    files.pinDescriptor(file);
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await readAt(fd, bytes, at, Math.min(CHUNK_BYTES, bytes.length - at), start + at);
        if (bytesRead === 0) return undefined; // the file is shorter than its record says
        at += bytesRead;
      }
      return bytes;
    } catch (error) {
      directoryOf(this.#state, file)?.health.noteError(error);
      return undefined;
    } finally {
      files.unpinDescriptor(file);
    }
  }
}
