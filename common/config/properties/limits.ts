// Bounds that several specs and their users share.

/** As the ring has it (common/hash/ring.ts, checked by a test: config may not import hash). */
export const VNODES_PER_WORKER_MAX = 20_000;
export const PAGE_BYTES_MIN = 64 * 1024;
export const PAGE_BYTES_MAX = 64 * 1024 * 1024;
