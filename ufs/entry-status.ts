// FileStatus values as UFS clients answer them: `path` is left to the caller.
import type { FileStatus } from '../common/api/index.ts';
import { fileIdHex, fileIdOf } from '../common/hash/index.ts';
import type { UfsKey } from './under-file-system.ts';

export type FileFacts = Pick<FileStatus, 'length' | 'mtimeMs' | 'version'> & Partial<Pick<FileStatus, 'mode' | 'contentType' | 'storageClass' | 'userMetadata'>>;

export function fileStatus(rootUri: string, key: UfsKey, facts: FileFacts): FileStatus {
  const ufsUri = rootUri + key;
  return { path: '', ufsUri, type: 'file', ...facts, fileId: fileIdHex(fileIdOf(ufsUri, facts.version)) };
}

/** A directory, or a prefix of an object store, which has neither time nor mode. */
export function directoryStatus(rootUri: string, key: UfsKey, facts: { readonly mtimeMs: number; readonly mode?: number } = { mtimeMs: 0 }): FileStatus {
  return { path: '', ufsUri: rootUri + key, type: 'directory', length: 0, version: '', fileId: '', ...facts };
}
