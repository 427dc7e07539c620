// Inodes: the main thread's table and its shared part.
export { nodeIdOf } from './inode-id.ts';
export { InodePruner, type PrunerOptions } from './inode-pruner.ts';
export { type Inode, InodeTable } from './inode-table.ts';
export { allocateInodes, InodeReader, InodeState, InodeWriter, nowTicks, type SharedInodeMemory } from './shared-inodes.ts';
