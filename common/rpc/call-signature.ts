// Signed calls: who holds the key may call. The signature covers method, time and a nonce, and is good for a minute, once; the nonces seen are remembered as long.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { systemClock, type Clock } from '../async/index.ts';
import { CacheError } from '../errors/index.ts';

const WINDOW_MS = 60_000;
const PATTERN = /^v1\.(\d{1,15})\.([0-9a-f]{32})\.([0-9a-f]{64})$/;
const NONCES_MAX = 200_000;

export class CallSignature {
  readonly #key: Buffer;
  readonly #clock: Clock;
  /** Nonce → wall time at which it may be forgotten, oldest first. */
  readonly #seen = new Map<string, number>();

  /**
   * @param key secret of caller and server
   * @param purpose keeps signatures for one service from being used at another
   */
  constructor(key: Uint8Array, purpose: string, clock: Clock = systemClock) {
    this.#key = createHmac('sha256', key).update(`alluxio call signature\0${purpose}`).digest();
    this.#clock = clock;
  }

  /** @param method full path of the method */
  sign(method: string): string {
    const head = `v1.${Math.round(this.#clock.wallMs())}.${randomBytes(16).toString('hex')}`;
    return `${head}.${this.#mac(method, head)}`;
  }

  /** @throws Unauthenticated */
  verify(method: string, signature: string | undefined): void {
    const match = signature === undefined ? null : PATTERN.exec(signature);
    if (match === null) throw refusal('The call is not signed.');
    const [, time, nonce, mac] = match as unknown as [string, string, string, string];
    const expected = this.#mac(method, `v1.${time}.${nonce}`);
    if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) throw refusal('The call is signed with another key.');
    const nowMs = this.#clock.wallMs();
    if (Math.abs(nowMs - Number(time)) > WINDOW_MS) throw refusal('The call was signed too long ago, or the clocks differ by more than a minute.');
    this.#useOnce(nonce, nowMs);
  }

  #mac = (method: string, head: string): string => createHmac('sha256', this.#key).update(`${method}\0${head}`).digest('hex');

  #useOnce(nonce: string, nowMs: number): void {
    for (const [old, untilMs] of this.#seen) {
      if (untilMs > nowMs && this.#seen.size < NONCES_MAX) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(nonce)) throw refusal('The call was received before.');
    this.#seen.set(nonce, nowMs + 2 * WINDOW_MS);
  }
}

const refusal = (message: string): CacheError =>
  new CacheError('Unauthenticated', message, {
    source: 'caller',
    context: { remedy: 'Give both processes the same alluxio.security.data.plane.key.file and check their clocks.' },
  });
