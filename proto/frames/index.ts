// The data plane's codec, session and client ends.
export {
  brokenFrame,
  type ChunkHeader,
  decodeChunkHeader,
  decodeError,
  decodeReadTarget,
  decodeRequest,
  encodeChunk,
  encodeChunkHeader,
  encodeErrorBody,
  encodeReadTarget,
  encodeRequest,
  frameBytes,
  parseObject,
  type RequestFrame,
  wireOf,
} from './codec.ts';
export { connectDataBlocking, type ConnectBlockingOptions } from './blocking-connection.ts';
export { connectData, type ConnectDataOptions } from './data-connection.ts';
export { ClientHello, encodeHello, helloLength, refusalOf, ServerHello } from './session.ts';
