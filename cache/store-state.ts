// What the parts of the store share on the main thread.
import type { FileCalls } from '../common/syscall/files.ts';
import type { PageStoreEvent } from './contracts.ts';
import type { PageDirectory } from './directory/page-directory.ts';
import type { FileIndex, FileTable } from './file-table.ts';
import type { PageTable } from './page-table.ts';

export interface StoreState {
  readonly pageSizeBytes: number;
  readonly files: FileTable;
  readonly pages: PageTable;
  readonly directories: readonly PageDirectory[];
  readonly calls: FileCalls;
  readonly emit: (event: PageStoreEvent) => void;
}

/** Directory of a file that has or gets pages. */
export function directoryOf(state: StoreState, file: FileIndex): PageDirectory | undefined {
  const number = state.files.directory(file);
  return number === undefined ? undefined : state.directories[number];
}

/** Seconds in which a thread may still be duplicating a descriptor that it was given: until then the store closes none of that file. */
export const HAND_OUT_GRACE_SECONDS = 60;
