// Keys and sealed secrets. A key is a file of 32 bytes (0600); secrets that several processes share are sealed with AES-256-GCM before they reach the metadata store.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { CacheError } from '../errors/index.ts';

export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED_VERSION = 1;

const hintOf = (code: string | undefined): string => {
  if (code === 'ENOENT') return 'Create it: head -c 32 /dev/urandom > FILE && chmod 600 FILE, the same on every node (a Secret in Kubernetes).';
  return code === 'EACCES' || code === 'EPERM' ? 'Run as its owner, or let this user read it.' : 'Check the path.';
};

/**
 * Makes a key of random bytes, 0600, when the file does not exist; of several starters one wins and nobody reads half a key.
 * @throws InvalidConfiguration when the directory cannot be written
 */
export function createKeyFile(path: string): void {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(draft, randomBytes(KEY_BYTES), { mode: 0o600, flag: 'wx', flush: true });
    chmodSync(draft, 0o600);
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new CacheError('InvalidConfiguration', `The key file ${path} cannot be written.`, {
      context: { file: path, remedy: 'Check that its directory exists and is writable.' },
      cause: error,
    });
  } finally {
    removeDraft(draft);
  }
}

function removeDraft(draft: string): void {
  try {
    unlinkSync(draft);
  } catch {
    // never made
  }
}

/** @returns 32 bytes. @throws InvalidConfiguration naming file and remedy */
export function readKeyFile(path: string): Uint8Array {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CacheError('InvalidConfiguration', `The key file ${path} cannot be read (${code ?? 'unknown error'}).`, {
      source: 'caller',
      context: { file: path, remedy: hintOf(code) },
      cause: error,
    });
  }
  if (bytes.length === KEY_BYTES) return new Uint8Array(bytes);
  throw new CacheError('InvalidConfiguration', `The key file ${path} has ${bytes.length} bytes, not ${KEY_BYTES}.`, {
    source: 'caller',
    context: { file: path, remedy: hintOf('ENOENT') },
  });
}

/** Others than its owner may read the file: worth a warning at start. Kubernetes mounts Secrets so that the pod's group can. */
export const isKeyFileExposed = (path: string): boolean => (statSync(path).mode & 0o007) !== 0;

/** Seals sets of named secrets under the cluster's sealing key. */
export class SealingKey {
  readonly #key: Uint8Array;

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new CacheError('InvalidConfiguration', `A sealing key has ${KEY_BYTES} bytes, not ${key.length}.`, { source: 'caller' });
    this.#key = key;
  }

  /** @throws InvalidConfiguration */
  static fromFile(path: string): SealingKey {
    return new SealingKey(readKeyFile(path));
  }

  /** @returns base64 of version ‖ nonce ‖ tag ‖ ciphertext; '' for no secrets. Equal secrets seal to different texts. */
  seal(secrets: Readonly<Record<string, string>>): string {
    if (Object.keys(secrets).length === 0) return '';
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    const body = Buffer.concat([cipher.update(JSON.stringify(secrets), 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(SEALED_VERSION), nonce, cipher.getAuthTag(), body]).toString('base64');
  }

  /** @throws Unauthenticated when it was sealed under another key or changed */
  open(sealed: string): Record<string, string> {
    if (sealed === '') return {};
    try {
      const bytes = Buffer.from(sealed, 'base64');
      if (bytes[0] !== SEALED_VERSION) throw new CacheError('Unsupported', `Sealed form ${String(bytes[0])} is not known.`);
      const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(bytes.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES));
      const text = Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
      return JSON.parse(text) as Record<string, string>;
    } catch (error) {
      throw new CacheError('Unauthenticated', 'Sealed secrets cannot be opened with this sealing key.', {
        context: { remedy: 'Compare alluxio.security.sealing.key.file on coordinators, workers and FUSE daemons; seal again with alluxio mount add.' },
        cause: error,
      });
    }
  }
}
