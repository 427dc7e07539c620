export { compareNames, decodeName, encodeName, isByteName, nameLengthBytes, parsePrintableName, printableName } from './byte-name.ts';
export { checkNewMount, MountTable, pathOfUfsUri, type MountCandidate, type ResolvedPath } from './mount-table.ts';
export { baseName, isPosixName, joinPath, NAME_BYTES_MAX, parentPath } from './path.ts';
export { parseUfsUri, ufsRootUri, type UfsUri } from './ufs-uri.ts';
