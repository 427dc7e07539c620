// The hello: both ends prove that they hold the session key (layout.ts). Pure; the connections move the messages.
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { CacheError, ERROR_TABLE, type ErrorCode } from '../../common/errors/index.ts';
import { brokenFrame, parseObject } from './codec.ts';
import type { Session, SessionKeys } from './contracts.ts';
import { MAGIC, PROTOCOL_VERSION, type SessionRole } from './layout.ts';

export const HELLO_BYTES_MAX = 4096;
const SESSION_MS = 86_400_000;
const SESSION_MS_MAX = 7 * SESSION_MS;
const IDENTITY = /^(worker|fuse|cli|sdk)\/[\x21-\x7e]{1,200}$/;
const NONCE = /^[0-9a-f]{32}$/;

function sessionKey(keys: SessionKeys, identity: string, expiresAtMs: number): Buffer {
  return Buffer.from(hkdfSync('sha256', keys.dataPlaneKey, keys.clusterUid, `${identity}\0${expiresAtMs}`, 32));
}
const proofOf = (key: Buffer, side: 'client' | 'server', nonces: string): string => createHmac('sha256', key).update(side).update(nonces).digest('hex');
function isProof(given: unknown, expected: string): boolean {
  return typeof given === 'string' && given.length === expected.length && timingSafeEqual(Buffer.from(given, 'latin1'), Buffer.from(expected, 'latin1'));
}

/** A message with its u32 length in front. */
export function encodeHello(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeUInt32LE(body.length);
  body.copy(bytes, 4);
  return bytes;
}
/** @throws ProtocolMismatch: whoever speaks is no data plane */
export function helloLength(bytes: Buffer): number {
  const length = bytes.readUInt32LE(0);
  if (length < 2 || length > HELLO_BYTES_MAX) throw brokenFrame('The peer does not speak the data-plane protocol.');
  return length;
}
/** What a refused peer is told. */
export const refusalOf = (error: CacheError): Buffer => encodeHello({ error: { code: error.code, message: error.message } });

function throwRefusal(message: Record<string, unknown>): void {
  const refusal = message['error'] as { code?: unknown; message?: unknown } | undefined;
  if (refusal === undefined) return;
  const code = typeof refusal.code === 'string' && Object.hasOwn(ERROR_TABLE, refusal.code) ? (refusal.code as ErrorCode) : 'Unauthenticated';
  throw new CacheError(code, typeof refusal.message === 'string' ? refusal.message : 'The worker refused the session.', { source: 'worker' });
}
const mismatch = (theirs: unknown): CacheError =>
  new CacheError('ProtocolMismatch', `The data-plane protocol is version ${PROTOCOL_VERSION} here and ${String(theirs)} at the peer: run the same release on both ends.`);
const unauthenticated = (message: string): CacheError => new CacheError('Unauthenticated', message);

export interface HelloOptions {
  readonly keys: SessionKeys;
  readonly role: SessionRole;
  readonly identity: string;
}

/** Client's half: `first`, then `answer` for each message of the server; done when `answer` gives undefined. */
export class ClientHello {
  readonly first: Buffer;
  readonly #nonce = randomBytes(16).toString('hex');
  readonly #options: HelloOptions;
  readonly #expiresAtMs = Date.now() + SESSION_MS;
  #isProven = false;

  /** A client that knows no cluster uid ('') takes that of the worker, which proves that it holds the key. */
  constructor(options: HelloOptions) {
    const { keys, role, identity } = options;
    this.#options = options;
    if (!IDENTITY.test(identity) || !identity.startsWith(`${role}/`)) {
      throw new CacheError('InvalidArgument', 'A session identity must read <role>/<name>.', { context: { identity, role } });
    }
    this.first = encodeHello({ magic: MAGIC, protocol: PROTOCOL_VERSION, clusterUid: keys.clusterUid, identity, expiresAtMs: this.#expiresAtMs, nonce: this.#nonce });
  }

  /** @throws Unauthenticated, ProtocolMismatch */
  answer(body: Uint8Array): Buffer | undefined {
    const message = parseObject(body);
    throwRefusal(message);
    if (this.#isProven) {
      if (message['ok'] !== true) throw brokenFrame('The worker did not confirm the session.');
      return undefined;
    }
    const nonce = message['nonce'];
    if (message['protocol'] !== PROTOCOL_VERSION) throw mismatch(message['protocol']);
    if (typeof nonce !== 'string' || !NONCE.test(nonce)) throw brokenFrame('The worker sent no nonce.');
    const nonces = this.#nonce + nonce;
    const { keys, identity } = this.#options;
    const clusterUid = keys.clusterUid === '' ? String(message['clusterUid']) : keys.clusterUid;
    const key = sessionKey({ ...keys, clusterUid }, identity, this.#expiresAtMs);
    if (!isProof(message['proof'], proofOf(key, 'server', nonces))) {
      throw unauthenticated('The worker does not hold this cluster’s data-plane key: compare alluxio.security.data.plane.key.file on both ends.');
    }
    this.#isProven = true;
    return encodeHello({ proof: proofOf(key, 'client', nonces) });
  }
}

/** Server's half: `answer` each message; `session` is set once the client has proven itself. */
export class ServerHello {
  session: Session | undefined;
  /** Of the session, 0 before. */
  expiresAtMs = 0;
  readonly #keys: SessionKeys;
  #identity = '';
  #expectedProof: string | undefined;

  constructor(keys: SessionKeys) {
    this.#keys = keys;
  }

  /** @throws Unauthenticated, ProtocolMismatch: send `refusalOf` and close */
  answer(body: Uint8Array): Buffer {
    const message = parseObject(body);
    if (this.#expectedProof === undefined) return this.#challenge(message);
    if (!isProof(message['proof'], this.#expectedProof)) {
      throw unauthenticated('The client does not hold this cluster’s data-plane key: compare alluxio.security.data.plane.key.file on both ends.');
    }
    this.#assertFresh();
    this.session = { role: this.#identity.slice(0, this.#identity.indexOf('/')) as SessionRole, identity: this.#identity };
    return encodeHello({ ok: true });
  }

  #challenge(message: Record<string, unknown>): Buffer {
    const { magic, protocol, clusterUid, identity, expiresAtMs, nonce } = message;
    if (magic !== MAGIC) throw brokenFrame('The peer does not speak the data-plane protocol.');
    if (protocol !== PROTOCOL_VERSION) throw mismatch(protocol);
    if (clusterUid !== '' && clusterUid !== this.#keys.clusterUid) throw unauthenticated('The client belongs to another cluster: check its worker endpoints and its cluster.');
    if (typeof identity !== 'string' || !IDENTITY.test(identity)) throw unauthenticated('The session identity must read <role>/<name>.');
    if (typeof nonce !== 'string' || !NONCE.test(nonce) || typeof expiresAtMs !== 'number' || !Number.isSafeInteger(expiresAtMs)) throw brokenFrame('The hello is not complete.');
    this.#identity = identity;
    this.expiresAtMs = expiresAtMs;
    this.#assertFresh();
    const key = sessionKey(this.#keys, identity, expiresAtMs);
    const own = randomBytes(16).toString('hex');
    this.#expectedProof = proofOf(key, 'client', nonce + own);
    return encodeHello({ protocol: PROTOCOL_VERSION, clusterUid: this.#keys.clusterUid, nonce: own, proof: proofOf(key, 'server', nonce + own) });
  }

  #assertFresh(): void {
    const leftMs = this.expiresAtMs - Date.now();
    if (leftMs <= 0) throw unauthenticated('The session has expired: connect again, and check the clocks of both hosts.');
    if (leftMs > SESSION_MS_MAX) throw unauthenticated('The session lasts too long: check the clocks of both hosts.');
  }
}
