// One line on a terminal that tells how far long work is; nothing where nobody watches. Redrawn at most a few times a second.
import type { Terminal } from './command-context.ts';
import { sizeText } from './output.ts';

const REDRAW_MS = 200;
const BAR_CELLS = 20;

export interface Progress {
  readonly bytes: number;
  /** undefined: not known. */
  readonly bytesTotal: number | undefined;
  readonly files: number;
}

export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #isShown: boolean;
  readonly #startMs = performance.now();
  #drawnMs = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#isShown = terminal.err.isTTY === true;
  }

  update(progress: Progress): void {
    const nowMs = performance.now();
    if (!this.#isShown || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#terminal.err.write(`\r\x1b[K${progressText(progress, (nowMs - this.#startMs) / 1000)}`);
  }

  /** Takes the line away again. */
  end(): void {
    if (this.#isShown && this.#drawnMs > 0) this.#terminal.err.write('\r\x1b[K');
  }
}

/** `██████······· 45%  1.2GiB of 2.7GiB  3 files  310.0MiB/s  5 s left` */
export function progressText({ bytes, bytesTotal, files }: Progress, seconds: number): string {
  const rate = bytes / Math.max(seconds, 1e-3);
  const counted = `${files} ${files === 1 ? 'file' : 'files'}  ${sizeText(rate)}/s`;
  if (bytesTotal === undefined) return `${sizeText(bytes)}  ${counted}`;
  const share = bytesTotal === 0 ? 1 : Math.min(1, bytes / bytesTotal);
  const full = Math.round(share * BAR_CELLS);
  const left = rate > 0 && share < 1 ? `  ${Math.ceil((bytesTotal - bytes) / rate)} s left` : '';
  return `${'█'.repeat(full)}${'·'.repeat(BAR_CELLS - full)} ${Math.floor(share * 100)}%  ${sizeText(bytes)} of ${sizeText(bytesTotal)}  ${counted}${left}`;
}
