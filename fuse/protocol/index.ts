// The FUSE kernel protocol: pure encoders and decoders.
export { agree, type Agreement, type KernelOffer, MINOR_MIN } from './init.ts';
export * from './layout.ts';
export { encodeInvalidateEntry, encodePrune } from './notification.ts';
export { BODY_AT, type Attributes, type Entry, type FileSystemStatistics, ReplyBuffer } from './reply.ts';
export { KernelRequest } from './request.ts';
