// Which handler answers which request on the main thread.
import { Errno } from '../errno.ts';
import { Opcode, WRITING_OPCODES } from '../protocol/index.ts';
import type { Handler } from './call.ts';
import type { Directories } from './directories.ts';
import type { Files } from './files.ts';
import type { Lookups } from './lookups.ts';
import type { Xattrs } from './xattrs.ts';

interface Operations {
  readonly lookups: Lookups;
  readonly files: Files;
  readonly directories: Directories;
  readonly xattrs: Xattrs;
}

/** What is not here is answered ENOSYS, which the kernel remembers. */
export function handlersOf({ lookups, files, directories, xattrs }: Operations): ReadonlyMap<number, Handler> {
  const handlers = new Map<number, Handler>([
    [Opcode.Lookup, lookups.lookup],
    [Opcode.Getattr, lookups.getattr],
    [Opcode.Access, lookups.access],
    [Opcode.Statfs, lookups.statfs],
    [Opcode.Open, files.open],
    [Opcode.Read, files.read],
    [Opcode.Release, files.release],
    [Opcode.Opendir, directories.opendir],
    [Opcode.Readdir, directories.readdir],
    [Opcode.Readdirplus, directories.readdir],
    [Opcode.Releasedir, directories.releasedir],
    [Opcode.Getxattr, xattrs.getxattr],
    [Opcode.Listxattr, xattrs.listxattr],
    [Opcode.Readlink, () => Errno.EINVAL],
    [Opcode.Destroy, () => 0],
  ]);
  for (const opcode of WRITING_OPCODES) handlers.set(opcode, () => Errno.EROFS);
  return handlers;
}
