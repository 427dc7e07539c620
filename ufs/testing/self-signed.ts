// A certificate for `localhost` that signs itself, made when a test needs it: no key lies in the repository, no openssl has to be there.
import { createSign, generateKeyPairSync } from 'node:crypto';

const der = (tag: number, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const length = body.length < 128 ? Buffer.of(body.length) : Buffer.of(0x82, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.of(tag), length, body]);
};
const sequence = (...content: Buffer[]): Buffer => der(0x30, ...content);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const integer = (value: number): Buffer => der(0x02, Buffer.of(value));
const utcTime = (date: Date): Buffer => der(0x17, Buffer.from(`${date.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`));

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
const NAME = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from('localhost')))));
const ALT_NAME = sequence(oid('551d11'), der(0x04, sequence(der(0x82, Buffer.from('localhost')))));
const IS_CA = sequence(oid('551d13'), der(0x04, sequence(der(0x01, Buffer.of(0xff)))));
const DAY_MS = 86_400_000;

/** PEM texts, good for a day. */
export function selfSigned(): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validity = sequence(utcTime(new Date(Date.now() - DAY_MS)), utcTime(new Date(Date.now() + DAY_MS)));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const facts = sequence(der(0xa0, integer(2)), integer(1), ECDSA_WITH_SHA256, NAME, validity, NAME, spki, der(0xa3, sequence(ALT_NAME, IS_CA)));
  const signature = createSign('sha256').update(facts).sign(privateKey);
  const certificate = sequence(facts, ECDSA_WITH_SHA256, der(0x03, Buffer.of(0), signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g)!;
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n` };
}
