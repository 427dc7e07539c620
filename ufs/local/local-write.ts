// Writes of a local UFS: a temporary file beside the target, made durable, then renamed over it (or linked, when the target must not exist). Parts of a
// multipart upload are files in a hidden directory of the root until they are joined. Content type and user metadata have no place in a file.
import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, readdir, rename, rm, rmdir, unlink, type FileHandle } from 'node:fs/promises';
import { CacheError } from '../../common/errors/index.ts';
import { encodeName, parentPath, printableName } from '../../common/namespace/index.ts';
import type { MultipartUpload, UfsKey, UploadedPart } from '../under-file-system.ts';
import { pathBelow } from './directory-names.ts';
import { errnoOf, isAbsent } from './local-errors.ts';
import { type LocalRoot, TEMPORARY_PREFIX } from './local-root.ts';

const PART_NUMBER_MAX = 10_000;
const COPY_BYTES = 2 ** 20;
type Fill = (handle: FileHandle) => Promise<void>;

const invalid = (message: string, context: Readonly<Record<string, string | number>>): CacheError => new CacheError('InvalidArgument', message, { source: 'caller', context });
const temporaryName = (): Buffer => Buffer.from(TEMPORARY_PREFIX + randomBytes(12).toString('hex'));

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
}

export class LocalWriter {
  readonly #root: LocalRoot;

  constructor(root: LocalRoot) {
    this.#root = root;
  }

  async write(key: UfsKey, bytes: Uint8Array, isNew: boolean): Promise<void> {
    await this.#replace(key, isNew, (handle) => writeAll(handle, bytes));
  }

  async createMultipart(key: UfsKey): Promise<MultipartUpload> {
    this.#target(key);
    const uploadId = randomBytes(16).toString('hex');
    await mkdir(this.#uploadPath(uploadId));
    return { uploadId, key };
  }

  async uploadPart(upload: MultipartUpload, partNumber: number, bytes: Uint8Array): Promise<UploadedPart> {
    if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > PART_NUMBER_MAX) throw invalid('Part numbers run from 1 to 10000.', { partNumber });
    const directory = await this.#upload(upload);
    const etag = randomBytes(8).toString('hex');
    const handle = await open(pathBelow(directory, Buffer.from(`${partNumber}-${etag}`)), 'wx');
    try {
      await writeAll(handle, bytes);
    } finally {
      await handle.close();
    }
    return { partNumber, etag };
  }

  async completeMultipart(upload: MultipartUpload, parts: readonly UploadedPart[], isNew: boolean): Promise<void> {
    const directory = await this.#upload(upload);
    const known = new Set(await readdir(directory));
    let last = 0;
    for (const { partNumber, etag } of parts) {
      if (partNumber <= last || !known.has(`${partNumber}-${etag}`)) throw invalid('A part is unknown or out of order.', { partNumber });
      last = partNumber;
    }
    await this.#replace(upload.key, isNew, async (handle) => {
      for (const { partNumber, etag } of parts) await appendFile(handle, pathBelow(directory, Buffer.from(`${partNumber}-${etag}`)));
    });
    await rm(directory, { recursive: true, force: true });
  }

  async abortMultipart(upload: MultipartUpload): Promise<void> {
    await rm(this.#uploadPath(upload.uploadId), { recursive: true, force: true });
  }

  async delete(key: UfsKey): Promise<void> {
    const path = this.#root.pathOf(key);
    if (path === undefined || key === '') return;
    try {
      const isDirectory = (await lstat(path)).isDirectory();
      await this.#parent(key);
      await (isDirectory ? rmdir(path) : unlink(path));
    } catch (error) {
      if (!isAbsent(error)) throw error;
      await this.#root.check();
    }
  }

  async rename(from: UfsKey, to: UfsKey): Promise<void> {
    const [source, target] = [this.#target(from), this.#target(to)];
    await lstat(source);
    await this.#parent(from);
    await this.#makeParent(to);
    await rename(source, target);
  }

  #target(key: UfsKey): Buffer {
    const path = key === '' ? undefined : this.#root.pathOf(key);
    if (path === undefined) throw invalid('No file can have this name.', { key: printableName(key) });
    return path;
  }

  /** The parent's real path. @throws PermissionDenied when a link leads out of the root */
  async #parent(key: UfsKey): Promise<Buffer> {
    const real = await this.#root.resolve(encodeName(parentPath(this.#root.path + key)));
    if (real !== undefined) return real;
    throw new CacheError('PermissionDenied', 'A link on the way leads out of the UFS.', { source: 'ufs', context: { key: printableName(key) } });
  }

  /** Makes the directories above `key`, each below one that is known to lie inside. */
  async #makeParent(key: UfsKey): Promise<Buffer> {
    await this.#root.check();
    const segments = key.split('/').slice(0, -1);
    for (let depth = 1; depth <= segments.length; depth++) {
      const directory = segments.slice(0, depth).join('/');
      try {
        await mkdir(pathBelow(await this.#parent(directory), encodeName(segments[depth - 1]!)));
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
      }
    }
    return await this.#parent(key);
  }

  async #replace(key: UfsKey, isNew: boolean, fill: Fill): Promise<void> {
    const target = this.#target(key);
    const temporary = pathBelow(await this.#makeParent(key), temporaryName());
    try {
      const handle = await open(temporary, 'wx');
      try {
        await fill(handle);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await (isNew ? this.#link(temporary, target, key) : rename(temporary, target));
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async #link(temporary: Buffer, target: Buffer, key: UfsKey): Promise<void> {
    try {
      await link(temporary, target);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      throw new CacheError('PreconditionFailed', 'The file exists already.', { source: 'ufs', context: { key: printableName(key) }, cause: error });
    }
  }

  #uploadPath(uploadId: string): Buffer {
    if (!/^[0-9a-f]{32}$/.test(uploadId)) throw new CacheError('UploadNotFound', 'There is no such upload.', { source: 'caller' });
    return encodeName(`${this.#root.path}${TEMPORARY_PREFIX}${uploadId}`);
  }

  async #upload(upload: MultipartUpload): Promise<Buffer> {
    const path = this.#uploadPath(upload.uploadId);
    try {
      await lstat(path);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      await this.#root.check();
      throw new CacheError('UploadNotFound', 'There is no such upload.', { source: 'ufs', context: { key: printableName(upload.key) } });
    }
    return path;
  }
}

async function appendFile(target: FileHandle, part: Buffer): Promise<void> {
  const source = await open(part, 'r');
  const buffer = Buffer.allocUnsafe(COPY_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await source.read(buffer, 0, COPY_BYTES);
      if (bytesRead === 0) return;
      await writeAll(target, buffer.subarray(0, bytesRead));
    }
  } finally {
    await source.close();
  }
}
