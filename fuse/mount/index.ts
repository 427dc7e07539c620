// The mount in the kernel and the directory it is on.
export { detachMount, type KernelMount, mountKernel, type MountMethod, setReadAhead, unmountWhenIdle } from './kernel-mount.ts';
export { type MountOptions, parseMountOptions } from './mount-options.ts';
export { canonicalMountPoint, prepareMountPoint } from './mount-point.ts';
