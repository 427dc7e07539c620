// Byte layout of the data plane (docs/design/0002-data-plane.md). Little-endian. Change only with PROTOCOL_VERSION.
//
// Request: 72-byte header, then `payloadLength` bytes.
//   0 u32 frameLength  bytes after this field (68 + payload)      24 16 B fileId (zero when the op has none)
//   4 u16 op                                                      40 16 B grant  (zero for worker, fuse and cli sessions)
//   6 u16 flags                                                   56 u64 offset in the file
//   8 u64 requestId                                               64 u32 length in bytes (read ops)
//  16 u64 ring revision of the sender's view                      68 u32 timeoutMs the sender still waits (0: server default)
// Reply: chunks of a 16-byte header and `length` bytes, interleaved by requestId; the last one carries LAST.
//   0 u64 requestId   8 u16 status (0 or ErrorRow.wire)   10 u16 flags   12 u32 length
// An error chunk (status ≠ 0) is LAST and carries JSON {message, source, context}.

export const PROTOCOL_VERSION = 1;
export const MAGIC = 0x43445841; // 'AXDC'
export const REQUEST_HEADER_BYTES = 72;
export const CHUNK_HEADER_BYTES = 16;
export const CHUNK_BYTES_MAX = 1 << 20;
/** Requests longer than this are refused and the connection cut: nobody sends one. */
export const REQUEST_PAYLOAD_BYTES_MAX = 1 << 20;

export const Op = {
  /** Bytes of one page range; never crosses a page border. Payload: ReadTarget (may be empty: then only the cache can answer). */
  Read: 1,
  /** Fill pages ahead; empty reply at once. Payload: ReadTarget. `offset`, `length` may span pages. */
  ReadAhead: 2,
  /** JSON {paths, maxAgeMs} → JSON {statuses: (FileStatus | null)[], agesMs?: number[]}, the POSIX projection; `agesMs`: time since each was validated at the UFS (0 when left out). */
  Status: 3,
  /** JSON {path, maxAgeMs} → u32 length of the JSON status, the status, then up to `length` bytes of the file when it is small enough. */
  StatusAndBytes: 4,
  /** JSON {path, startAfter, limit} → JSON ListPage (`projectList` of ufs/projection.ts; pass its `next` on). */
  List: 5,
  /** JSON {revision, waitMs} → JSON MembershipView, or an empty body when nothing changed. */
  Membership: 6,
  /** Unix socket only: descriptor of a complete, verified file rides on the reply chunk (SCM_RIGHTS). CacheMiss flag when there is none to give. */
  HandOverFd: 7,
  /** Stops the request whose id is in `offset`; no reply of its own. */
  Cancel: 8,
  /** JSON {path}, fileId in the header → JSON PathResidency (client/cache-client.ts) of this worker alone: what `fs check-cached`, `fs location` and xattrs tell. */
  Residency: 9,
  Ping: 10,
} as const;
export type OpCode = (typeof Op)[keyof typeof Op];

export const RequestFlag = {
  /** Answer from the cache or say CacheMiss at once; never fill, never wait. */
  OnlyIfCached: 1,
  /** Came from another worker: serve, or fill from the UFS without storing; never forward again. */
  Forwarded: 2,
  /** The reply ends with 8 bytes: xxh64 of the page. Only for whole pages. */
  WantChecksum: 4,
  /** Read for a prefetcher: admission and priority may treat it as less urgent. */
  Speculative: 8,
} as const;

export const ChunkFlag = {
  Last: 1,
  /** The last 8 bytes are the page's checksum. */
  Checksum: 2,
  /** OnlyIfCached or HandOverFd: not here. Status is 0, no bytes. */
  CacheMiss: 4,
  /** Where the bytes came from: at most one of the three, on the first chunk. */
  FromCache: 8,
  FromUfs: 16,
  FromPeer: 32,
} as const;

/** What a worker needs to serve a miss: encoded by `encodeReadTarget`. */
export interface ReadTarget {
  readonly path: string;
  readonly ufsUri: string;
  readonly version: string;
  /** Bytes of the whole file. */
  readonly fileLength: number;
}

/** Hello, each message one length-prefixed (u32) JSON object ≤ 4 KiB:
 *  client → {magic, protocol, clusterUid ('': not known yet), identity, expiresAtMs, nonce}
 *  server → {protocol, clusterUid, nonce, proof: HMAC-SHA256(sessionKey, 'server' ‖ clientNonce ‖ serverNonce)} or {error: {code, message}}
 *  client → {proof: HMAC-SHA256(sessionKey, 'client' ‖ clientNonce ‖ serverNonce)}
 *  server → {ok: true} or {error}
 *  sessionKey = HKDF-SHA256(dataPlaneKey, salt = clusterUid, info = identity ‖ 0 ‖ expiresAtMs). identity = `<role>/<name>`. */
export type SessionRole = 'worker' | 'fuse' | 'cli' | 'sdk';
