// The unix socket's place in the file system: its directory, and a socket that a dead worker left behind.
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { CacheError } from '../../common/errors/index.ts';

/** Owner and group may connect: the FUSE daemon of the node runs in the worker's group. */
export const SOCKET_MODE = 0o660;
/** sockaddr_un holds 108 bytes with the final zero. */
const SOCKET_PATH_BYTES_MAX = 107;

/**
 * Creates the directory and removes a stale socket. A live one goes too: each worker has a path of its own (`<cluster>/<uuid>.sock`) and its lock on the page store decides who lives.
 * @throws InvalidConfiguration when the path is too long, or is something else than a socket
 */
export function prepareSocketPath(path: string): void {
  const context = { field: 'unixPath', value: path, remedy: 'Choose a short path in a directory that the worker may write to (alluxio.worker.data.server.domain.socket.address).' };
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new CacheError('InvalidConfiguration', `The unix socket's path is longer than ${SOCKET_PATH_BYTES_MAX} bytes.`, { context });
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
    const existing = lstatSync(path, { throwIfNoEntry: false });
    if (existing === undefined) return;
    if (!existing.isSocket()) throw new CacheError('InvalidConfiguration', 'The unix socket’s path is taken by something that is not a socket.', { context });
    unlinkSync(path);
  } catch (error) {
    if (error instanceof CacheError) throw error;
    throw new CacheError('InvalidConfiguration', 'The unix socket’s directory cannot be prepared.', { context, cause: error });
  }
}
