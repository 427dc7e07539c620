// The directory below which a local UFS stays: keys to paths, and whether a path, links followed, is still inside.
// Links are followed as long as their target lies below the root; a link that leads out is treated as if it did not exist, so that nobody who can
// write to a NAS can make a worker read its own disk. Names that begin with TEMPORARY_PREFIX belong to writes in progress and are never shown.
import { open, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import { constants, type BigIntStats } from 'node:fs';
import { CacheError } from '../../common/errors/index.ts';
import { encodeName, isPosixName, parseUfsUri, printableName } from '../../common/namespace/index.ts';
import type { UfsKey } from '../under-file-system.ts';
import { errnoOf } from './local-errors.ts';

export const TEMPORARY_PREFIX = '.alluxio-tmp-';
const SLASH = 0x2f;

export class LocalRoot {
  /** With the closing slash. */
  readonly path: string;
  /** Links followed, with the closing slash; known after the first use. */
  #realPath: Buffer | undefined;
  #device: bigint | undefined;

  /** @param rootUri `file:///directory/`. @throws InvalidConfiguration for a host */
  constructor(rootUri: string) {
    const { authority, path } = parseUfsUri(rootUri);
    if (authority !== '') {
      throw new CacheError('InvalidConfiguration', `A file URI names no host, but '${rootUri}' does.`, {
        source: 'caller',
        context: { field: 'ufsUri', value: printableName(rootUri), remedy: `Write file://${path} or file:///${authority}${path}.` },
      });
    }
    this.path = path;
  }

  /** Bytes of the path; undefined when no file can have this key. */
  pathOf(key: UfsKey): Buffer | undefined {
    if (key !== '' && !key.split('/').every((segment) => isPosixName(segment) && !segment.startsWith(TEMPORARY_PREFIX))) return undefined;
    return encodeName(this.path + key);
  }

  /**
   * The root must be there, and on the device it was on: an unmounted NAS leaves an empty directory, which must not pass for "every file is gone".
   * @throws UfsUnavailable
   */
  async check(): Promise<void> {
    let stats: BigIntStats;
    try {
      stats = await stat(encodeName(this.path), { bigint: true });
    } catch (error) {
      throw this.#unavailable(`The directory of the UFS cannot be reached (${errnoOf(error)}).`, error);
    }
    this.#device ??= stats.dev;
    if (stats.dev !== this.#device || !stats.isDirectory()) throw this.#unavailable('Another file system lies where the UFS was.');
  }

  /** Follows links. @returns undefined when the path leads out of the root. @throws errors of the file system */
  async resolve(path: Buffer): Promise<Buffer | undefined> {
    const real = await realpath(path, { encoding: 'buffer' });
    return (await this.#contains(real)) ? real : undefined;
  }

  /** Opens for reading without blocking on special files. @returns undefined when the file, links followed, lies outside. @throws errors of the file system */
  async open(path: Buffer): Promise<FileHandle | undefined> {
    const isLinux = process.platform === 'linux';
    const target = isLinux ? path : await this.resolve(path);
    if (target === undefined) return undefined;
    const handle = await open(target, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      // Asked of the descriptor itself: a link that is swapped in between changes nothing.
      if (!isLinux || (await this.#contains(await readlink(`/proc/self/fd/${handle.fd}`, { encoding: 'buffer' })))) return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  async #contains(real: Buffer): Promise<boolean> {
    const root = (this.#realPath ??= await this.#resolveRoot());
    if (real.length < root.length) return real.length === root.length - 1 && root.subarray(0, -1).equals(real);
    return real.subarray(0, root.length).equals(root);
  }

  async #resolveRoot(): Promise<Buffer> {
    const real = await realpath(encodeName(this.path), { encoding: 'buffer' });
    await this.check();
    return real.at(-1) === SLASH ? real : Buffer.concat([real, Buffer.of(SLASH)]);
  }

  #unavailable(message: string, cause?: unknown): CacheError {
    return new CacheError(['EACCES', 'EPERM'].includes(errnoOf(cause)) ? 'PermissionDenied' : 'UfsUnavailable', message, {
      source: 'ufs',
      context: { directory: printableName(this.path), remedy: 'Mount the NAS again on this node, at the same path.' },
      cause,
    });
  }
}
