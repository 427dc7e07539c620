// Ranged reads of a file in one version: the descriptor's attributes are compared before the first and after the last byte. Reads go through buffers
// of our own, because a read of a NAS that hangs cannot be recalled: it must not write into the caller's buffer after the caller has left.
import type { FileHandle } from 'node:fs/promises';
import type { UfsKey, VersionedFile } from '../under-file-system.ts';
import { versionOf } from './file-version.ts';
import { changedFile, isAbsent } from './local-errors.ts';
import type { LocalRoot } from './local-root.ts';

const STEP_BYTES = 2 ** 20;
const SPARE_BUFFERS_MAX = 16;

export interface RangeRead {
  readonly file: VersionedFile;
  readonly offset: number;
  /** Not longer than what the file has from `offset` on. */
  readonly into: Uint8Array;
  /** True once the caller has left: `into` is not touched any more. */
  readonly hasLeft: () => boolean;
}

export class LocalReader {
  readonly #root: LocalRoot;
  readonly #spare: Buffer[] = [];

  constructor(root: LocalRoot) {
    this.#root = root;
  }

  /** Fills `into`. @throws UfsObjectChanged, errors of the file system */
  async read(read: RangeRead): Promise<void> {
    const { key } = read.file;
    const handle = await this.#open(key);
    try {
      await checkVersion(handle, read.file);
      await this.#copy(handle, read);
      await checkVersion(handle, read.file);
    } finally {
      await handle.close();
    }
  }

  async #open(key: UfsKey): Promise<FileHandle> {
    const path = this.#root.pathOf(key);
    let handle: FileHandle | undefined;
    try {
      handle = path === undefined ? undefined : await this.#root.open(path);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      await this.#root.check();
    }
    if (handle === undefined) throw changedFile(key);
    return handle;
  }

  async #copy(handle: FileHandle, { file, offset, into, hasLeft }: RangeRead): Promise<void> {
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(STEP_BYTES);
    try {
      for (let done = 0; done < into.length && !hasLeft(); ) {
        const { bytesRead } = await handle.read(buffer, 0, Math.min(STEP_BYTES, into.length - done), offset + done);
        if (bytesRead === 0) throw changedFile(file.key);
        if (hasLeft()) return;
        into.set(buffer.subarray(0, bytesRead), done);
        done += bytesRead;
      }
    } finally {
      if (this.#spare.length < SPARE_BUFFERS_MAX) this.#spare.push(buffer);
    }
  }
}

async function checkVersion(handle: FileHandle, file: VersionedFile): Promise<void> {
  const stats = await handle.stat({ bigint: true });
  if (!stats.isFile() || versionOf(stats) !== file.version || Number(stats.size) !== file.length) throw changedFile(file.key);
}
