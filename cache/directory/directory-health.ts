// Whether a directory's disk can be trusted, from real I/O errors and a probe.
//   healthy    stores and serves
//   suspect    an I/O error was seen: serves, stores nothing new until a probe succeeds
//   read-only  the file system refuses writes: serves, neither stores nor evicts
//   failed     a probe failed, or errors came one after another: serves nothing, its pages are dropped
// Every state but healthy is left by a probe that succeeds.
import { closeSync, fsyncSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CacheError } from '../../common/errors/index.ts';

export type HealthState = 'healthy' | 'suspect' | 'read-only' | 'failed';

/** Errors in a row that make a directory failed without waiting for the probe. */
export const ERRORS_IN_A_ROW = 3;
const PROBE_NAME = '.health';
const PROBE_BYTES = 4096;

/** Of the file system's error, also when it is the cause of ours. */
const codeOf = (error: unknown): string => (error instanceof CacheError ? codeOf(error.cause) : ((error as NodeJS.ErrnoException | undefined)?.code ?? ''));
/** The disk is full, the process has too few descriptors, the file is too long for the file system or was replaced: no fault of the disk. */
const HARMLESS = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EFBIG', 'ESTALE']);
/** A probe that finds no room was answered: the disk works, and a store that stores makes room by evicting. Waiting for room would be waiting for ever. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);
const isHarmless = (code: string): boolean => HARMLESS.has(code);

/** Writes a block, reads it back. @throws errors of the file system */
export function probeDirectory(path: string): void {
  const file = join(path, PROBE_NAME);
  const written = Buffer.alloc(PROBE_BYTES, Date.now() & 0xff);
  const fd = openSync(file, 'w+', 0o600);
  try {
    writeSync(fd, written, 0, PROBE_BYTES, 0);
    fsyncSync(fd);
    const back = Buffer.alloc(PROBE_BYTES);
    readSync(fd, back, 0, PROBE_BYTES, 0);
    if (!back.equals(written)) throw Object.assign(new RangeError('the probe read back other bytes'), { code: 'EIO' });
  } finally {
    closeSync(fd);
    unlinkSync(file);
  }
}

export class DirectoryHealth {
  readonly #path: string;
  readonly #probe: (path: string) => void;
  readonly #onChange: (state: HealthState, before: HealthState) => void;
  #state: HealthState = 'healthy';
  #errors = 0;

  constructor(options: { readonly path: string; readonly onChange: (state: HealthState, before: HealthState) => void; readonly probe?: (path: string) => void }) {
    this.#path = options.path;
    this.#onChange = options.onChange;
    this.#probe = options.probe ?? probeDirectory;
  }

  get state(): HealthState {
    return this.#state;
  }
  get canStore(): boolean {
    return this.#state === 'healthy';
  }
  get canServe(): boolean {
    return this.#state !== 'failed';
  }

  /** @returns whether the error speaks against the disk */
  noteError(error: unknown): boolean {
    const code = codeOf(error);
    if (isHarmless(code)) return false;
    this.#errors++;
    if (code === 'EROFS') this.#become(this.#state === 'failed' ? 'failed' : 'read-only');
    else if (this.#errors >= ERRORS_IN_A_ROW) this.#become('failed');
    else if (this.#state === 'healthy') this.#become('suspect');
    return true;
  }

  noteSuccess(): void {
    if (this.#state === 'healthy') this.#errors = 0;
  }

  /** Of a directory that is not healthy. */
  probe(): void {
    if (this.#state === 'healthy') return;
    try {
      this.#probe(this.#path);
      this.#recovered();
    } catch (error) {
      const code = codeOf(error);
      if (FULL.has(code)) return this.#recovered();
      if (isHarmless(code)) return;
      if (code === 'EROFS') this.#become(this.#state === 'failed' ? 'failed' : 'read-only');
      else this.#become('failed');
    }
  }

  #recovered(): void {
    this.#errors = 0;
    this.#become('healthy');
  }

  #become(state: HealthState): void {
    const before = this.#state;
    if (state === before) return;
    this.#state = state;
    this.#onChange(state, before);
  }
}
