// Listening sockets of the native form, with errors that say what to do.
import { chmodSync, unlinkSync } from 'node:fs';
import { CacheError } from '../../common/errors/index.ts';
import { type DescriptorCalls, inetAddress, type SocketAddress, type SocketCalls, unixAddress } from '../../common/syscall/index.ts';
import { prepareSocketPath, SOCKET_MODE } from './socket-path.ts';

const BACKLOG = 1024;
const EADDRINUSE = -98;

export interface ListeningSockets {
  readonly listeners: readonly { readonly descriptor: number; readonly isUnix: boolean }[];
  /** TCP port. */
  readonly port: number;
  /** Idempotent. */
  close(): void;
}

export const listenError = (place: string, options: { readonly isInUse: boolean; readonly cause?: unknown; readonly errno?: number }): CacheError =>
  new CacheError(options.isInUse ? 'AddressInUse' : 'InvalidConfiguration', `The data plane cannot listen on ${place}.`, {
    context: { place, remedy: 'Choose another one or stop the process that has it.', ...(options.errno === undefined ? {} : { errno: options.errno }) },
    cause: options.cause,
  });

interface Calls {
  readonly sockets: SocketCalls;
  readonly descriptors: DescriptorCalls;
}

function listenOn(calls: Calls, address: SocketAddress | undefined, place: string): number {
  if (address === undefined) throw listenError(place, { isInUse: false });
  const descriptor = calls.sockets.open(address, { nonBlocking: true });
  const result = descriptor < 0 ? descriptor : calls.sockets.listen(descriptor, address, BACKLOG);
  if (result >= 0) return descriptor;
  if (descriptor >= 0) calls.descriptors.close(descriptor);
  throw listenError(place, { isInUse: result === EADDRINUSE, errno: -result });
}

/** @throws AddressInUse, InvalidConfiguration; then nothing is left open */
export function listenNative(calls: Calls, where: { readonly host: string; readonly port: number; readonly unixPath: string }): ListeningSockets {
  const { host, port, unixPath } = where;
  const listeners: { descriptor: number; isUnix: boolean }[] = [];
  const close = (): void => {
    for (const { descriptor, isUnix } of listeners.splice(0)) {
      calls.descriptors.close(descriptor);
      if (isUnix) removeSocket(unixPath);
    }
  };
  try {
    listeners.push({ descriptor: listenOn(calls, inetAddress(host, port), `${host}:${port}`), isUnix: false });
    if (unixPath !== '') {
      prepareSocketPath(unixPath);
      listeners.push({ descriptor: listenOn(calls, unixAddress(unixPath), unixPath), isUnix: true });
      chmodSync(unixPath, SOCKET_MODE);
    }
    return { listeners: [...listeners], port: calls.sockets.port(listeners[0]!.descriptor), close };
  } catch (error) {
    close();
    throw error;
  }
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody removed it already: it is gone, which is all that is wanted.
  }
}
